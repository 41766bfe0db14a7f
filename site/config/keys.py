"""SECRET_KEY may be changed: what was signed or derived by an earlier one in SECRET_KEY_FALLBACKS
is still known. Django does the same for sessions and whatever its signers sign."""

from django.conf import settings


def known() -> list[str]:
    """The keys, that of today first."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def of_hashes() -> list[str]:
    """For what is kept as a hash alone, and cannot be made anew with another key: SUPPRESSION_KEY
    is for ever. Without it that of today, and every earlier one that is still named."""
    return [*([settings.SUPPRESSION_KEY] if settings.SUPPRESSION_KEY else []), *known()]
