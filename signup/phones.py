"""Mobile numbers as people write them, to E.164."""

import re

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# In North America nobody can tell a mobile from a landline by its number.
CARRY_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def ordinary_digits(text: str) -> None:
    """Raises ValidationError for digits other than 0-9, such as full-width ones."""
    if any(letter.isdigit() and not letter.isascii() for letter in text):
        raise ValidationError(_("Use the ordinary digits 0-9."))


def normalise(text: str, abroad: bool = False) -> str:
    """E.164 of a mobile number. Without `abroad`, only of the default region.

    Raises ValidationError with a sentence.
    """
    ordinary_digits(text)
    if not re.fullmatch(r"\+?[0-9 ().-]{5,30}", text):
        raise ValidationError(_("Enter a mobile number: digits, and + with the country's code."))
    try:
        number = phonenumbers.parse(text, settings.DEFAULT_REGION)
    except NumberParseException:
        raise ValidationError(_("This is not a mobile number. Check its digits.")) from None
    home = phonenumbers.country_code_for_region(settings.DEFAULT_REGION)
    region = phonenumbers.region_code_for_number(number)
    # Several countries share +1: the code alone does not say that a number is from here.
    foreign = number.country_code != home or region not in {settings.DEFAULT_REGION, None}
    if foreign and not abroad:
        raise ValidationError(
            _("Codes are only sent to mobile numbers of %(region)s (+%(code)s). Use one of those.")
            % {"region": settings.DEFAULT_REGION, "code": home}
        )
    if not phonenumbers.is_valid_number(number):
        raise ValidationError(_("This is not a complete mobile number. Check its digits."))
    if phonenumbers.number_type(number) not in CARRY_SMS:
        raise ValidationError(_("This number cannot receive SMS. Use a mobile number."))
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
