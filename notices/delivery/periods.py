"""How long what is kept, and why: by the page /retention/, else by the environment."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config import clock
from notices.models import Period
from signup import security
from signup.models import User

__all__ = ["KINDS", "all_days", "change", "days", "period", "read"]

MOST = 36_500  # days: a hundred years


@dataclass(frozen=True)
class Kind:
    """`default`: the days, or the setting that has them. `least`: fewer would take away what is
    still needed. `may_stay`: 0 days mean that it is never removed."""

    what: str | Promise
    why: str | Promise
    default: int | str
    least: int
    may_stay: bool = False

    def by_default(self) -> int:
        name = self.default
        return name if isinstance(name, int) else int(getattr(settings, name))


KINDS = {
    "addresses": Kind(
        gettext_lazy("Addresses and names in the messages of notices, and pasted lists"),
        gettext_lazy("To say what became of a message. The link to leave notices needs them too."),
        "KEEP_ADDRESSES_DAYS", 30, may_stay=True,
    ),
    "texts": Kind(
        gettext_lazy("Texts of notices"),
        gettext_lazy("To say what people were told. The subject stays."),
        "KEEP_TEXTS_DAYS", 30, may_stay=True,
    ),
    "single": Kind(
        gettext_lazy("Codes and other single messages, whole"),
        gettext_lazy("To help who got none, and to see who asks for codes and never uses them."),
        "KEEP_DAYS", 4,
    ),
    "receipts": Kind(
        gettext_lazy("Receipts of providers"),
        gettext_lazy("A provider may say the same again for some days."),
        7, 7,
    ),
    "uploads": Kind(
        gettext_lazy("Uploaded files with people"), gettext_lazy("To fix bad rows."), 1, 1
    ),
    "log": Kind(
        gettext_lazy("Who did what, who changed what about a person, and the log of the admin"),
        gettext_lazy("To answer for what was done."),
        "KEEP_LOG_DAYS", 30, may_stay=True,
    ),
}  # fmt: skip


def all_days() -> dict[str, int]:
    changed = dict(Period.objects.values_list("kind", "days"))
    return {name: changed.get(name, kind.by_default()) for name, kind in KINDS.items()}


def days(name: str) -> int:
    """0: never removed."""
    changed = Period.objects.filter(kind=name).values_list("days", flat=True).first()
    return KINDS[name].by_default() if changed is None else changed


def period(name: str) -> timedelta | None:
    found = days(name)
    return timedelta(days=found) if found or not KINDS[name].may_stay else None


def read(name: str, text: str) -> int:
    """As somebody types it. Raises ValidationError."""
    kind, text = KINDS[name], text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValidationError(_("Write a whole number of days."))
    number = int(text)
    if number == 0 and kind.may_stay:
        return 0
    if not kind.least <= number <= MOST:
        words = _("Choose %(least)d to %(most)d days.")
        if kind.may_stay:
            words = _("Choose %(least)d to %(most)d days, or 0 to keep it for ever.")
        raise ValidationError(words % {"least": kind.least, "most": MOST})
    return number


def change(wanted: dict[str, int], by: User) -> int:
    """How many are different from before."""
    before = all_days()
    changed = {name: number for name, number in wanted.items() if number != before[name]}
    for name, number in changed.items():
        facts = {"days": number, "by": by, "changed_at": clock.now()}
        Period.objects.update_or_create(kind=name, defaults=facts)
        security.tell("retention-changed", name=name, days=number)
    return len(changed)
