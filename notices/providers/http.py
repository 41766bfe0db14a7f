"""What the providers that speak HTTP share: a connection, and an answer that can do no harm.

A request that never left raises Away, one that left and was not answered Unknown. An answer is
read up to 64 KB and for 15 seconds in all, however it comes. No redirect is followed, and nothing
of the environment (a proxy, a .netrc) is looked at.
"""

import json
import logging
import select
import ssl
from collections.abc import Mapping
from functools import cache
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import certifi
from django.utils.translation import gettext_noop as _
from urllib3.exceptions import HTTPError

from notices.providers import bounded, registry
from notices.providers.base import Provider
from notices.providers.errors import Away, NotSent, TryLater, Unknown

__all__ = [
    "ANSWER_SECONDS", "BUSY", "CONNECT_SECONDS", "HTTP", "NONSENSE", "NOT_NOW", "UNREACHABLE",
    "Answer", "in_doubt", "retry_after", "trusted",
]  # fmt: skip

CONNECT_SECONDS = 3
READ_SECONDS = 10  # to wait for the next piece of an answer
ANSWER_SECONDS = bounded.Connection.seconds  # for all of it; see delivery/limits.py
MAX_CONNECTIONS = 96  # that a job opens
MAX_BYTES = 64 * 1024  # of an answer
MAX_WAIT_SECONDS = 24 * 3600  # that a provider may ask for
NOT_NOW = (425, 429, 503)
OUR_FAULT = (300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407)
UNREACHABLE = _("The provider cannot be reached.")
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
    """Seconds that the provider asks us to wait."""
    seconds = headers.get("Retry-After") or ""
    return min(float(seconds), MAX_WAIT_SECONDS) if seconds.isdecimal() else None


def in_doubt(status: int) -> bool:
    """Whether an answer of this status leaves open what became of a request that had left whole: a
    server that stumbled, or something on the way that gave up, may have handed it on before. 408
    is said by a server that got none, and by a proxy that waited in vain for one behind it."""
    return status == 408 or (status >= 500 and status not in NOT_NOW)


@cache
def trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


class HTTP(Provider):
    guarded = True
    max_connections = MAX_CONNECTIONS
    base = ""  # where it is, unless its address names an endpoint

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.address = registry.address(url)
        self.rate = self.address.options.get("rate", "")
        self.base = self.address.options.get("endpoint", self.base).rstrip("/")
        self.connection: bounded.Connection | bounded.TLSConnection | None = None

    def open(self) -> None:
        self.connection = self.connection or self.new_connection()

    def close(self) -> None:
        if self.connection:
            self.connection.close()

    def post(self, path: str, body: bytes, headers: dict[str, str], request_id: str = "") -> Answer:
        """`request_id`: the id under which it may be asked again if no answer comes."""
        connection, content = self.connected(), None
        connection.timeout = READ_SECONDS
        try:
            target = urlsplit(self.base).path + path
            connection.request("POST", target, body, headers, preload_content=False)
            answer = connection.getresponse()
            content = bounded.read(answer, MAX_BYTES)
        except bounded.TooLarge:
            connection.close()
        except (OSError, HTTPException, HTTPError, ValueError) as problem:
            connection.close()
            reason = _("The provider did not answer in time.")
            raise Unknown(reason, request_id=request_id) from problem
        found = facts(content)
        return Answer(answer.status, answer.headers, found or {}, found is not None)

    def connected(self) -> bounded.Connection | bounded.TLSConnection:
        """The connection, made anew when the provider has closed it meanwhile. Whatever fails
        here, an expired certificate too, fails before anything has left."""
        connection = self.connection = self.connection or self.new_connection()
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        if not connection.sock:
            connection.timeout = CONNECT_SECONDS
            try:
                connection.connect()
            except (OSError, HTTPError, ValueError) as problem:  # ValueError: of a host name
                connection.close()
                raise Away(UNREACHABLE) from problem
        return connection

    def new_connection(self) -> bounded.Connection | bounded.TLSConnection:
        parts = urlsplit(self.base)
        assert parts.hostname
        if parts.scheme == "https":
            return bounded.TLSConnection(parts.hostname, parts.port, ssl_context=trusted())
        return bounded.Connection(parts.hostname, parts.port)

    def our_fault(self, code: str | int, reason: str = ACCOUNT) -> Away:
        """What a person must mend: said loudly, and nothing is lost meanwhile."""
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
