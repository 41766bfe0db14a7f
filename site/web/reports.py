"""What an error report may show."""

import re

from django.views.debug import SafeExceptionReporterFilter

__all__ = ["NoSecrets"]


class NoSecrets(SafeExceptionReporterFilter):
    """Addresses of databases and providers carry passwords and tokens."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|LOCATION", re.IGNORECASE
    )
