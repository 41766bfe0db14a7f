"""The services of ALERT_URLS, by Apprise. An address holds a secret: it is named by its place."""

import logging

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

log = logging.getLogger(__name__)


def send(title: str, body: str) -> list[str]:
    """Which of them did not take it."""
    import apprise

    refused = []
    for place, url in enumerate(settings.ALERT_URLS, 1):
        service = apprise.Apprise()
        if not (service.add(url) and service.notify(title=title, body=body)):
            refused.append(named(place, url))
    if refused:
        log.warning("ALERT_URLS: not taken by number %s.", ", ".join(refused))
    return refused


def named(place: int, url: str) -> str:
    scheme = url.partition("://")[0]
    return f"{place} ({scheme})" if scheme.isalnum() and len(scheme) < 20 else str(place)


@register(Tags.compatibility, deploy=True)
def check(**kwargs: object) -> list[CheckMessage]:
    import apprise

    return [
        Error(
            f"ALERT_URLS: number {place} is no address that Apprise knows.",
            hint="Percent-encode what is special in it; a comma is %2C (docs/oncall.md).",
            id="bellhop.E020",
        )
        for place, url in enumerate(settings.ALERT_URLS, 1)
        if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None
    ]
