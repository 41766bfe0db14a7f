"""receipts: the addresses to paste at the providers. Yuntongxun's holds a secret."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from notices.providers import registry, router
from notices.providers.reporting import configured


class Command(BaseCommand):
    help = "Shows the addresses to which providers report, to be pasted there (docs/receipts.md)."

    def handle(self, *args: Any, **options: Any) -> None:
        host = settings.PUBLIC_URL or "https://YOUR-HOST"
        found = {"Email by an ESP": "/anymail/NAME/tracking/"}
        for name in registry.REPORTING:
            if (provider := router.reporting(name)) and configured(*registry.SCHEMES[name]):
                for what, rest in provider.endpoints().items():
                    found[what] = f"/receipts/{name}/{rest}"
        for what, path in sorted(found.items()):
            self.stdout.write(f"{what:<28}{host}{path}")
        if not settings.PUBLIC_URL:
            self.stderr.write("PUBLIC_URL is not set: put your own host in place of YOUR-HOST.")
