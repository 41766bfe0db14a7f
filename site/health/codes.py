"""The budget of codes, in words: how many are used, whom the brake holds."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from health.report import GOOD, WARN, Part, Report
from signup import budget

FREE, SLOWED, HELD = "free", "slowed", "held"
WORDS: dict[str, str | Promise] = {
    FREE: gettext_lazy("free"),
    SLOWED: gettext_lazy("held, but for networks that leave no code unused"),
    HELD: gettext_lazy("held"),
}


@dataclass(frozen=True)
class Row:
    count: budget.Count
    released_until: datetime | None

    @property
    def state(self) -> str:
        if not self.count.is_over():
            return FREE
        wide = self.count.is_prefix and not self.count.is_over(budget.TRUST)
        return SLOWED if wide else HELD

    @property
    def word(self) -> str | Promise:
        return WORDS[self.state]

    @property
    def in_an_hour(self) -> int:
        return int(self.count.hour)


def look(report: Report) -> list[Row]:
    """The prefixes and networks that leave most unused. Adds what to say of them to the report."""
    if settings.CODE_BUDGET == "off":
        return []
    try:
        worst = budget.worst()
        until = budget.released(count.subject for count in worst)
        sent, used = budget.of_all()
    except DatabaseError:  # report.database() tells it
        return []
    rows = [Row(count, until.get(count.subject)) for count in worst]
    if sent:
        report.parts.append(part(rows, sent, used))
    return rows


def part(rows: list[Row], sent: int, used: int) -> Part:
    words = _("%(used)d of %(sent)d codes of the last 24 hours were used") % {
        "used": used, "sent": sent,
    }  # fmt: skip
    held = [row for row in rows if row.state != FREE and not row.released_until]
    if not held:
        return Part(_("Codes"), GOOD, words)
    if settings.CODE_BUDGET == "record":
        more = ngettext(
            "the brake would be on for %(number)d prefix or network",
            "the brake would be on for %(number)d prefixes or networks",
            len(held),
        )
    else:
        more = ngettext(
            "the brake is on for %(number)d prefix or network",
            "the brake is on for %(number)d prefixes or networks",
            len(held),
        )
    advice = _("Many codes are not used: somebody may be paid for them. See “Codes” below.")
    return Part(_("Codes"), WARN, f"{words}; {more % {'number': len(held)}}", advice)
