"""Who does not want notices, and the link by which they say so."""

from collections.abc import Collection
from functools import cache

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from config import clock
from notices.audience import suppression
from notices.channels import CHANNELS, SMS
from notices.models import Delivery, Suppression

__all__ = ["addresses", "channels", "choose", "find", "stopped", "unsubscribe_url"]

LINKED = ("notice", "message", "test")  # messages.py imports this module
NUMBER = "number"  # stands for a delivery's in the path, which is looked up once
TAKEN_BACK = (Suppression.Kind.UNSUBSCRIBED, Suppression.Kind.COMPLAINED)


def signer() -> Signer:
    return Signer(salt="notices.optout", sep=".")


def unsubscribe_url(delivery: Delivery) -> str:
    """The absolute address of a delivery's page for opting out; empty for what is not a notice,
    and when nobody knows our host."""
    if not delivery.host or delivery.pk is None or delivery.message not in LINKED:
        return ""
    return delivery.host + path().replace(NUMBER, signer().sign(str(delivery.pk)))


@cache
def path() -> str:
    return reverse("unsubscribe", args=[NUMBER])


def find(token: str) -> Delivery | None:
    """The delivery of a link, if we made that link and the delivery is still kept. It never
    expires: people look for it in old emails."""
    try:
        number = int(signer().unsign(token))
    except (BadSignature, ValueError):
        return None
    rows = Delivery.objects.exclude(user=None, address="")
    return rows.select_related("user", "notice__kind").filter(pk=number).first()


def channels(delivery: Delivery) -> dict[str, bool]:
    """Each channel that the person may choose, and whether notices come by it."""
    return {
        channel: wants(delivery, channel, address)
        for channel, address in addresses(delivery).items()
        if channel != SMS or not stopped(delivery)
    }


def addresses(delivery: Delivery) -> dict[str, str]:
    """Channel -> the person's address there. Of a pasted address we know no other."""
    user = delivery.user
    if user is None:
        return {delivery.channel: delivery.address}
    known = {
        channel.name: str(getattr(user, channel.user_field) or "")
        for channel in CHANNELS.values()
        if channel.wants_field
    }
    if delivery.address:
        known[delivery.channel] = delivery.address
    return {channel: address for channel, address in known.items() if address}


def wants(delivery: Delivery, channel: str, address: str) -> bool:
    opted_out = suppression.active(channel, address).filter(kind__in=suppression.OPTED_OUT)
    user = delivery.user
    return (user is None or CHANNELS[channel].wanted_by(user)) and not opted_out.exists()


def stopped(delivery: Delivery) -> bool:
    """Whether the person answered STOP. Only START takes that back, since the SMS provider keeps a
    list of its own; until then there is nothing to choose."""
    number = addresses(delivery).get(SMS, "")
    return suppression.active(SMS, number).filter(kind=Suppression.Kind.STOP).exists()


def choose(delivery: Delivery, wanted: Collection[str]) -> None:
    """Has notices come by the `wanted` channels only. Kept on the user, if there is one, and on
    the suppression list: the address stays when the user goes or takes another one."""
    user, known = delivery.user, addresses(delivery)
    if stopped(delivery):
        del known[SMS]
    if user:
        fields = {field: name for name in known if (field := CHANNELS[name].wants_field)}
        for field, name in fields.items():
            setattr(user, field, name in wanted)
        user.save(update_fields=list(fields))
    for channel, address in known.items():
        if channel in wanted:
            suppression.active(channel, address).filter(kind__in=TAKEN_BACK).update(
                lifted_at=clock.now(), lift_reason=suppression.CAME_BACK
            )
        else:
            suppression.add(channel, address, Suppression.Kind.UNSUBSCRIBED)
