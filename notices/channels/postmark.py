"""Postmark: many emails in one call, each whole. Anymail gives all of them the same words unless
Postmark keeps the template; so a backend of ours puts in each one's own."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from anymail.backends import postmark
from anymail.message import AnymailRecipientStatus
from anymail.utils import EmailAddress

from notices.channels.esp import TOGETHER, Esp
from notices.messages import Wording

NOT_THIS_ONE = (300, 406)  # an invalid address; one that bounced or complained before


class Postmark(Esp):
    batch = TOGETHER
    path = "notices.channels.postmark.EmailBackend"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        if self.backend.use_bulk_api:  # another API, with templates
            self.batch = 0

    def personalise(
        self, mail: Any, words: Mapping[str, Mapping[str, str]], filled: Mapping[str, Wording]
    ) -> None:
        mail.filled = filled


class EmailBackend(postmark.EmailBackend):  # type: ignore[misc]
    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        return Payload(message, defaults, self)

    def parse_recipient_status(self, response: Any, payload: Any, message: Any) -> Any:
        """Anymail's own gives all answers up for one error that it does not know."""
        answers = self.deserialize_json_response(response, payload, message)
        if not isinstance(answers, list):
            return super().parse_recipient_status(response, payload, message)
        recipients = payload.to_emails
        return {
            to.addr_spec: status(one, to.addr_spec)
            for to, one in zip(recipients, answers, strict=True)
        }


def status(answer: dict[str, Any], address: str) -> AnymailRecipientStatus:
    """Of one email of a batch; the answers come in the order of the emails."""
    code, number = answer.get("ErrorCode"), answer.get("MessageID")
    if isinstance(code, int) and code:
        return AnymailRecipientStatus(None, "rejected" if code in NOT_THIS_ONE else "failed")
    mine = parseaddr(str(answer.get("To")))[1].lower() == address.lower()
    return AnymailRecipientStatus(number, "sent" if mine and number else "unknown")


class Payload(postmark.PostmarkPayload):  # type: ignore[misc]
    def data_for_recipient(self, to: EmailAddress) -> Any:
        said: Wording = self.message.filled[to.addr_spec]
        own = {"Subject": said.subject, "TextBody": said.text, "HtmlBody": said.html}
        return super().data_for_recipient(to) | own
