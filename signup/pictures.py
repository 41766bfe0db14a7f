"""Picture codes: five digits to read or to hear, before a code is sent.

Nothing is stored until an answer comes: the id is a signed time stamp, the digits are a keyed
hash of the id, and so is all that is left to chance when they are drawn (drawing.py) or spoken
(speaking.py). The first answer, right or wrong, uses the picture up.
"""

import hmac
import secrets
from random import Random

from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from web.problems import Invalid, Unavailable

LIFETIME = 600  # seconds
SHOWN, LENGTH = "023456789", 5  # a 1 is taken for a 7, or for a line


def signer() -> TimestampSigner:
    return TimestampSigner(salt="signup.picture", sep=".")


def new() -> str:
    """The id of a new picture in the reader's language; fit for a URL."""
    return signer().sign(f"{get_language()}~{secrets.token_urlsafe(12)}")


def digits(picture_id: str) -> str:
    """What the picture shows. Raises BadSignature for an id that is not ours or too old."""
    signer().unsign(picture_id, max_age=LIFETIME)
    picked = chance(picture_id, "digits").choices(SHOWN, k=LENGTH)
    return "".join(picked)


def chance(picture_id: str, purpose: str) -> Random:
    """What a drawing or a sound of the picture leaves to chance: the same each time, and nothing
    that can be foreseen."""
    seed = salted_hmac(f"signup.picture.{purpose}", picture_id, algorithm="sha256").digest()
    return Random(seed)  # noqa: S311  its seed is the secret


def spoken(picture_id: str) -> str:
    """The language of the page that the picture was made for, and that its digits are said in."""
    language, _tilde, _rest = picture_id.partition("~")
    return language


def check(picture_id: str, answer: str) -> None:
    """Uses the picture up. Raises Invalid unless `answer` is what it shows, and Unavailable."""
    try:
        right = digits(picture_id)
    except SignatureExpired:
        raise wrong(_("This picture is too old. Type what the new one shows.")) from None
    except BadSignature:
        raise wrong(_("This picture is not ours. Type what the new one shows.")) from None
    if not first_use(f"picture-used:{picture_id}", LIFETIME + 60):
        raise wrong(_("This picture was used already. Type what the new one shows."))
    answers = [right, settings.PICTURE_CODE_FIXED or right]
    if not any(hmac.compare_digest(each.encode(), answer.encode()) for each in answers):
        raise wrong(_("The picture showed other digits. Type what the new one shows."))


def first_use(key: str, seconds: int) -> bool:
    """Of whatever counts once, within so many seconds. Raises Unavailable."""
    try:
        return bool(cache.add(key, 1, timeout=seconds))
    except (RedisError, OSError):
        raise Unavailable from None


def wrong(sentence: str) -> Invalid:
    return Invalid.field("image_code", sentence)
