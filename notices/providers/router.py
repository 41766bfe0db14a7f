"""The providers of one channel, in the order of the settings, each connected when it is needed."""

from collections.abc import Callable, Collection

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop as _

from notices.channels import EMAIL, SMS
from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers import breaker, registry
from notices.providers.base import Batching, Closing, Provider, Streaming
from notices.providers.errors import Away, Refused, TryLater, Unknown
from notices.providers.reporting import Reporting
from notices.providers.smtp import Email

__all__ = ["Route", "providers", "reporting"]

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
        provider: Provider = import_string(shape.path)(url)
        same = sum(type(other) is type(provider) for other in found)
        provider.name = f"{provider.name}-{same + 1}" if same else provider.name
        found.append(provider)
    return found


def by_email() -> list[Provider]:
    if not settings.EMAIL_BACKEND.startswith("anymail."):
        return [Email()]
    name = registry.email_name(settings.EMAIL_BACKEND)
    by_http = hasattr(import_string(settings.EMAIL_BACKEND), "create_session")
    other = f"notices.providers.esp.{'HTTPEsp' if by_http else 'Esp'}"
    provider: type[Provider] = import_string(ESPS.get(name, other))
    return [provider()]


# What a test token of the API sends goes there, whatever the settings name.
REHEARSALS: dict[str, Callable[[], Provider]] = {
    EMAIL: lambda: Email(backend="notices.providers.rehearsal.simulate_email.EmailBackend"),
    SMS: lambda: import_string(registry.PROVIDERS["simulate"].path)("simulate:"),
}
SOURCES: dict[str, Callable[[], list[Provider]]] = {EMAIL: by_email, SMS: by_sms}


def reporting(name: str) -> type[Reporting] | None:
    """The provider that reports at /receipts/NAME/, if there is one of this name."""
    shape = registry.REPORTING.get(name)
    return import_string(shape.path) if shape else None


class Route(Closing):
    """Leaving it closes every connection that is not kept for the next job."""

    def __init__(self, channel: str) -> None:
        self.channel, self.providers = channel, providers(channel)
        self.rehearsals: list[Provider] = []  # made when the first test comes

    def of(self, delivery: Delivery) -> list[Provider]:
        """Those that may carry it at all."""
        if delivery.notice_id is not None or not delivery.is_test:
            return self.providers
        self.rehearsals = self.rehearsals or [REHEARSALS[self.channel]()]
        return self.rehearsals

    @property
    def batching(self) -> Batching | None:
        """The only provider, if many messages may go in one request to it."""
        only = self.providers[0] if len(self.providers) == 1 else None
        return only if isinstance(only, Batching) and only.max_batch else None

    @property
    def streaming(self) -> Streaming | None:
        """The only provider, if nothing must be kept of a message but that it went."""
        only = self.providers[0] if len(self.providers) == 1 else None
        return only if isinstance(only, Streaming) and only.streams else None

    def able(self, delivery: Delivery, wording: Wording) -> list[Provider]:
        """Those that may be asked to carry it: what is in doubt, by the one that may have it."""
        doubted = delivery.doubt_until is not None
        return [
            provider
            for provider in self.of(delivery)
            if provider.carries(delivery, wording)
            and (provider.name == delivery.provider or not doubted)
        ]

    def choose(
        self, delivery: Delivery, wording: Wording, passed: Collection[str] = ()
    ) -> Provider:
        """The first that is able and well, connected; the one that was asked last comes last.

        Raises Refused when none takes such a message, TryLater when this message must wait, and
        Away when every message must. `passed`: names of those that are out of the question.
        """
        able, bulk = self.able(delivery, wording), delivery.notice_id is not None
        if not able:
            raise Refused(NOBODY)
        reason, waits = ALL_BUSY, []
        for provider in sorted(able, key=lambda each: each.name == delivery.provider):
            if provider.name in passed:
                continue
            if provider.guarded and (wait := self.wait(provider, bulk=bulk, alone=len(able) == 1)):
                trouble = breaker.trouble(provider.name)
                reason = trouble.reason if trouble else ALL_BUSY
                waits.append(wait)
                continue
            try:
                provider.open()
            except Away as away:
                reason = away.reason
                waits.append(self.went_away(provider, away))
                continue
            return provider
        everybody = len(able) == len(self.of(delivery)) and not passed
        raise (Away if everybody else TryLater)(reason, min(waits, default=None))

    def wait(self, provider: Provider, *, bulk: bool, alone: bool) -> float:
        """A code costs nothing to try where nobody else is there."""
        name = provider.name
        rests = breaker.wait(name, bulk=bulk, alone=alone and not bulk)
        return rests or breaker.spend(name, provider.rate, bulk=bulk)

    def went_away(self, provider: Provider, away: Away) -> float:
        """Seconds until it may be asked again."""
        if not provider.guarded:
            return away.after or breaker.PAUSE
        return breaker.went_away(provider.name, away.reason, away.after)

    def report(
        self, provider: Provider, answer: object, *, bulk: bool, began: float | None = None
    ) -> None:
        """What a request that `began` then (unix time) says of the provider: `answer` is what it
        gave, or why not."""
        if isinstance(answer, Away):
            self.went_away(provider, answer)
        elif provider.guarded:
            failed = isinstance(answer, TryLater | Unknown)
            breaker.report(provider.name, failed=failed, bulk=bulk, began=began)

    def close(self) -> None:
        for provider in (*self.providers, *self.rehearsals):
            provider.close()
