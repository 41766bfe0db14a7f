"""SMS to a file, one JSON object a line: `file:DIR` writes DIR/sms.jsonl (the outbox reads it)."""

import json

from django.conf import settings
from django.utils import timezone

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.base import Provider

__all__ = ["File"]


class File(Provider):
    name = "file"

    def open(self) -> None:
        self.path = settings.BASE_DIR / self.url.removeprefix("file:") / "sms.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def send(self, delivery: Delivery, wording: Wording) -> str:
        line = {
            "at": timezone.now().isoformat(),
            "to": delivery.address,
            "body": wording.text,
            "delivery": delivery.pk,
        }
        # One write of a whole line in append mode: workers side by side do not mix their lines.
        with self.path.open("ab", buffering=0) as sink:
            sink.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        return ""
