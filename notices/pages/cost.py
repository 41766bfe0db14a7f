"""What the SMS of a notice would cost."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from decimal import Decimal

import phonenumbers
from django.conf import settings

from notices.channels import CHANNELS, SMS
from notices.content import messages
from notices.models import Notice
from notices.pages.prices import ELSEWHERE
from notices.pages.survey import Survey

__all__ = ["cost"]

CENTS = Decimal("0.01")


@dataclass(frozen=True)
class Cost:
    """`fewest`, `most`: SMS that a person's text takes, judged by the first hundred; `parts`: of
    all, about. `amount`: None when no price is set for any. `unpriced`: people whose SMS it leaves
    out, and `countries` of some of them, as +44."""

    fewest: int
    most: int
    people: int
    parts: int
    amount: Decimal | None
    currency: str
    unpriced: int
    countries: list[str]


def cost(notice: Notice, found: Survey) -> Cost | None:
    """None when nobody gets an SMS."""
    count = CHANNELS[SMS].parts
    if SMS not in notice.channels or not found.sample or count is None:
        return None
    each = parts_by_language(found, count)
    people = found.messages(SMS)
    readers = found.by_channel[SMS].items()
    parts = sum(
        (Decimal(sum(each[code])) / len(each[code]) * number for code, number in readers),
        Decimal(0),
    )
    average = parts / people
    amount = sum(
        (average * number * settings.SMS_PRICE[first] for first, number in found.prices.items()
         if first != ELSEWHERE), Decimal(0),
    )  # fmt: skip
    unpriced = found.prices[ELSEWHERE]
    return Cost(
        min(map(min, each.values())), max(map(max, each.values())), people, round(parts),
        None if unpriced == people else amount.quantize(CENTS),
        settings.SMS_CURRENCY, unpriced, countries(found),
    )  # fmt: skip


def parts_by_language(found: Survey, count: Callable[[str], int]) -> dict[str, list[int]]:
    """Of the sample. Of a language that nobody in it reads, as the first of it would read that."""
    by_language: dict[str, list[int]] = {}
    for delivery in found.sample:
        counted = count(messages.compose(delivery).text)
        by_language.setdefault(delivery.language, []).append(counted)
    other = copy(found.sample[0])
    for other.language in set(found.by_channel[SMS]) - set(by_language):
        by_language[other.language] = [count(messages.compose(other).text)]
    return by_language


def countries(found: Survey) -> list[str]:
    """Of those in the sample that have no price."""
    numbers = [phonenumbers.parse(each.address) for each in found.sample]
    without = {f"+{number.country_code}" for number in numbers if not has_price(number)}
    return sorted(without)


def has_price(number: phonenumbers.PhoneNumber) -> bool:
    digits = f"{number.country_code}{number.national_number}"
    return any(digits.startswith(each) for each in settings.SMS_PRICE)
