"""By which of SMS_PRICE a number is paid for."""

from django.conf import settings
from django.db.models import Case, CharField, IntegerField, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import StartsWith

from notices.channels import CHANNELS, SMS

__all__ = ["ELSEWHERE", "prefix", "prefixes", "priced"]

ELSEWHERE = ""  # a number whose price nobody has set


def prefix() -> Case:
    """Of a user: the longest of SMS_PRICE that their number begins with, by its number."""
    number = Cast(CHANNELS[SMS].user_field, CharField())
    return Case(
        *(
            When(StartsWith(number, f"+{each}"), then=Value(which))
            for which, each in enumerate(prefixes())
        ),
        default=Value(-1),
        output_field=IntegerField(),
    )


def prefixes() -> list[str]:
    return sorted(settings.SMS_PRICE, key=len, reverse=True)


def priced(address: str) -> str:
    return next((each for each in prefixes() if address.startswith(f"+{each}")), ELSEWHERE)
