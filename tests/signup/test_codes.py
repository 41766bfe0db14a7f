"""The 6 digits."""

import pytest

from signup import codes
from signup.models import Verification


def verification(pk=1, mobile="+8613800138000", salt="a1b2"):
    return Verification(pk=pk, mobile=mobile, salt=salt)


def test_a_code_is_six_digits():
    for pk in range(1, 200):
        code = codes.derive(verification(pk))
        assert len(code) == 6
        assert code.isdecimal()


def test_the_same_verification_has_the_same_code():
    assert codes.derive(verification()) == codes.derive(verification())


@pytest.mark.parametrize("changed", [{"pk": 2}, {"mobile": "+8613800138001"}, {"salt": "c3d4"}])
def test_another_verification_has_another_code(changed):
    assert codes.derive(verification(**changed)) != codes.derive(verification())


def test_another_secret_key_gives_another_code(settings):
    before = codes.derive(verification())
    settings.SECRET_KEY = "another"
    assert codes.derive(verification()) != before


def test_code_outlives_a_change_of_the_key(settings):
    sent, before = codes.derive(verification()), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    assert not codes.matches(verification(), sent)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert codes.matches(verification(), sent)
    assert codes.matches(verification(), codes.derive(verification()))


def test_only_the_code_matches():
    code = codes.derive(verification())
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert codes.matches(verification(), code)
    assert not codes.matches(verification(), wrong)
    assert not codes.matches(verification(), "")


def test_codes_spread_over_the_whole_range():
    seen = [codes.derive(verification(pk)) for pk in range(1, 2001)]
    assert {code[0] for code in seen} == set("0123456789")
    assert len(set(seen)) > 1980
