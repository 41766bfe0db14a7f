"""SECRET_KEY may be changed: what was signed or derived by an earlier one in SECRET_KEY_FALLBACKS
is still known. Django does the same for sessions and whatever its signers sign."""

from django.conf import settings


def known() -> list[str]:
    """The keys, that of today first."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
