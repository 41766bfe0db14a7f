"""Email to files, one a message: `file:DIR`.

Django's own file backend writes one file a connection, named by the second and by an address in
memory, so the messages of a bulk send would share files.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend as FileBackend

__all__ = ["EmailBackend"]


class EmailBackend(FileBackend):
    def open(self) -> bool:
        return False  # no file for the connection

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
            draft = Path(self.file_path) / f"{stamp}-{uuid4().hex[:8]}.part"
            draft.write_bytes(message.message().as_bytes() + b"\n")
            draft.rename(draft.with_suffix(".eml"))  # it appears whole or not at all
        return len(email_messages)
