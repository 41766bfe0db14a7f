"""System checks of the channels: a deploy without a provider would tell nobody anything, and an
email service that is not known or lacks its key is told at the start of every process, not when the
first email should leave."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured

from notices.channels import EMAIL
from notices.providers import registry
from notices.providers.router import providers

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
    """Without it the link of a password reset begins with the Host header of whoever asked."""
    if settings.PUBLIC_URL:
        return []
    hint = "Set it to https:// and your host."
    found: list[CheckMessage] = [
        Info(
            "Notices carry no link to unsubscribe: PUBLIC_URL is not set.",
            hint=hint,
            id="bellhop.I012",
        )
    ]
    if "*" in settings.ALLOWED_HOSTS:
        text = (
            "Anybody can choose where the links in emails lead: "
            "ALLOWED_HOSTS is * and PUBLIC_URL is not set."
        )
        found.append(Error(text, hint=hint, id="bellhop.E012"))
    return found


def missing(channel: str, name: str, urls: list[str], hint: str) -> list[CheckMessage]:
    if not urls:
        text = f"No provider carries {channel}: {name} is not set."
        return [Error(text, hint=hint, id="bellhop.E010")]
    if local := [url for url in urls if urlsplit(url).scheme in LOCAL]:
        text = f"{name} names {urlsplit(local[0]).scheme}:, which reaches nobody."
        return [Info(text, hint=hint, id="bellhop.I010")]
    return []


@register
def check_service(**kwargs: Any) -> list[CheckMessage]:
    try:
        providers(EMAIL)
    except (ImproperlyConfigured, ImportError) as problem:
        return [Error(sentence(problem), hint="See docs/email.md.", id="bellhop.E011")]
    return []


def sentence(problem: Exception) -> str:
    service = registry.email_name(settings.EMAIL_BACKEND)
    if missing := re.search(r"ANYMAIL_[A-Z_]+", str(problem)):
        return f"{missing[0]} is not set, and EMAIL_URL names {service}."
    if package := re.search(r"The (\S+) package isn't installed", str(problem)):
        return f"EMAIL_URL names {service}, which needs the package {package[1]}."
    return f"EMAIL_URL: Anymail knows no service called {service}."
