"""SMS by a gateway of one's own: `webhook+https://KEY@host/path` (docs/running.md).

POST {"to": "+8613…", "body": "…", "delivery": 7} as JSON. With a KEY, the header
X-Bellhop-Signature is "sha256=" and the HMAC of the body. The gateway may answer {"id": "…"}.
"""

import hashlib
import hmac
import json
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from django.utils.translation import gettext_noop as _

from notices.channels.base import Provider
from notices.errors import NotSent, Refused, TryLater, Unknown
from notices.messages import Wording
from notices.models import Delivery

TIMEOUT = (3, 10)  # seconds to connect, to read
NOT_NOW = (408, 425, 429, 500, 502, 503, 504)


class Webhook(Provider):
    name = "webhook"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = urlsplit(url.removeprefix("webhook+"))
        self.key = unquote(parts.username or "")
        self.address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self.session = requests.Session()

    def close(self) -> None:
        self.session.close()

    def send(self, delivery: Delivery, wording: Wording) -> str:
        facts = {"to": delivery.address, "body": wording.text, "delivery": delivery.pk}
        body = json.dumps(facts).encode()
        headers = {"Content-Type": "application/json"}
        if self.key:
            mac = hmac.new(self.key.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Bellhop-Signature"] = f"sha256={mac}"
        try:
            answer = self.session.post(
                self.address, body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        except (requests.ConnectTimeout, requests.exceptions.SSLError) as problem:
            raise TryLater(_("The gateway cannot be reached.")) from problem
        except requests.ConnectionError as problem:
            raise never_left(problem) from problem
        except requests.RequestException as problem:
            raise Unknown(_("The gateway did not answer in time.")) from problem
        return self.read(answer)

    def read(self, answer: requests.Response) -> str:
        if answer.ok and answer.status_code < 300:
            return number(answer)
        if answer.status_code in NOT_NOW:
            raise TryLater(f"The gateway is busy ({answer.status_code}).", wait(answer))
        raise Refused(f"The gateway refused it ({answer.status_code}).")


def never_left(problem: requests.ConnectionError) -> NotSent:
    """A connection that was never made is tried later; one that broke leaves us in doubt."""
    if "NewConnectionError" in repr(problem) or "NameResolutionError" in repr(problem):
        return TryLater(_("The gateway cannot be reached."))
    return Unknown(_("The connection broke before the gateway answered."))


def wait(answer: requests.Response) -> float | None:
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else None


def number(answer: requests.Response) -> str:
    try:
        facts = answer.json()
    except requests.JSONDecodeError:
        return ""
    return str(facts.get("id") or "") if isinstance(facts, dict) else ""
