"""SMS by a gateway of one's own: `webhook+https://KEY@host/path` (docs/running.md).

POST {"to": "+8613…", "body": "…", "delivery": 7} as JSON. With a KEY, the header
X-Bellhop-Signature is "sha256=" and the HMAC of the body. The gateway answers
nothing, or {"id": "…"}.
"""

import hashlib
import hmac
import json
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_noop as _

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.errors import Refused
from notices.providers.http import HTTP, NOT_NOW, in_doubt


class Webhook(HTTP):
    name = "webhook"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = urlsplit(url.removeprefix("webhook+"))
        self.key = unquote(parts.username or "")
        self.base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path or '/'}"
        # `rate` is ours, the rest of the query the gateway's.
        rest = [option for option in parts.query.split("&") if not option.startswith("rate=")]
        self.query = f"?{'&'.join(rest)}" if any(rest) else ""

    def send(self, delivery: Delivery, wording: Wording) -> str:
        facts = {"to": delivery.address, "body": wording.text, "delivery": delivery.pk}
        body = json.dumps(facts).encode()
        headers = {"Content-Type": "application/json"}
        if self.key:
            mac = hmac.new(self.key.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Bellhop-Signature"] = f"sha256={mac}"
        answer = self.post(self.query, body, headers)
        if answer.ok:
            if not answer.clear or answer.facts.get("error"):
                raise self.not_documented(answer)
            return str(answer.facts.get("id") or "")
        if answer.status in NOT_NOW or in_doubt(answer.status):
            raise self.not_documented(answer)
        raise Refused(_("The gateway refused it."), code=answer.status)
