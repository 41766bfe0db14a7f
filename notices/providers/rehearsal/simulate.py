"""A provider that only plays one: `simulate:`. Who is told decides what happens: the last
four digits of a number, or what stands before the @ of an email address (docs/providers.md).
"""

from django.utils.translation import gettext_noop as _

from notices.channels import SMS
from notices.content.messages import Wording
from notices.models import Delivery, Receipt
from notices.providers import connection, http, registry
from notices.providers.base import Provider
from notices.providers.errors import Away, Refused, TryLater, Unknown

__all__ = ["AWAY", "BUSY", "IN_DOUBT", "REFUSED", "TURNS_BUSY", "Simulate", "fate", "tell"]

Kind = Receipt.Kind
DELIVERED, REFUSED, STOPPED_BEFORE, BUSY, IN_DOUBT, SILENT, BOUNCED, COMPLAINED, STOP, AWAY = (
    "delivered", "refused", "stopped before", "busy", "in doubt", "silent", "bounced",
    "complained", "stop", "away",
)  # fmt: skip
NUMBERS = {
    "9901": REFUSED,
    "9902": STOPPED_BEFORE,
    "9903": BUSY,
    "9904": IN_DOUBT,
    "9905": SILENT,
    "9906": BOUNCED,
    "9907": COMPLAINED,
    "9908": STOP,
    "9909": AWAY,
}
MAILBOXES = {
    "refused": REFUSED,
    "busy": BUSY,
    "timeout": IN_DOUBT,
    "silent": SILENT,
    "bounced": BOUNCED,
    "complained": COMPLAINED,
    "unsubscribed": STOP,
}
TURNS_BUSY = 2


def fate(address: str) -> str:
    """What happens to whatever is sent there."""
    if "@" in address:
        return MAILBOXES.get(address.partition("@")[0].partition("+")[0].lower(), DELIVERED)
    return NUMBERS.get(address[-4:], DELIVERED)


def tell(delivery: Delivery, provider: str, ref: str) -> None:
    """Stores what the provider would report, as a door would that it posts to."""
    opt_out = Kind.STOP if delivery.channel == SMS else Kind.UNSUBSCRIBED
    kinds = {
        SILENT: (),
        BOUNCED: (Kind.BOUNCED,),
        COMPLAINED: (Kind.DELIVERED, Kind.COMPLAINED),
        STOP: (Kind.DELIVERED, opt_out),
    }.get(fate(delivery.address), (Kind.DELIVERED,))
    facts = {"channel": delivery.channel, "address": delivery.address, "provider": provider}
    Receipt.objects.bulk_create(
        (
            Receipt(
                kind=kind, ref=ref, delivery_number=delivery.pk, dead=kind == Kind.BOUNCED, **facts
            )
            for kind in kinds
        ),
        ignore_conflicts=True,
    )


class Simulate(Provider):
    name = "simulate"
    guarded = True

    def __init__(self, url: str = "simulate:") -> None:
        super().__init__(url)
        self.rate = registry.address(url).options.get("rate", "")

    def send(self, delivery: Delivery, wording: Wording) -> str:
        what = fate(delivery.address)
        if what == REFUSED:
            raise Refused(_("The number is not in service."), code="sim-1", suppress="dead")
        if what == STOPPED_BEFORE:
            reason = _("The person has answered STOP to this sender.")
            raise Refused(reason, code="sim-2", suppress="opted_out")
        if what == BUSY and delivery.tries < TURNS_BUSY:
            raise TryLater(http.BUSY, code="sim-3")
        if what == IN_DOUBT:
            raise Unknown(_("The provider did not answer in time."))
        if what == AWAY:
            raise Away(connection.UNREACHABLE)
        number = f"sim-{delivery.pk}-{delivery.tries}"
        tell(delivery, self.name, number)
        return number
