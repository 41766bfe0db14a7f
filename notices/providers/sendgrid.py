"""SendGrid: many emails in one call, with substitutions."""

from collections.abc import Mapping
from typing import Any

from notices.content.fields import Values
from notices.content.messages import Wording
from notices.providers.errors import NotSent, Unknown
from notices.providers.esp import BatchingEsp
from notices.providers.exchange import Post
from notices.providers.http import NONSENSE
from notices.providers.reply import Reply

__all__ = ["SendGrid"]


class SendGrid(BatchingEsp):
    def personalise(
        self, mail: Any, values: Mapping[str, Values], filled: Mapping[str, Wording]
    ) -> None:
        mail.merge_data = {address: dict(own) for address, own in values.items()}
        mail.esp_extra = {"merge_field_format": "{}"}  # what is replaced is the field as it stands

    def answers(self, post: Post, reply: Reply) -> list[str | NotSent]:
        found = super().answers(post, reply)
        if reply.status != 202:  # Anymail believes any 2xx
            raise Unknown(NONSENSE)
        return found
