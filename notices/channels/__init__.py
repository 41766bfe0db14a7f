"""How a message leaves: one provider, one class, one file, one verb."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from notices.channels.base import Provider
from notices.channels.email import Email
from notices.models import Channel


def provider(channel: str) -> Provider:
    """The provider that carries `channel`, not yet connected."""
    if channel == Channel.EMAIL:
        return Email()
    url = settings.SMS_URLS[0] if settings.SMS_URLS else "console:"
    carrier: type[Provider] = import_string(settings.SMS_PROVIDERS[urlsplit(url).scheme])
    return carrier(url)
