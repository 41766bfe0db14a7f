"""An address as a keyed hash: what is kept of somebody who was erased, so that an opt-out goes on
holding. Who has the database alone cannot find out the number behind it by trying all."""

import hmac
from functools import lru_cache

from config import keys
from notices.audience.recipients import canonical

__all__ = ["known_keys", "of"]

MARK = "#"  # no address begins so


@lru_cache
def derived(secret: str) -> tuple[str, bytes]:
    """The key, and the name by which a hash says that it was made with it."""
    key = hmac.digest(secret.encode(), b"notices.audience.hashes", "sha256")
    return hmac.digest(key, b"name", "sha256").hex()[:8], key


def known_keys() -> list[str]:
    """What hashes begin with that can still be compared."""
    return [f"{MARK}{derived(secret)[0]}:" for secret in keys.of_hashes()]


def of(channel: str, address: str) -> list[str]:
    """By each known key, that of new hashes first."""
    text = f"{channel}:{canonical(address)}".encode()
    named = map(derived, keys.of_hashes())
    return [f"{MARK}{name}:{hmac.digest(key, text, 'sha256').hex()}" for name, key in named]
