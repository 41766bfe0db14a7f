"""Postmark: many emails in one call, each whole. Anymail gives all of them the same words unless
Postmark keeps the template; so a backend of ours puts in each one's own."""

from collections.abc import Callable, Mapping
from email.utils import parseaddr
from functools import cache
from typing import Any

import requests
from anymail.backends import postmark
from anymail.exceptions import AnymailAPIError, AnymailRequestsAPIError
from anymail.message import AnymailRecipientStatus
from anymail.utils import EmailAddress
from django.utils.translation import gettext_noop as _

from notices.content.fields import Values
from notices.content.messages import Wording
from notices.providers.errors import NotSent, Refused, TryLater
from notices.providers.esp import BatchingEsp, our_fault

__all__ = ["Postmark"]

# https://postmarkapp.com/developer/api/overview#error-codes
INVALID, INACTIVE = 300, 406  # something of the email; an address that bounced or complained before
NOT_NOW = (100, 429)  # maintenance; too many requests
ACCOUNT = (10, 400, 401, 405, 412, 413)  # token, sender, credits, approval


class Postmark(BatchingEsp):
    path = "notices.providers.postmark.EmailBackend"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        if self.backend.use_bulk_api:  # another API, with templates
            self.max_batch = 0

    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.filled = filled

    def not_sent(self, problem: AnymailAPIError) -> NotSent:
        said = facts(problem.response)
        if code := error(said):
            return explained(code, about_address(said))
        return super().not_sent(problem)

    def answer(self, status: Any, address: str) -> str | NotSent:
        problem: NotSent | None = getattr(status.recipients.get(address), "problem", None)
        return problem or super().answer(status, address)


class EmailBackend(postmark.EmailBackend):  # type: ignore[misc]
    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        return Payload(message, defaults, self)

    def parse_recipient_status(self, response: Any, payload: Any, message: Any) -> Any:
        """Anymail's own gives all answers up for one error that it does not know."""
        answers = self.deserialize_json_response(response, payload, message)
        if error(facts(response)):
            raise AnymailRequestsAPIError(response=response, backend=self)
        if not isinstance(answers, list):
            return super().parse_recipient_status(response, payload, message)
        explain = cache(explained)  # what is wrong with our account is said once, not of each
        # The answers come in the order of the emails.
        return {
            to.addr_spec: status(one, to.addr_spec, explain)
            for to, one in zip(payload.to_emails, answers, strict=True)
        }


Explain = Callable[[int, bool], NotSent]


def status(answer: dict[str, Any], address: str, explain: Explain) -> AnymailRecipientStatus:
    """Of one email of a batch."""
    if code := error(answer):
        refused: Any = AnymailRecipientStatus(None, "failed")
        refused.problem = explain(code, about_address(answer))
        return refused
    number = answer.get("MessageID")
    mine = parseaddr(str(answer.get("To")))[1].lower() == address.lower()
    return AnymailRecipientStatus(number, "sent" if mine and number else "unknown")


def facts(response: requests.Response | None) -> dict[str, Any]:
    """The one answer to a whole call; empty when there is none that Postmark itself gave."""
    if response is None or response.status_code not in (200, 422):
        return {}
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def error(answer: Mapping[str, Any]) -> int:
    code = answer.get("ErrorCode")
    return code if isinstance(code, int) else 0


def about_address(answer: Mapping[str, Any]) -> bool:
    """Whether it is the address that is wrong."""
    invalid = error(answer) == INVALID and "'To'" in str(answer.get("Message"))
    return invalid or error(answer) == INACTIVE


def explained(code: int, of_address: bool) -> NotSent:
    if code in NOT_NOW:
        return TryLater(_("The provider is busy."), code=code)
    if code in ACCOUNT:
        return our_fault(code)
    if of_address:
        return Refused(_("The provider does not accept this address."), code=code)
    return Refused(_("The provider refused it."), code=code)


class Payload(postmark.PostmarkPayload):  # type: ignore[misc]
    def data_for_recipient(self, to: EmailAddress) -> Any:
        said: Wording = self.message.filled[to.addr_spec]
        own = {"Subject": said.subject, "TextBody": said.text, "HtmlBody": said.html}
        return super().data_for_recipient(to) | own
