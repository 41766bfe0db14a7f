"""How a message leaves: one provider, one class, one file, one verb."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from notices.channels.base import Provider
from notices.channels.email import Email
from notices.models import Channel

# Those that take many emails in one call; other services are Esp.
ESPS = {
    "brevo": "notices.channels.brevo.Brevo",
    "mailgun": "notices.channels.mailgun.Mailgun",
    "postmark": "notices.channels.postmark.Postmark",
    "sendgrid": "notices.channels.sendgrid.SendGrid",
}


def provider(channel: str) -> Provider:
    """The provider that carries `channel`, not yet connected."""
    if channel == Channel.EMAIL:
        return email()
    url = settings.SMS_URLS[0] if settings.SMS_URLS else "console:"
    carrier: type[Provider] = import_string(settings.SMS_PROVIDERS[urlsplit(url).scheme])
    return carrier(url)


def email() -> Provider:
    if not settings.EMAIL_BACKEND.startswith("anymail."):
        return Email()
    name = settings.EMAIL_BACKEND.split(".")[-2]
    carrier: type[Provider] = import_string(ESPS.get(name, "notices.channels.esp.Esp"))
    return carrier()
