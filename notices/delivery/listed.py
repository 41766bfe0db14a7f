"""Deliveries to those who are listed, and need have no account: pasted, or in a file."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from notices.audience import files, kinds, people, suppression
from notices.audience.recipients import Recipient
from notices.channels import CHANNELS, EMAIL, Channel, of
from notices.content import messages, placeholders
from notices.content.written import sources
from notices.models import Delivery, Notice, State
from signup.models import Part, User

__all__ = ["Judged", "deliveries", "in_part", "judged", "written"]

LEFT = {suppression.WORDS[kind] for kind in suppression.OPTED_OUT}


class Judged(NamedTuple):
    """`user`: whose address it is. `reason`: why it gets nothing, or an empty text."""

    one: Recipient
    user: User | None
    reason: str
    values: Mapping[str, str] | None = None  # of its placeholders, for who asked for them

    @property
    def name(self) -> str:
        return self.one.name or (self.user.get_full_name() if self.user else "")

    @property
    def language(self) -> str:
        own = self.user.language if self.user else settings.LANGUAGE_CODE
        return self.one.language or own


def in_part(notice: Notice, part: Part) -> list[Recipient]:
    """Of the file that the notice is for."""
    assert notice.upload
    own = placeholders.own(*sources(notice))
    return list(files.recipients(notice.upload, part, notice.channels, own))


def deliveries(notice: Notice, batch: Sequence[Recipient]) -> Iterator[Delivery]:
    """One for each recipient."""
    return written(notice, list(judged(notice, batch)))


def judged(notice: Notice, batch: Sequence[Recipient]) -> Iterator[Judged]:
    """Each recipient, by the wishes of the user whose address it is, and of the one whose other
    address a file gives with it."""
    known = owners(batch)
    suppressed = against(batch, known)
    leavers, left_addresses = kinds.among(notice, known.values(), [one.address for one in batch])
    for one in batch:
        user, channel = known.get(one.address), CHANNELS[one.channel]
        persons = [each for each in (user, known.get(one.also)) if each]
        reason = suppressed.get(one.address, "") or left(persons, channel, suppressed)
        if not all(map(channel.wanted_by, persons)):
            reason = channel.unwanted
        gone = one.address in left_addresses or any(each.pk in leavers for each in persons)
        yield Judged(one, user, reason or (kinds.LEFT if gone else ""))


def written(notice: Notice, batch: Sequence[Judged], pk: int | None = None) -> Iterator[Delivery]:
    """Their deliveries, not saved. `pk`: of what never will be."""
    own = placeholders.own(*sources(notice))
    values = people.values_of([each.user for each in batch if each.user], own)
    for each in batch:
        its_own = values.get(each.user.pk) if each.user else None
        yield Delivery(
            pk=pk,
            message=messages.NOTICE,
            notice=notice,
            user=each.user,
            channel=each.one.channel,
            address=each.one.address,
            name=each.name,
            language=each.language,
            values=its_own if each.one.values is None else each.one.values,
            state=State.SUPPRESSED if each.reason else State.QUEUED,
            reason=each.reason,
            expires_at=notice.not_after,
        )


def by_channel(addresses: Iterable[str]) -> Iterator[tuple[Channel, set[str]]]:
    found: dict[str, set[str]] = {name: set() for name in CHANNELS}
    for each in filter(None, addresses):
        found[of(each).name].add(each)
    return ((channel, found[name]) for name, channel in CHANNELS.items())


def owners(batch: Sequence[Recipient]) -> dict[str, User]:
    """Address -> the user who has it."""
    found: dict[str, User] = {}
    addresses_there = (each for one in batch for each in (one.address, one.also))
    there = list(by_channel(addresses_there))
    # To read a number takes longer than all else about a user.
    unasked = [channel.user_field for channel, addresses in there if not addresses]
    for channel, addresses in there:
        if not addresses:
            continue
        users = having(channel, addresses).defer("password", *unasked)
        found |= {str(getattr(user, channel.user_field)): user for user in users}
    return found


def having(channel: Channel, addresses: Collection[str]) -> QuerySet[User]:
    """By the index that there is: that of emails is of their lower case."""
    if channel.name != EMAIL:
        return User.objects.filter(**{f"{channel.user_field}__in": addresses})
    lower = {each.lower() for each in addresses}
    return User.objects.alias(lower=Lower("email")).filter(~Q(email=""), lower__in=lower)


def against(batch: Sequence[Recipient], known: dict[str, User]) -> dict[str, str]:
    """Address -> why it gets no notices; also of the addresses that users of these have."""
    written = [one.address for one in batch]
    if any(one.also for one in batch):
        for channel in CHANNELS.values():
            written += [str(getattr(user, channel.user_field) or "") for user in known.values()]
    found: dict[str, str] = {}
    for channel, addresses in by_channel(written):
        found |= suppression.among(channel.name, addresses)
    return found


def left(persons: Sequence[User], channel: Channel, suppressed: dict[str, str]) -> str:
    """What these said of notices by this channel, whichever address a file has of them there."""
    reasons = (suppressed.get(str(getattr(each, channel.user_field) or "")) for each in persons)
    return next((each for each in reasons if each in LEFT), "")
