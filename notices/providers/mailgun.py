"""Mailgun: many emails in one call, with recipient variables."""

from collections.abc import Mapping
from typing import Any

from notices.content.fields import Values
from notices.content.messages import Batch, Wording, fill_in
from notices.models import Delivery
from notices.providers.esp import BatchingEsp

__all__ = ["Mailgun"]


class Mailgun(BatchingEsp):
    def batch_key(self, delivery: Delivery) -> str:
        notice = delivery.notice
        said = f"{notice.subject}{notice.text}{delivery.name}" if notice else ""
        # Mailgun would take it for a variable, and knows no way to escape it.
        return "" if "%recipient" in said.lower() else super().batch_key(delivery)

    def shared(self, batch: Batch) -> Wording:
        fields = next(iter(batch.values.values()))
        return fill_in(batch.template, {field: f"%recipient.{field}%" for field in fields})

    def headers(self, delivery: Delivery, wording: Wording) -> dict[str, str]:
        """Without Message-ID: all emails of a call get one, from Mailgun."""
        headers = super().headers(delivery, wording)
        return {name: text for name, text in headers.items() if name != "Message-ID"}

    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.merge_data = {address: dict(own) for address, own in values.items()}
