"""Brevo: many emails in one call, each a version with words of its own. Anymail fills in
parameters only, which Brevo would also read in what people wrote; so a backend of ours puts in
each one's whole wording."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from anymail.backends import brevo
from django.utils.translation import gettext_noop as _

from notices.content.messages import Values, Wording
from notices.providers.errors import NotSent, Unknown
from notices.providers.esp import BatchingEsp

__all__ = ["Brevo"]


class Brevo(BatchingEsp):
    path = "notices.providers.brevo.EmailBackend"

    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.filled = filled

    def post(self, mail: Any, addresses: Sequence[str]) -> list[str | NotSent]:
        """Anymail believes an answer without a number; Brevo always gives one."""
        return [
            answer or Unknown(_("The provider gave no clear answer."))
            for answer in super().post(mail, addresses)
        ]


class EmailBackend(brevo.EmailBackend):  # type: ignore[misc]
    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        return Payload(message, defaults, self)


class Payload(brevo.BrevoPayload):  # type: ignore[misc]
    def serialize_data(self) -> Any:
        data = json.loads(super().serialize_data())
        for version in data.get("messageVersions", []):
            said: Wording = self.message.filled[version["to"][0]["email"]]
            version["subject"] = said.subject
            version["textContent"], version["htmlContent"] = said.text, said.html
        return self.serialize_json(data)
