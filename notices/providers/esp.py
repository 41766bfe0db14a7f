"""Email by a service with an HTTP API, as Anymail speaks it: `anymail://NAME` (docs/email.md).

A service that takes many emails in one call has a class of its own beside this one.
"""

import logging
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext_noop as _
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from notices.content.messages import Batch, Values, Wording
from notices.models import Delivery
from notices.providers import bounded, registry
from notices.providers.base import Batching, Provider
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.http import BUSY, NONSENSE, NOT_NOW, UNREACHABLE, in_doubt, retry_after
from notices.providers.mime import build, clean, common, message, own, reachable

__all__ = ["BatchingEsp", "Esp", "our_fault"]

MAX_BATCH = 100  # emails in one request: so many are in doubt when its answer is lost
BATCH_TIMEOUT = (3, 20)  # seconds to connect, until the answer begins
READ_SECONDS = 5  # for the rest of an answer; with the others less than a lease
MAX_BYTES = 1024 * 1024  # bytes

ACCEPTED = ("sent", "queued")  # Anymail's words
NOT_OURS = (401, 402, 403, 404, 405)  # the key, the bill, or the API's address
NEVER_LEFT = ("NewConnection", "NameResolution", "ConnectTimeout", "CertVerification")
GARBAGE = (TypeError, AttributeError, ValueError, LookupError, RecursionError)


log = logging.getLogger(__name__)


class Esp(Provider):
    path = ""  # of the backend, when it is not Anymail's own

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self.name = registry.email_name(settings.EMAIL_BACKEND)
        self.backend: Any = get_connection(self.path or settings.EMAIL_BACKEND)
        self.timeout = getattr(self.backend, "timeout", None)

    def open(self) -> None:
        if self.backend.open() and hasattr(self.backend, "session"):
            guard(self.backend.session)

    def close(self) -> None:
        self.backend.close()

    def send(self, delivery: Delivery, wording: Wording) -> str:
        mail: Any = message(delivery, wording)
        if isinstance(self, Batching) and self.max_batch:
            # Some of the others cannot carry it, and their ids are of one email.
            mail.metadata = {"delivery": str(delivery.pk)}
        self.backend.timeout = self.timeout
        [answer] = self.post(mail, [reachable(delivery.address)])
        if isinstance(answer, NotSent):
            raise answer
        return answer

    # What the service answers

    def post(self, mail: Any, addresses: Sequence[str]) -> list[str | NotSent]:
        """One answer for each address: the service's number for it, or why it did not go."""
        mail.anymail_status = None
        try:
            self.backend.send_messages([mail])
        except AnymailRecipientsRefused:
            pass  # the statuses say so of each
        except AnymailAPIError as problem:
            raise self.not_sent(problem) from problem
        except AnymailError as problem:  # Anymail knows that the service cannot say this
            raise Refused(f"The provider cannot carry this email ({line(problem)}).") from problem
        except GARBAGE as problem:
            if getattr(mail.anymail_status, "esp_response", None) is None:
                raise
            raise Unknown(NONSENSE) from problem
        return [self.answer(mail.anymail_status, address) for address in addresses]

    def not_sent(self, problem: AnymailAPIError) -> NotSent:
        """Why nothing of a call went."""
        return not_sent(problem)

    def answer(self, status: Any, address: str) -> str | NotSent:
        one = status.recipients.get(address)
        if one is None or one.status not in (*ACCEPTED, "invalid", "rejected", "failed"):
            return Unknown(NONSENSE)
        if one.status not in ACCEPTED:
            return Refused(_("The provider does not accept this address."))
        return str(one.message_id or "")


class BatchingEsp(Esp, Batching):
    max_batch = MAX_BATCH

    def batch_key(self, delivery: Delivery) -> str:
        try:
            return reachable(delivery.address).lower()
        except Refused:
            return ""

    def send_batch(self, deliveries: Sequence[Delivery], batch: Batch) -> list[str | NotSent]:
        addresses = [reachable(delivery.address) for delivery in deliveries]
        mails = dict(zip(addresses, deliveries, strict=True))
        filled = {address: clean(batch.filled(each.pk)) for address, each in mails.items()}
        headers = common(deliveries[0], filled[addresses[0]].unsubscribe)
        mail: Any = build(self.shared(batch), deliveries, headers)
        mail.merge_metadata = {
            address: {"delivery": str(each.pk)} for address, each in mails.items()
        }
        mail.merge_headers = {
            address: self.headers(each, filled[address]) for address, each in mails.items()
        }
        values = {address: batch.values[each.pk] for address, each in mails.items()}
        self.personalise(mail, values, filled)
        self.backend.timeout = BATCH_TIMEOUT
        return self.post(mail, addresses)

    def shared(self, batch: Batch) -> Wording:
        """The template with its fields as the service writes them."""
        return batch.template

    def headers(self, delivery: Delivery, wording: Wording) -> dict[str, str]:
        return own(delivery, wording.unsubscribe)

    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        """Gives the service everyone's values, or everyone's whole wording; by address."""
        raise NotImplementedError


def not_sent(problem: AnymailAPIError) -> NotSent:
    answer: requests.Response | None = problem.response
    code = getattr(answer, "status_code", None)
    if isinstance(problem, requests.TooManyRedirects):
        return Away(_("The provider sent us to another address, where we did not go."))
    if answer is None or code is None:
        return never_answered(problem)
    if code in NOT_NOW:
        return TryLater(BUSY, retry_after(answer.headers), code=code)
    if code in NOT_OURS:
        return our_fault(code)
    if 400 <= code < 500 and not in_doubt(code):
        return Refused(_("The provider refused it."), code=code)
    return Unknown(NONSENSE, code=code)


def our_fault(code: int) -> Away:
    log.error("The email service refuses our account (%s).", code)
    return Away(_("The provider does not accept our account."), code=code)


def never_answered(problem: AnymailAPIError) -> NotSent:
    """What never left is tried later; a line that broke leaves us in doubt."""
    cause = repr(problem.__cause__)
    if "CertVerification" in cause:
        return Away(_("The provider's certificate is not valid."))
    if any(name in cause for name in NEVER_LEFT):
        return Away(UNREACHABLE)
    return Unknown(_("The connection broke before the provider answered."))


def line(problem: AnymailError) -> str:
    return " ".join(str(problem.args[0] if problem.args else "").split())[:150]


# The connection


def guard(session: requests.Session) -> None:
    session.max_redirects = 0  # the API key goes nowhere else
    for scheme in ("https://", "http://"):
        session.mount(scheme, Bounded())


class Bounded(HTTPAdapter):
    """Reads of an answer only as much, and for as long, as makes sense."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        longest = BATCH_TIMEOUT[1] + READ_SECONDS
        self.poolmanager.pool_classes_by_scheme = bounded.pools(longest)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        kwargs["stream"] = True
        answer = super().send(request, *args, **kwargs)
        try:
            answer.raw = BytesIO(bounded.read(answer.raw, MAX_BYTES, READ_SECONDS))
        except HTTPError as problem:
            raise requests.ConnectionError(problem, request=request) from problem
        return answer
