"""The providers of one channel, in the order of the settings, each connected when it is needed."""

from collections.abc import Callable, Collection

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop as _

from notices.channels import EMAIL, SMS
from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import breaker, registry
from notices.providers.base import Closing, Provider
from notices.providers.errors import Away, Refused, TryLater
from notices.providers.reporting import Reporting
from notices.providers.smtp import Email

NOBODY = _("No provider takes this message to this number.")
ALL_BUSY = _("Every provider is away or busy.")
# Those that take many emails in one call; other services are Esp.
ESPS = {
    "brevo": "notices.providers.brevo.Brevo",
    "mailgun": "notices.providers.mailgun.Mailgun",
    "postmark": "notices.providers.postmark.Postmark",
    "sendgrid": "notices.providers.sendgrid.SendGrid",
}


def providers(channel: str) -> list[Provider]:
    """All that carry `channel`, not yet connected, each with a name of its own: twilio, and
    twilio-2 for a second account."""
    return SOURCES[channel]()


def by_sms() -> list[Provider]:
    found: list[Provider] = []
    for url in settings.SMS_URLS or ["console:"]:
        shape = registry.PROVIDERS[url.partition(":")[0]]
        carrier: Provider = import_string(shape.path)(url)
        same = sum(type(other) is type(carrier) for other in found)
        carrier.name = f"{carrier.name}-{same + 1}" if same else carrier.name
        found.append(carrier)
    return found


def by_email() -> list[Provider]:
    if not settings.EMAIL_BACKEND.startswith("anymail."):
        return [Email()]
    name = registry.email_name(settings.EMAIL_BACKEND)
    carrier: type[Provider] = import_string(ESPS.get(name, "notices.providers.esp.Esp"))
    return [carrier()]


SOURCES: dict[str, Callable[[], list[Provider]]] = {EMAIL: by_email, SMS: by_sms}


def reporting(name: str) -> type[Reporting] | None:
    """The provider that reports at /receipts/NAME/, if there is one of this name."""
    shape = registry.REPORTING.get(name)
    return import_string(shape.path) if shape else None


class Route(Closing):
    """Leaving it closes every connection."""

    def __init__(self, channel: str) -> None:
        self.providers = providers(channel)

    @property
    def batch(self) -> int:
        """How many messages may go in one call; 0: only one at a time."""
        return self.providers[0].batch if len(self.providers) == 1 else 0

    @property
    def in_order(self) -> bool:
        """Whether nothing must be kept of a message but that it went."""
        return len(self.providers) == 1 and not self.providers[0].numbers

    def able(self, delivery: Delivery, wording: Wording) -> list[Provider]:
        """Those that may be asked to carry it: what is in doubt, by the one that may have it."""
        doubted = delivery.doubt_until is not None
        return [
            carrier
            for carrier in self.providers
            if carrier.carries(delivery, wording)
            and (carrier.name == delivery.provider or not doubted)
        ]

    def choose(
        self, delivery: Delivery, wording: Wording, passed: Collection[str] = ()
    ) -> Provider:
        """The first that is able and well, connected; the one that was asked last comes last.

        Raises Refused when none takes such a message, TryLater when this one must wait, and Away
        when all must. `passed`: names of those that are out of the question.
        """
        able = self.able(delivery, wording)
        if not able:
            raise Refused(NOBODY)
        reason, waits = ALL_BUSY, []
        for carrier in sorted(able, key=lambda each: each.name == delivery.provider):
            if carrier.name in passed:
                continue
            if carrier.guarded and (
                wait := self.wait(carrier, bulk=delivery.notice_id is not None)
            ):
                waits.append(wait)
                continue
            try:
                carrier.open()
            except TryLater as later:
                reason = later.reason
                waits += [later.after] if later.after else []
                self.report(carrier, failed=True)
                continue
            return carrier
        everybody = len(able) == len(self.providers) and not passed
        raise (Away if everybody else TryLater)(reason, min(waits, default=None))

    def wait(self, carrier: Provider, *, bulk: bool) -> float:
        name, rate = carrier.name, carrier.rate
        return breaker.wait(name) or breaker.spend(name, rate, bulk=bulk)

    def report(self, carrier: Provider, *, failed: bool) -> None:
        if carrier.guarded:
            breaker.report(carrier.name, failed=failed)

    def close(self) -> None:
        for carrier in self.providers:
            carrier.close()
