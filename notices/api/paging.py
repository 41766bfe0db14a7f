"""A list in parts: each answer names where the next part begins, as long as there is one."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from ninja import Field, Schema

from notices.api.shapes import PK
from web.problems import Invalid

__all__ = ["Part", "listed", "number", "part"]

Row = TypeVar("Row", bound=Model)


class Part(Schema):
    """The query of a list."""

    cursor: str = Field("", max_length=100, description="`next` of the last answer.")
    limit: int = Field(100, ge=1, le=1000)


def number(cursor: str) -> int | None:
    """What a cursor says; None for none. Raises Invalid."""
    if not cursor:
        return None
    if cursor.isascii() and cursor.isdecimal() and len(cursor) < 20:
        return min(int(cursor), PK)
    raise Invalid.field("cursor", _("Take it from the last answer, as it stands there."))


def part(rows: QuerySet[Row], given: Part) -> tuple[list[Row], str | None]:
    """The newest first, and the cursor of the next part."""
    rows = rows.order_by("-pk")
    if (before := number(given.cursor)) is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: given.limit + 1])
    more = len(found) > given.limit
    return found[: given.limit], str(found[given.limit - 1].pk) if more else None


def listed(items: list[Any], following: str | None) -> dict[str, Any]:
    return {"items": items, "next": following}
