"""Deliveries to those who are listed, and need have no account: pasted, or in a file."""

from collections.abc import Collection, Iterable, Iterator, Sequence

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

__all__ = ["deliveries", "in_part"]

LEFT = {suppression.WORDS[kind] for kind in suppression.OPTED_OUT}


def in_part(notice: Notice, part: Part) -> list[Recipient]:
    """Of the file that the notice is for."""
    assert notice.upload
    own = placeholders.own(*sources(notice))
    return list(files.recipients(notice.upload, part, notice.channels, own))


def deliveries(notice: Notice, batch: Sequence[Recipient]) -> Iterator[Delivery]:
    """One for each recipient, which follows the wishes of the user whose address it is, and of the
    one whose other address a file gives with it."""
    known = owners(batch)
    suppressed = against(batch, known)
    own = placeholders.own(*sources(notice))
    values = people.values_of(known.values(), own)
    leavers, left_addresses = kinds.among(notice, known.values(), [one.address for one in batch])
    for one in batch:
        user, channel = known.get(one.address), CHANNELS[one.channel]
        persons = [each for each in (user, known.get(one.also)) if each]
        reason = suppressed.get(one.address, "") or left(persons, channel, suppressed)
        if not all(map(channel.wanted_by, persons)):
            reason = channel.unwanted
        gone = one.address in left_addresses or any(each.pk in leavers for each in persons)
        reason = reason or (kinds.LEFT if gone else "")
        its_own = values.get(user.pk) if user else None
        yield Delivery(
            message=messages.NOTICE,
            notice=notice,
            user=user,
            channel=one.channel,
            address=one.address,
            name=one.name or (user.get_full_name() if user else ""),
            language=one.language or (user.language if user else settings.LANGUAGE_CODE),
            values=its_own if one.values is None else one.values,
            state=State.SUPPRESSED if reason else State.QUEUED,
            reason=reason,
            expires_at=notice.not_after,
        )


def by_channel(addresses: Iterable[str]) -> Iterator[tuple[Channel, set[str]]]:
    there = {each for each in addresses if each}
    for channel in CHANNELS.values():
        yield channel, {each for each in there if of(each) is channel}


def owners(batch: Sequence[Recipient]) -> dict[str, User]:
    """Address -> the user who has it."""
    found: dict[str, User] = {}
    written = (each for one in batch for each in (one.address, one.also))
    for channel, addresses in by_channel(written):
        users = having(channel, addresses).defer("password")
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
