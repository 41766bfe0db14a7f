"""Mobile numbers as people write them, to E.164."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from web import characters

# In North America nobody can tell a mobile from a landline by its number.
CARRY_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
NAMED = 8  # countries in a sentence
PLAIN = re.compile(r"\+?[1-9][0-9]{4,19}")  # most are: about these there is nothing to say
TEL = re.compile("tel:", re.IGNORECASE)
BETWEEN = re.compile(r"[()./·‐‑‒–—―−-]")  # what people put between digits; blanks are gone by then
# 13800138000 in a narrow column, and in a column that once had an empty cell.
BY_SPREADSHEET = re.compile(r"\+?[0-9]+([.,][0-9]+)?E\+?[0-9]+|[0-9]{7,}[.,]0+", re.IGNORECASE)


def ordinary_digits(text: str) -> None:
    """Raises ValidationError for digits other than 0-9, such as full-width ones."""
    if not text.isascii() and any(each.isdigit() and not each.isascii() for each in text):
        raise ValidationError(_("Use the ordinary digits 0-9."))


def bare(text: str) -> str:
    """Digits, perhaps with a + before them. Raises ValidationError for anything else that is not
    just a way to write them: letters, a second number, an extension."""
    if PLAIN.fullmatch(text):
        return text
    text = characters.without_unseen(text)
    if TEL.match(text):
        text = text[len("tel:") :]
    text = text.removeprefix("'")  # a spreadsheet's own mark of a text
    ordinary_digits(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if BY_SPREADSHEET.fullmatch(text):
        raise ValidationError(
            _("A spreadsheet has changed this number. Format it as text there and type it again.")
        )
    digits = BETWEEN.sub("", text)
    if not re.fullmatch(r"\+?[0-9]{5,20}", digits):
        raise ValidationError(_("Enter a mobile number: digits, and + with the country's code."))
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def normalise(text: str, abroad: bool = False) -> str:
    """E.164 of a mobile number. Without `abroad`, only of a country that may sign up.

    Raises ValidationError with a sentence.
    """
    digits = bare(text)
    if abroad and (known := at_once(digits)):
        return known
    try:
        number = phonenumbers.parse(digits, settings.DEFAULT_REGION)
    except NumberParseException:
        raise ValidationError(_("This is not a mobile number. Check its digits.")) from None
    if not abroad and not may_sign_up(number):
        raise ValidationError(
            _("Codes are only sent to mobile numbers of %(countries)s. Use one of those.")
            % {"countries": in_words(settings.SIGNUP_REGIONS)}
        )
    if not phonenumbers.is_valid_number(number):
        raise ValidationError(_("This is not a complete mobile number. Check its digits."))
    if phonenumbers.number_type(number) not in CARRY_SMS:
        raise ValidationError(_("This number cannot receive SMS. Use a mobile number."))
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def may_sign_up(number: phonenumbers.PhoneNumber) -> bool:
    """Several countries share +1: the code alone does not say which. A number that is none is of
    each that has its code, and is told what it lacks."""
    if not settings.SIGNUP_REGIONS:
        return True
    region = phonenumbers.region_code_for_number(number)
    alike = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ())
    return not {region or "", *(() if region else alike)}.isdisjoint(settings.SIGNUP_REGIONS)


def in_words(regions: Sequence[str]) -> str:
    """CN (+86), HK (+852): the first few."""
    named = [f"{each} (+{phonenumbers.country_code_for_region(each)})" for each in regions[:NAMED]]
    return ", ".join([*named, *(["…"] if len(regions) > NAMED else [])])


def at_once(digits: str) -> str:
    """What normalise() would say of a mobile number of the first country that has its code: by one
    look at that country's table, where the library takes a hundred, and a pasted list has 100,000
    lines. Else empty."""
    region = settings.DEFAULT_REGION
    home = code_of(region)
    code, national = split(digits[1:]) if digits.startswith("+") else (home, digits)
    shape = mobile_shape(code) if code else None
    if shape is None or (code == home and main_region(home) != region):
        return ""
    return f"+{code}{national}" if shape.fullmatch(national) else ""


def split(digits: str) -> tuple[int, str]:
    """A country's code, or 0, and the rest."""
    code = beginning(digits[:3])
    return (int(code), digits[len(code) :]) if code else (0, digits)


@lru_cache(maxsize=1000)
def beginning(digits: str) -> str:
    """The country's code with which these begin; empty for none."""
    found = (digits[:length] for length in (1, 2, 3) if digits[0] != "0")
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((each for each in found if int(each) in known), "")


@cache
def code_of(region: str) -> int:
    return int(phonenumbers.country_code_for_region(region))


def main_region(code: int) -> str:
    return str(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0])


@cache
def mobile_shape(code: int) -> re.Pattern[str] | None:
    """Of a national number; None for what is no country, such as a satellite's."""
    plan = PhoneMetadata.metadata_for_region(main_region(code), None)
    if plan is None or plan.mobile is None:
        return None
    return re.compile(plan.mobile.national_number_pattern or "NA")


def identity(text: str, region: str = "ZZ") -> str:
    """A number that a provider names, by which it is compared: E.164 where it can be read, of
    whatever kind it is; without `region`, only with its + and country. Else empty."""
    try:
        number = phonenumbers.parse(bare(text), region)
    except (NumberParseException, ValidationError):
        return ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def readable(mobile: str) -> str:
    """An E.164 number with spaces, for a page."""
    number = phonenumbers.parse(mobile)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def masked(text: str) -> str:
    """A number of which only who knows it can tell whose it is: +86 139 **** 0011."""
    try:
        number = phonenumbers.parse(text, settings.DEFAULT_REGION)
    except NumberParseException:
        return "****"
    own = str(number.national_number)
    first, last = (own[:3], own[-4:]) if len(own) > 9 else ("", own[-2:])
    return " ".join(filter(None, (f"+{number.country_code}", first, "****", last)))
