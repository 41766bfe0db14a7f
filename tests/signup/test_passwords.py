"""Which passwords are refused: those that are guessed first, and no kind of characters."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from signup.models import User

USER = User(username="guest_wang", email="wang.li@example.com", mobile="+8613900000002")


@pytest.mark.parametrize(
    "password",
    [
        "P@ssw0rd2024!", "Summer2026!", "bellhop-2026", "Bellhop2026", "B3llh0p!!!", "!!dragon!!",
        "testserver1", "password", "1234567890", "19900101", "1990-01-01", "31121999",
        "13900000002", "139 0000 0002", "+8613900000002", "guest_wang", "Guest_Wang1", "wang.li26",
        "short", "",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    with pytest.raises(ValidationError):
        validate_password(password, USER)


@pytest.mark.parametrize(
    "password",
    [
        "8412907365", "4917305826", "let me in please", "brand new horse", "right horse 22",
        "correct horse", "summer8412907365", "aB3$kd93", "我的密码是一句话吗", "😀😀🦄 pony 🦄",
        "x" * 8 + "y", "   spaces   ", "ALLUPPERCASEWORDS", "nodigitsinhere",
    ],
)  # fmt: skip
def test_no_kind_of_character_is_asked_for_or_refused(password):
    validate_password(password, USER)


def test_a_user_without_a_number_may_have_digits():
    validate_password("8412907365", User(username="guest_wang"))
    validate_password("8412907365")
