"""System checks of the channels: a deploy without a provider would tell nobody anything."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register

LOCAL = ("console", "file", "memory", "simulate")  # providers that reach nobody: for rehearsals


@register(Tags.compatibility, deploy=True)
def check_email(**kwargs: Any) -> list[CheckMessage]:
    hint = "Set EMAIL_URL to smtp://USER:PASSWORD@HOST:587 or anymail://NAME (see .env.example)."
    return missing("email", "EMAIL_URL", [settings.EMAIL_URL] * bool(settings.EMAIL_URL), hint)


@register(Tags.compatibility, deploy=True)
def check_sms(**kwargs: Any) -> list[CheckMessage]:
    hint = "Set SMS_URLS to the address of an SMS provider (see .env.example)."
    return missing("SMS", "SMS_URLS", settings.SMS_URLS, hint)


@register(Tags.security, deploy=True)
def check_receipts(**kwargs: Any) -> list[CheckMessage]:
    """Nothing unsafe: without a secret no report is believed, and bounces stay unknown."""
    if urlsplit(settings.EMAIL_URL).scheme != "anymail" or settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return []
    return [
        Info(
            "Reports of the email provider are refused: ANYMAIL_WEBHOOK_SECRET is not set.",
            hint="Set it to USER:PASSWORD, long and random (docs/receipts.md).",
            id="bellhop.I011",
        )
    ]


@register(Tags.compatibility, deploy=True)
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL:
        return []
    return [
        Info(
            "Notices carry no link to unsubscribe: PUBLIC_URL is not set.",
            hint="Set it to https:// and your host.",
            id="bellhop.I012",
        )
    ]


def missing(channel: str, name: str, urls: list[str], hint: str) -> list[CheckMessage]:
    if not urls:
        text = f"No provider carries {channel}: {name} is not set."
        return [Error(text, hint=hint, id="bellhop.E010")]
    if local := [url for url in urls if urlsplit(url).scheme in LOCAL]:
        text = f"{name} names {urlsplit(local[0]).scheme}:, which reaches nobody."
        return [Info(text, hint=hint, id="bellhop.I010")]
    return []
