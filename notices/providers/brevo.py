"""Brevo: many emails in one call, each a version with words of its own. Anymail fills in
parameters only, which Brevo would also read in what people wrote; so a backend of ours puts in
each one's whole wording."""

import json
from collections.abc import Mapping
from typing import Any

from anymail.backends import brevo

from notices.content.fields import Values
from notices.content.messages import Wording
from notices.providers.errors import NotSent, Unknown
from notices.providers.esp import BatchingEsp
from notices.providers.http import NONSENSE

__all__ = ["Brevo"]


class Brevo(BatchingEsp):
    path = "notices.providers.brevo.EmailBackend"

    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.filled = filled

    def answer(self, status: Any, address: str) -> str | NotSent:
        """Anymail believes an answer without a number; Brevo always gives one."""
        return super().answer(status, address) or Unknown(NONSENSE)


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
