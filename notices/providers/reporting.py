"""What providers report, and what all of them share in reading it.

A provider that reports says in its own file how: who it is, what became of a message, who wants no
more. The common door is receipts/webhooks.py; what is read here is applied by receipts/apply.py.
"""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop

from notices.channels import SMS
from notices.models import Receipt
from notices.providers import keywords, registry
from web.characters import clean, one_line

__all__ = [
    "MAX_BYTES",
    "NOT_ARRIVED",
    "Report",
    "Reporting",
    "answer_to_sms",
    "configured",
    "own_number",
    "short",
]

MAX_BYTES = 64 * 1024  # of a report: one by SMS providers is less than one thousand
NOT_ARRIVED = gettext_noop("The provider reports that it did not arrive.")


class Report(NamedTuple):
    """What a request told, and what the provider wants to hear."""

    receipts: list[Receipt]
    answer: HttpResponse


class Reporting:
    """A provider that reports at /receipts/NAME/REST, by a POST of at most 64 KB."""

    name: str

    @classmethod
    def endpoints(cls) -> dict[str, str]:
        """What each is for, in the words of the provider -> REST."""
        raise NotImplementedError

    @classmethod
    def receive(cls, request: HttpRequest, rest: str) -> Report:
        """Raises PermissionDenied for whoever is not the provider, Http404 for another REST."""
        raise NotImplementedError

    @classmethod
    def reports_to(cls) -> str | None:
        """The absolute address without REST; None when we have no public one."""
        return f"{settings.PUBLIC_URL}/receipts/{cls.name}/" if settings.PUBLIC_URL else None


def configured(*schemes: str) -> list[registry.Address]:
    """The addresses in SMS_URLS of the providers of these kinds: whoever reports has the secret of
    one of them."""
    found = map(registry.address, settings.SMS_URLS)
    return [address for address in found if address.provider in schemes]


def short(value: object, length: int) -> str:
    """What a provider says, fit for a column."""
    text = "" if value is None else str(value)
    return one_line(clean(text.encode(errors="replace").decode()))[:length]


def own_number(value: object) -> int:
    """The number of a delivery that a provider gives back; 0 when it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def answer_to_sms(provider: str, ref: str, number: str, text: str) -> list[Receipt]:
    """A receipt when a person's SMS is one of the words that opt out or in."""
    kinds = Receipt.Kind
    wishes = {keywords.Wish.STOP: kinds.STOP, keywords.Wish.START: kinds.START, None: None}
    kind = wishes[keywords.read(text)]
    if kind is None or not number:
        return []
    return [Receipt(provider=provider, ref=ref, channel=SMS, address=number, kind=kind)]
