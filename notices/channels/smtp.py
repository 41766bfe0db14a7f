"""Django's SMTP backend, and whether the text of the message had left when the line broke.

Before that the server cannot have accepted the message, after it nobody knows.
"""

import smtplib
from typing import Any

from django.core.mail.backends import smtp


class NotesData:
    text_left = False

    def mail(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = False
        return super().mail(*args, **kwargs)  # type: ignore[misc]

    def data(self, *args: Any, **kwargs: Any) -> Any:
        self.text_left = True
        return super().data(*args, **kwargs)  # type: ignore[misc]


class SMTP(NotesData, smtplib.SMTP):
    pass


class SMTP_SSL(NotesData, smtplib.SMTP_SSL):  # noqa: N801  smtplib's own name
    pass


class EmailBackend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP
