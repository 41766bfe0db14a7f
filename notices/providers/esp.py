"""Email by a service with an HTTP API, as Anymail speaks it: `anymail://NAME` (docs/email.md).

A service that takes many emails in one call has a class of its own beside this one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from anymail.message import AnymailStatus
from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext_noop as _
from requests.structures import CaseInsensitiveDict

from notices.content.fields import Values
from notices.content.messages import Batch, Wording
from notices.models import Delivery
from notices.providers import connection, registry
from notices.providers.base import Asking, Batching, Provider
from notices.providers.connection import Origin
from notices.providers.errors import Away, NotSent, Refused, TryLater, Unknown
from notices.providers.exchange import Post
from notices.providers.http import BUSY, NONSENSE, NOT_NOW, in_doubt, retry_after
from notices.providers.mime import build, clean, common, message, own, reachable
from notices.providers.reply import Reply

__all__ = ["BatchingEsp", "our_fault"]

MAX_BATCH = 100  # emails in one request: so many are in doubt when its answer is lost
MAX_CONNECTIONS = 10
BATCH_SECONDS = 20  # until the answer to a batch begins
READ_SECONDS = 5  # for the rest of an answer; with the others less than a lease
MAX_BYTES = 1024 * 1024  # bytes

ACCEPTED = ("sent", "queued")  # Anymail's words
NOT_OURS = (401, 402, 403, 404, 405)  # the key, the bill, or the API's address
GARBAGE = (TypeError, AttributeError, ValueError, LookupError, RecursionError)


log = logging.getLogger(__name__)


class Esp(Provider):
    """A service that Anymail asks by a library of the service's own."""

    path = ""  # of the backend, when it is not Anymail's own

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self.name = registry.email_name(settings.EMAIL_BACKEND)
        self.backend: Any = get_connection(self.path or settings.EMAIL_BACKEND)

    def open(self) -> None:
        self.backend.open()

    def close(self) -> None:
        self.backend.close()

    def send(self, delivery: Delivery, wording: Wording) -> str:
        mail: Any = message(delivery, wording)
        mail.anymail_status = None
        try:
            self.backend.send_messages([mail])
        except AnymailRecipientsRefused:
            pass  # the status says so
        except AnymailAPIError as problem:
            raise not_sent(problem) from problem
        except AnymailError as problem:
            raise cannot(problem) from problem
        except GARBAGE as problem:
            if getattr(mail.anymail_status, "esp_response", None) is None:
                raise
            raise Unknown(NONSENSE) from problem
        answer = self.answer(mail.anymail_status, reachable(delivery.address))
        if isinstance(answer, NotSent):
            raise answer
        return answer

    def answer(self, status: Any, address: str) -> str | NotSent:
        one = status.recipients.get(address)
        if one is None or one.status not in (*ACCEPTED, "invalid", "rejected", "failed"):
            return Unknown(NONSENSE)
        if one.status not in ACCEPTED:
            return Refused(_("The provider does not accept this address."))
        return str(one.message_id or "")


@dataclass(frozen=True)
class Call(Post):
    """Of a service's API, as Anymail writes and reads it."""

    mail: Any = None
    payload: Any = None
    addresses: Sequence[str] = ()


class HTTPEsp(Asking, Esp):
    """A service that Anymail asks by HTTP: we carry what it writes, and it reads what comes."""

    max_connections = MAX_CONNECTIONS

    def open(self) -> None:
        super().open()
        connection.addresses(Origin.of(self.backend.api_url))

    def ask(
        self, deliveries: Sequence[Delivery], wording: Wording, batch: Batch | None = None
    ) -> Call:
        addresses = [reachable(delivery.address) for delivery in deliveries]
        if batch:
            mail, pause = self.merged(deliveries, addresses, batch), BATCH_SECONDS
        else:
            mail, pause = self.single(deliveries[0], wording), self.backend.timeout[1]
        mail.anymail_status = AnymailStatus()
        try:
            payload = self.backend.build_message_payload(mail, self.backend.send_defaults)
            wanted = payload.get_request_params(self.backend.api_url)
        except AnymailError as problem:
            raise cannot(problem) from problem
        asked: Any = requests.Request(**wanted).prepare()
        body = asked.body or b""
        headers = {name: text for name, text in asked.headers.items() if name != "Content-Length"}
        return Call(
            Origin.of(asked.url or ""),
            asked.path_url,
            body.encode() if isinstance(body, str) else body,
            headers,
            pause=pause,
            seconds=pause + READ_SECONDS,
            most=MAX_BYTES,
            mail=mail,
            payload=payload,
            addresses=addresses,
        )

    def single(self, delivery: Delivery, wording: Wording) -> Any:
        return message(delivery, wording)

    def merged(self, deliveries: Sequence[Delivery], addresses: Sequence[str], batch: Batch) -> Any:
        raise NotImplementedError

    def answers(self, post: Post, reply: Reply) -> list[str | NotSent]:
        assert isinstance(post, Call)
        mail, response = post.mail, requests.Response()
        response.status_code, response._content = reply.status, reply.content or b""
        response.headers = CaseInsensitiveDict(reply.headers)
        mail.anymail_status.esp_response = response
        try:
            self.backend.raise_for_status(response, post.payload, mail)
            if reply.content is None:
                raise Unknown(NONSENSE)
            found = self.backend.parse_recipient_status(response, post.payload, mail)
            mail.anymail_status.set_recipient_status(found)
        except AnymailAPIError as problem:
            raise self.not_sent(problem) from problem
        except (AnymailError, *GARBAGE) as problem:
            raise Unknown(NONSENSE) from problem
        return [self.answer(mail.anymail_status, address) for address in post.addresses]

    def not_sent(self, problem: AnymailAPIError) -> NotSent:
        """Why nothing of a call went."""
        return not_sent(problem)


class BatchingEsp(Batching, HTTPEsp):
    max_batch = MAX_BATCH

    def batch_key(self, delivery: Delivery) -> str:
        try:
            return reachable(delivery.address).lower()
        except Refused:
            return ""

    def single(self, delivery: Delivery, wording: Wording) -> Any:
        mail = super().single(delivery, wording)
        if self.max_batch:
            # Some of the others cannot carry it, and their ids are of one email.
            mail.metadata = {"delivery": str(delivery.pk)}
        return mail

    def merged(self, deliveries: Sequence[Delivery], addresses: Sequence[str], batch: Batch) -> Any:
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
        return mail

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
    if answer is None or code is None:
        return Unknown(_("The connection broke before the provider answered."))
    if 300 <= code < 400:
        return Away(_("The provider sent us to another address, where we did not go."))
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


def cannot(problem: AnymailError) -> Refused:
    """Anymail knows that the service cannot say this."""
    line = " ".join(str(problem.args[0] if problem.args else "").split())[:150]
    return Refused(f"The provider cannot carry this email ({line}).")
