"""One person, one identity: numbers, email addresses and usernames are read by one reader each, at
every door."""

import random
import re

import phonenumbers
import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from notices.audience import recipients
from notices.providers.mime import reachable
from signup import emails, names, phones, search, usernames

HERE = "+8613900000011"
chance = random.Random(7)

# What people write, and whose number it is.
NUMBERS = [
    ("13900000011", HERE),
    ("139 0000 0011", HERE),
    ("139-0000-0011", HERE),
    ("139–0000—0011", HERE),
    ("139‑0000‑0011", HERE),
    ("139.0000.0011", HERE),
    ("139/0000/0011", HERE),
    ("139·0000·0011", HERE),
    ("(139) 0000 0011", HERE),
    ("（139）00000011", HERE),
    ("139\xa00000\u20090011", HERE),
    ("\u202d13900000011\u202c", HERE),
    ("1390\u200b0000\ufeff011", HERE),
    ("\u2066+86 139 0000 0011\u2069", HERE),
    ("＋8613900000011", HERE),
    ("+86 139 0000 0011", HERE),
    ("(+86) 139 0000 0011", HERE),
    ("+86 (0)139 0000 0011", HERE),
    ("+86-0139-0000-0011", HERE),
    ("0086 139 0000 0011", HERE),
    ("8613900000011", HERE),  # from a spreadsheet, which took the + away
    ("013900000011", HERE),
    ("tel:+86-139-0000-0011", HERE),
    ("TEL:13900000011", HERE),
    ("'13900000011", HERE),
    ("+44 (0)7400 123456", "+447400123456"),
    ("0044 7400 123456", "+447400123456"),
    ("+1 (202) 555-0123", "+12025550123"),
    ("+54 9 11 2345 6789", "+5491123456789"),
]
DIGITS, PLAIN, WHOLE = "ordinary digits 0-9", "Enter a mobile number: digits", "not a complete"
BAD_NUMBERS = [
    ("13900000031;13900000032", PLAIN),
    ("13900000031,13900000032", PLAIN),
    ("13900000031 ext 8001", PLAIN),
    ("13900000031x8001", PLAIN),
    ("13900000031#8001", PLAIN),
    ("13900000031转8001", PLAIN),
    ("tel:13900000031;ext=8001", PLAIN),
    ("1-800-FLOWERS", PLAIN),
    ("138abcdefgh", PLAIN),
    ("++8613900000011", PLAIN),
    ("139+00000011", PLAIN),
    ("１３９０００００００１１", DIGITS),
    ("١٣٩٠٠٠٠٠٠١١", DIGITS),
    ("139０0000011", DIGITS),
    ("1.38E+10", "spreadsheet"),
    ("1,38E+10", "spreadsheet"),
    ("1.3900000011E+10", "spreadsheet"),
    ("13900000011.0", "spreadsheet"),
    ("1390000001", WHOLE),
    ("139000000111", WHOLE),
    ("010 6552 9988", "cannot receive SMS"),
    ("+44 900 123 4567", "cannot receive SMS"),
    ("+86 10 1234 5678", "cannot receive SMS"),
    ("400-810-8888", "cannot receive SMS"),
    ("+1 900 555 0123", "cannot receive SMS"),
    ("+01 202 555 0123", "Check its digits"),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_number_is_read_however_it_is_written(text, number):
    assert phones.normalise(text, abroad=True) == number
    assert [each.address for each in recipients.read(text, ["sms"]).recipients] == [number]


def test_two_noughts_are_a_plus_also_where_people_dial_others(settings):
    settings.DEFAULT_REGION = "US"  # 011
    assert phones.normalise("0086 139 0000 0011", abroad=True) == HERE
    assert phones.normalise("011 86 139 0000 0011", abroad=True) == HERE


@pytest.mark.parametrize(("text", "sentence"), BAD_NUMBERS)
def test_bad_number_is_told_and_never_guessed(text, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        phones.normalise(text, abroad=True)
    assert not recipients.read(text, ["sms"]).recipients


def test_what_is_certain_at_once_is_what_the_library_says(settings):
    """The short way that makes long lists quick, against the long way, for numbers of each kind."""
    kinds = range(phonenumbers.PhoneNumberType.VOICEMAIL + 1)
    found = 0
    for home in ("CN", "US", "GB", "CA", "IT", "AR"):
        settings.DEFAULT_REGION = home
        for region in phonenumbers.SUPPORTED_REGIONS:
            examples = (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
            for example in filter(None, examples):
                e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                texts = [e164, e164[1:], str(example.national_number), f"{e164}1", e164[:-1]]
                for text in [*texts, other_than(e164), other_than(e164)]:
                    known = phones.at_once(text)
                    found += bool(known)
                    assert not known or known == long_way(text), (home, text)
    assert found > 500


@given(st.from_regex(r"[+0-9]{0,3}[0-9 .,E-]{0,12}", fullmatch=True))
def test_a_plain_number_is_read_as_one_with_a_blank_behind_it(text):
    """The first has a short way."""

    def read(text):
        try:
            return phones.bare(text)
        except ValidationError as problem:
            return problem.messages

    assert read(text) == read(f"{text} ")


@given(st.text("aB1_.@-ａé ", max_size=12), st.sampled_from(["", "@example.com", "@xn--a.com"]))
def test_a_plain_email_or_value_is_read_as_one_with_a_blank_behind_it(local, domain):
    """The first has a short way."""

    def outcome(read, text):
        try:
            return read(text)
        except ValidationError as problem:
            return problem.messages

    for read in (emails.normalise, lambda text: names.normalise(text, 9)):
        text = local + domain
        assert outcome(read, text) == outcome(read, f"{text} ")


@pytest.mark.parametrize(
    ("text", "part"),
    [("wang.fang@example.com", "wang.fang@"), ("info@example.com", "info@example.com"),
     ("example.com", "example.com"), ("wang.fang", "wang.fang")],
)  # fmt: skip
def test_of_an_email_the_index_is_asked_for_what_few_share(text, part):
    assert search.rare(text) == part


def other_than(e164):
    """With some other digits, behind the country's code."""
    digits = list(e164)
    for _ in range(chance.randint(1, 5)):
        digits[chance.randrange(4, len(digits))] = chance.choice("0123456789")
    return "".join(digits)


def long_way(text):
    """E.164 by parsing, as for a number of which nothing is certain."""
    number = phonenumbers.parse(text, settings.DEFAULT_REGION)
    assert phonenumbers.is_valid_number(number)
    assert phonenumbers.number_type(number) in phones.CARRY_SMS
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+8613900000011", "ZZ", HERE),
        ("13900000011", "CN", HERE),
        ("+86 10 1234 5678", "ZZ", "+861012345678"),
        ("13900000011", "ZZ", ""),
        ("12345", "ZZ", ""),
        ("whatsapp:+1", "ZZ", ""),
        ("", "CN", ""),
    ],
)
def test_number_that_a_provider_names(text, region, number, settings):
    settings.DEFAULT_REGION = "US"
    assert phones.identity(text, region) == number


# Email addresses

EMAILS = [
    ("Wang@Example.COM", "wang@example.com"),
    (" \u200bwang@example.com\u202c\xa0", "wang@example.com"),
    ("mailto:wang@example.com", "wang@example.com"),
    ("MAILTO:wang%2Bnews@example.com", "wang+news@example.com"),
    ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
    ("wang@example。com", "wang@example.com"),
    ("o'neil!#$%&*+/=?^_`{|}~-@example.com", "o'neil!#$%&*+/=?^_`{|}~-@example.com"),
    ("info@xn--bcher-kva.example", "info@bücher.example"),
    ("info@XN--BCHER-KVA.example", "info@bücher.example"),
    ("info@BÜCHER.example", "info@bücher.example"),
    ("info@bu\u0308cher.example", "info@bücher.example"),
    ("idn@例え.テスト", "idn@例え.テスト"),
    ("idn@xn--r8jz45g.xn--zckzah", "idn@例え.テスト"),
    ("a@faß.de", "a@faß.de"),
    ("a@xn--fa-hia.de", "a@faß.de"),
    ("a@xn--ls8h.la", "a@xn--ls8h.la"),  # an emoji: no name by the rules of today, and it exists
    ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
]
BAD_EMAILS = [
    "wang", "wang@", "@example.com", "wang@example", "a b@example.com", "wang@exam ple.com",
    '"n24"@example.com', '"a b"@example.com', "用户@example.com", "wáng@example.com",
    "wang@💩.la", "wang@-a.com", "wang@a_b.com", "wang@xn--.com@x", "a..b@example.com",
    ".a@example.com", "wang@example.com.", "mailto:wang@example.com?subject=x", "wang@a..com",
    "wa\u200bng@example.com", "a" * 65 + "@example.com", "wang@例え..テスト",
    "wang@[10.0.0.5]", "wang@[IPv6:::1]",
]  # fmt: skip


@pytest.mark.parametrize(("text", "address"), EMAILS)
def test_email_is_read_however_it_is_written(text, address):
    assert emails.normalise(text) == address
    assert emails.normalise(address) == address
    assert [each.address for each in recipients.read(text, ["email"]).recipients] == [address]
    assert reachable(address).isascii()


@pytest.mark.parametrize("text", BAD_EMAILS)
def test_bad_email_is_told(text):
    with pytest.raises(ValidationError, match="Enter an email address such as"):
        emails.normalise(text)
    assert not recipients.read(text, ["email"]).recipients


def test_email_is_no_longer_than_servers_take():
    with pytest.raises(ValidationError, match="at most 254"):
        emails.normalise("a@" + "b." * 130 + "example.com")


# Usernames


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("boss_root", "BOSS_ROOT", True),
        ("boss_root", "bоss_rооt", True),  # Cyrillic o
        ("BOTTOM", "ВОТТОМ", True),  # all of it Cyrillic
        ("boss_root", "ＢＯＳＳ＿ＲＯＯＴ", True),
        ("room_12", "room_١٢", True),
        ("strasse", "straße", True),
        ("İnci_1", "inci_1", True),
        ("林美林美林", "林美林美琳", False),
        ("person_1", "person_l", False),  # people read these apart well enough
        ("guest_wang", "guest_wong", False),
    ],
)
def test_names_that_look_alike_are_one(one, other, same):
    keys = {usernames.key(usernames.typed(each)) for each in (one, other)}
    assert (len(keys) == 1) is same


@pytest.mark.parametrize(
    "name", ["13900000301", "8613900000011", "139_0000_0011", "١٣٩٠٠٠٠٠٠١١", "1234567", "guestㅤwang"]
)
def test_username_that_could_be_a_number_or_nothing_is_refused(name):
    with pytest.raises(ValidationError):
        usernames.check_new(usernames.typed(name))


@pytest.mark.parametrize("name", ["100234", "a13900000301", "林13900000301", "guest_wang"])
def test_username_that_could_not_is_fine(name):
    usernames.check_new(usernames.typed(name))


# In older rows


def test_older_address_is_compared_in_its_own_letters():
    old = recipients.Recipient.restore("info@xn--bcher-kva.example\tBob")
    assert old == recipients.Recipient("email", "info@bücher.example", "Bob")
