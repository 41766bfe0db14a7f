"""The 6 digits. Derived from the verification by a keyed hash: never stored, never in a job."""

import hmac

from django.utils.crypto import salted_hmac

from config import keys
from signup.models import Verification


def derive(verification: Verification, key: str | None = None) -> str:
    """The code of a verification: 6 digits, the same each time; by the SECRET_KEY of today."""
    digest = salted_hmac(
        "signup.code",
        f"{verification.pk}:{verification.mobile}:{verification.salt}",
        key,
        algorithm="sha256",
    ).digest()
    return f"{int.from_bytes(digest, 'big') % 1_000_000:06d}"


def matches(verification: Verification, code: str) -> bool:
    """Constant-time. A code that was sent before SECRET_KEY was changed is still right."""
    found = [hmac.compare_digest(derive(verification, key), code) for key in keys.known()]
    return any(found)
