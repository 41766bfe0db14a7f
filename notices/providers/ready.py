"""A system check: an email service that is not known or lacks its key is told at the start of
every process, and not when the first email should leave."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from notices.models import Channel
from notices.providers.router import providers


@register
def check_service(**kwargs: Any) -> list[CheckMessage]:
    try:
        providers(Channel.EMAIL)
    except (ImproperlyConfigured, ImportError) as problem:
        return [Error(sentence(problem), hint="See docs/email.md.", id="bellhop.E011")]
    return []


def sentence(problem: Exception) -> str:
    service = settings.EMAIL_BACKEND.split(".")[-2]
    if missing := re.search(r"ANYMAIL_[A-Z_]+", str(problem)):
        return f"{missing[0]} is not set, and EMAIL_URL names {service}."
    if package := re.search(r"The (\S+) package isn't installed", str(problem)):
        return f"EMAIL_URL names {service}, which needs the package {package[1]}."
    return f"EMAIL_URL: Anymail knows no service called {service}."
