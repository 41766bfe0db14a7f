"""Not wanting notices any more: the link that says so."""

from django.conf import settings
from django.core import signing

from notices.models import Delivery


def unsubscribe_url(delivery: Delivery) -> str:
    """Where the person who got this delivery says so; empty while our address is not known."""
    ours = getattr(settings, "PUBLIC_URL", "") or delivery.origin
    token = signing.Signer(salt="unsubscribe").sign(str(delivery.pk))
    return f"{ours.rstrip('/')}/u/{token}/" if ours else ""
