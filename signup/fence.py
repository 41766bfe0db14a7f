"""The fence before the SMS: a picture code, or work that the browser does, which nobody sees.

The work is ALTCHA's (https://altcha.org, SHA-256): find the number that, behind a given salt, has a
given hash. Nothing is stored until an answer comes: the salt bears its time, the challenge is
signed. The first right answer uses it up.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from signup import budget, pictures, rates
from web.problems import Invalid

MOST = 200_000  # the highest number that may be the answer: seconds of a browser

LIFETIME = 600  # seconds


def check(asked: budget.Asked, picture_id: str, answer: str, proof: str) -> None:
    """Raises Invalid unless one of them is as it is asked for, and Unavailable."""
    if settings.SIGNUP_FENCE == "picture":
        pictures.check(picture_id, answer)
    elif proof:
        check_work(proof)
    elif answer:
        pictures.check(picture_id, answer)
    elif settings.SIGNUP_FENCE == "work" or is_near(asked):
        raise Invalid(
            errors={
                "image_code": [_("Type the digits that the picture shows.")],
                "altcha": [_("Do the work that /signup/work/ gives, or solve the picture.")],
            }
        )


def is_near(asked: budget.Asked) -> bool:
    """Whether half of what a stranger may cost is used up."""
    return budget.is_near(asked) or rates.half_used(
        rates.Limit("code-origin", settings.CODE_LIMIT_ORIGIN, asked.origin),
        rates.Limit("code-all", settings.CODE_LIMIT_ALL, ""),
    )


def new_work() -> dict[str, str | int]:
    """A challenge, as ALTCHA's widgets and libraries read it."""
    salt = f"{secrets.token_hex(12)}?expires={int(time.time()) + LIFETIME}&"
    challenge = digest(salt, secrets.randbelow(MOST + 1))
    return {
        "algorithm": "SHA-256",
        "challenge": challenge,
        "maxnumber": MOST,
        "salt": salt,
        "signature": signature(challenge),
    }


def digest(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def signature(challenge: str) -> str:
    return salted_hmac("signup.work", challenge, algorithm="sha256").hexdigest()


def check_work(proof: str) -> None:
    """`proof`: as ALTCHA sends it, base64 of JSON."""
    facts = read(proof)
    salt, challenge, number = facts.get("salt"), facts.get("challenge"), facts.get("number")
    if not (isinstance(salt, str) and isinstance(challenge, str) and type(number) is int):
        raise wrong(_("This is no proof of work. Ask for work at /signup/work/."))
    told = str(facts.get("signature")).encode()
    ours = hmac.compare_digest(signature(challenge).encode(), told)
    if not ours or not hmac.compare_digest(digest(salt, number).encode(), challenge.encode()):
        raise wrong(_("This work is not done, or not ours. Ask for new work."))
    expires = re.search(r"\?expires=([0-9]+)&\Z", salt)
    if not expires or int(expires[1]) < time.time():
        raise wrong(_("This work is too old. Ask for new work."))
    if not pictures.first_use(f"work-used:{challenge}", LIFETIME + 60):
        raise wrong(_("This work was used already. Ask for new work."))


def read(proof: str) -> dict[str, Any]:
    with suppress(binascii.Error, ValueError, RecursionError):
        facts = json.loads(base64.b64decode(proof, validate=True))
        if isinstance(facts, dict):
            return facts
    return {}


def wrong(sentence: str) -> Invalid:
    return Invalid.field("altcha", sentence)
