"""Picture codes: five digits to read or to hear, before a code is sent.

Nothing is stored until an answer comes: the id is a signed time stamp, the digits are a keyed
hash of the id. The first answer, right or wrong, uses the picture up.
"""

import hmac
import secrets

from captcha.audio import AudioCaptcha
from captcha.image import ImageCaptcha
from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from web.problems import Invalid, Unavailable

LIFETIME = 600  # seconds
SIZE = (200, 70)

voice = AudioCaptcha()


def signer() -> TimestampSigner:
    return TimestampSigner(salt="signup.picture", sep=".")


def new() -> str:
    """The id of a new picture; fit for a URL."""
    return signer().sign(secrets.token_urlsafe(12))


def digits(picture_id: str) -> str:
    """What the picture shows. Raises BadSignature for an id that is not ours or too old."""
    signer().unsign(picture_id, max_age=LIFETIME)
    digest = salted_hmac("signup.picture.digits", picture_id, algorithm="sha256").digest()
    return f"{int.from_bytes(digest, 'big') % 100_000:05d}"


def image(picture_id: str) -> bytes:
    """PNG. Each call draws the same digits anew."""
    # Not shared between threads, since FreeType fonts are not.
    return ImageCaptcha(*SIZE).generate(digits(picture_id)).getvalue()


def sound(picture_id: str) -> bytes:
    """WAV, the digits spoken in English."""
    return bytes(voice.generate(digits(picture_id)))


def check(picture_id: str, answer: str) -> None:
    """Uses the picture up. Raises Invalid unless `answer` is what it shows, and Unavailable."""
    try:
        right = digits(picture_id)
    except SignatureExpired:
        raise wrong(_("This picture is too old. Type what the new one shows.")) from None
    except BadSignature:
        raise wrong(_("This picture is not ours. Type what the new one shows.")) from None
    try:
        first = cache.add(f"picture-used:{picture_id}", 1, timeout=LIFETIME + 60)
    except (RedisError, OSError):
        raise Unavailable from None
    if not first:
        raise wrong(_("This picture was used already. Type what the new one shows."))
    answers = [right, settings.PICTURE_CODE_FIXED or right]
    if not any(hmac.compare_digest(each.encode(), answer.encode()) for each in answers):
        raise wrong(_("The picture showed other digits. Type what the new one shows."))


def wrong(sentence: str) -> Invalid:
    return Invalid.field("image_code", sentence)
