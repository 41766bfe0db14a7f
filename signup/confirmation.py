"""The link in the welcome by which an email address becomes the user's. It names the delivery of
that welcome, so that no address stands in a URL."""

from datetime import timedelta

from django.core.signing import BadSignature, TimestampSigner

LIFETIME = timedelta(days=7)


def signer() -> TimestampSigner:
    return TimestampSigner(salt="signup.confirmation", sep=".")


def token(delivery_id: int) -> str:
    return signer().sign(str(delivery_id))


def read(token: str) -> int:
    """The delivery's id; 0 for a link that we did not make or that is too old."""
    try:
        return int(signer().unsign(token, max_age=LIFETIME))
    except (BadSignature, ValueError):
        return 0
