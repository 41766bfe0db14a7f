"""receipts: the addresses to paste at the providers. Yuntongxun's holds a secret."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from notices.receipts.webhooks import yuntongxun_secret

ADDRESSES = {
    "Twilio, status callback": "/receipts/twilio/",
    "Twilio, a message comes in": "/receipts/twilio/inbound/",
    "Yuntongxun (secret)": "/receipts/yuntongxun/{secret}/",
    "A gateway of your own": "/receipts/webhook/",
    "Email by an ESP": "/anymail/NAME/tracking/",
}


class Command(BaseCommand):
    help = "Shows the addresses to which providers report, to be pasted there (docs/receipts.md)."

    def handle(self, *args: Any, **options: Any) -> None:
        host = settings.PUBLIC_URL or "https://YOUR-HOST"
        for name, path in ADDRESSES.items():
            self.stdout.write(f"{name:<28}{host}{path.format(secret=yuntongxun_secret())}")
        if not settings.PUBLIC_URL:
            self.stderr.write("PUBLIC_URL is not set: put your own host in place of YOUR-HOST.")
