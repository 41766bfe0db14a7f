"""The 6 digits. Derived from the verification by a keyed hash: never stored, never in a job."""

import hmac

from django.utils.crypto import salted_hmac

from signup.models import Verification


def derive(verification: Verification) -> str:
    """The code of a verification: 6 digits, the same each time."""
    digest = salted_hmac(
        "signup.code",
        f"{verification.pk}:{verification.mobile}:{verification.salt}",
        algorithm="sha256",
    ).digest()
    return f"{int.from_bytes(digest, 'big') % 1_000_000:06d}"


def matches(verification: Verification, code: str) -> bool:
    """Constant-time."""
    return hmac.compare_digest(derive(verification), code)
