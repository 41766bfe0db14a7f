"""SendGrid: many emails in one call, with substitutions."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_noop as _

from notices.content.messages import Values, Wording
from notices.providers.errors import NotSent, Unknown
from notices.providers.esp import BatchingEsp

__all__ = ["SendGrid"]


class SendGrid(BatchingEsp):
    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.merge_data = {address: dict(own) for address, own in values.items()}
        mail.esp_extra = {"merge_field_format": "{}"}  # what is replaced is the field as it stands

    def post(self, mail: Any, addresses: Sequence[str]) -> list[str | NotSent]:
        answers = super().post(mail, addresses)
        if mail.anymail_status.esp_response.status_code != 202:  # Anymail believes any 2xx
            raise Unknown(_("The provider gave no clear answer."))
        return answers
