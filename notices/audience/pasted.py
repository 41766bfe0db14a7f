"""Addresses in the lists that staff pasted: of notices that were sent, of what is to come, and of
drafts, where they stand as somebody typed them."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import F, Q, QuerySet

from notices.audience import recipients
from notices.channels import CHANNELS
from notices.models import Notice, Schedule

__all__ = ["hold", "remove"]


def hold(addresses: Collection[str]) -> None:
    """Nothing is done to a notice with one of these until the transaction ends."""
    list(notices_with(addresses).values_list("pk", flat=True).select_for_update())


def naming(addresses: Collection[str]) -> Q:
    return reduce(or_, (Q(addresses__contains=each) for each in addresses), Q(pk__in=[]))


def notices_with(addresses: Collection[str]) -> QuerySet[Notice]:
    """And every draft with a list."""
    drafts = Q(state=Notice.State.DRAFT) & ~Q(addresses="")
    return Notice.objects.filter(naming(addresses) | drafts).order_by("pk")


def remove(addresses: Collection[str]) -> int:
    """Takes these out of every list; how many lines that is. In a transaction, and not while a
    notice is being prepared."""
    lines = 0
    rows = notices_with(addresses).only("addresses", "state", "prepared_upto")
    for notice in rows.select_for_update():
        kept, before = without(notice.addresses, addresses)
        if not (gone := len(before)):
            continue
        lines += gone
        done = sum(number < notice.prepared_upto for number in before)
        # Whoever has the draft open saves no version that they have not seen.
        Notice.objects.filter(pk=notice.pk).update(
            addresses=kept,
            prepared_upto=F("prepared_upto") - done,
            draft_version=F("draft_version") + int(notice.state == Notice.State.DRAFT),
        )
    for schedule in Schedule.objects.filter(naming(addresses)).select_for_update():
        kept, before = without(schedule.addresses, addresses)
        lines += len(before)
        Schedule.objects.filter(pk=schedule.pk).update(addresses=kept)
    return lines


def without(text: str, addresses: Collection[str]) -> tuple[str, list[int]]:
    """The other lines, and the numbers of those that are gone, from 0."""
    lines = text.splitlines()
    gone = [number for number, line in enumerate(lines) if meant(line) in addresses]
    kept = [line for number, line in enumerate(lines) if number not in set(gone)]
    return "\n".join(kept), gone


def meant(line: str) -> str:
    """The address of a line, as it is kept; the line itself when it is none."""
    address, tab, _name = line.partition("\t")
    if tab:
        return recipients.canonical(address)
    found = recipients.read(line, list(CHANNELS)).recipients
    return found[0].address if found else line
