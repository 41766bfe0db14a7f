"""What the providers that speak HTTP share: the request that each writes, and what an answer says.

A request that never left raises Away, one that left and was not answered Unknown. How it goes and
what bounds the answer is in exchange.py.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop as _

from notices.content.messages import Batch, Wording
from notices.models import Delivery
from notices.providers import connection, registry
from notices.providers.base import Asking
from notices.providers.connection import Origin
from notices.providers.errors import Away, NotSent, TryLater, Unknown
from notices.providers.exchange import Post
from notices.providers.reply import Reply

__all__ = [
    "ANSWER_SECONDS",
    "BUSY",
    "HTTP",
    "NONSENSE",
    "NOT_NOW",
    "Answer",
    "in_doubt",
    "retry_after",
]

READ_SECONDS = 10  # to wait for the next piece of an answer
ANSWER_SECONDS = 15  # for all of it; see delivery/limits.py
MAX_BYTES = 64 * 1024  # of an answer
MAX_WAIT_SECONDS = 24 * 3600  # that a provider may ask for
NOT_NOW = (425, 429, 503)
OUR_FAULT = (300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407)
BUSY = _("The provider is busy.")
ACCOUNT = _("The provider does not accept our account. Somebody must look at it.")
NONSENSE = _("The provider gave no clear answer.")
log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """`facts` is empty when the answer is not a JSON object; `clear`: it is one, or nothing."""

    status: int
    headers: Mapping[str, str]
    facts: dict[str, Any]
    clear: bool

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def wait(self) -> float | None:
        return retry_after(self.headers)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait. `headers`: by their names in small letters."""
    seconds = headers.get("retry-after") or ""
    return min(float(seconds), MAX_WAIT_SECONDS) if seconds.isdecimal() else None


def in_doubt(status: int) -> bool:
    """Whether an answer of this status leaves open what became of a request that had left whole: a
    server that stumbled, or something on the way that gave up, may have handed it on before. 408
    is said by a server that got none, and by a proxy that waited in vain for one behind it."""
    return status == 408 or (status >= 500 and status not in NOT_NOW)


class HTTP(Asking):
    guarded = True
    base = ""  # where it is, unless its address names an endpoint

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.address = registry.address(url)
        self.rate = self.address.options.get("rate", "")
        self.base = self.address.options.get("endpoint", self.base).rstrip("/")

    @cached_property
    def origin(self) -> Origin:
        return Origin.of(self.base)

    def open(self) -> None:
        connection.addresses(self.origin)

    def request(self, delivery: Delivery, wording: Wording) -> Post:
        """What it is asked."""
        raise NotImplementedError

    def read(self, answer: Answer, post: Post) -> str:
        """What it means: the provider's id of the message, or why it did not go, raised."""
        raise NotImplementedError

    def post(self, path: str, body: bytes, headers: dict[str, str], **more: Any) -> Post:
        target = f"{urlsplit(self.base).path}{path}"
        return Post(
            self.origin, target, body, headers, READ_SECONDS, ANSWER_SECONDS, MAX_BYTES, **more
        )

    def ask(
        self, deliveries: Sequence[Delivery], wording: Wording, batch: Batch | None = None
    ) -> Post:
        return self.request(deliveries[0], wording)

    def answers(self, post: Post, reply: Reply) -> list[str | NotSent]:
        found = facts(reply.content)
        answer = Answer(reply.status, reply.headers, found or {}, found is not None)
        return [self.read(answer, post)]

    def our_fault(self, code: str | int, reason: str = ACCOUNT) -> Away:
        """What a person must fix: said loudly, and nothing is lost meanwhile."""
        log.error("%s refuses our account, not the message (%s). Look at it.", self.name, code)
        return Away(reason, code=code)

    def not_documented(self, answer: Answer, request_id: str = "") -> NotSent:
        """An answer that none of the provider's own codes explains: never sent, never lost."""
        if answer.status in NOT_NOW:
            return TryLater(BUSY, answer.wait, code=answer.status, request_id=request_id)
        if in_doubt(answer.status):
            return Unknown(NONSENSE, code=answer.status, request_id=request_id)
        if answer.status in OUR_FAULT:
            return self.our_fault(answer.status)
        if answer.ok:
            return Unknown(NONSENSE, code=answer.status, request_id=request_id)
        return TryLater(NONSENSE, code=answer.status)


def facts(content: bytes | None) -> dict[str, Any] | None:
    """None: it is neither nothing nor a JSON object that we can read."""
    if content is None:
        return None
    if not content.strip():
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
