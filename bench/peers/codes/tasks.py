import json

import urllib3
from celery import shared_task
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import connection
from django.utils.crypto import salted_hmac

from bench import guests
from bench.peers.codes import settings
from bench.peers.codes.models import Message

provider = urllib3.PoolManager(maxsize=1000, retries=False, timeout=10)  # kept open, shared


@shared_task  # type: ignore[untyped-decorator]
def send_code(pk: int) -> None:
    message = Message.objects.select_related("user").get(pk=pk)
    digest = salted_hmac("code", f"{message.pk}:{message.salt}", algorithm="sha256").digest()
    code = f"{int.from_bytes(digest, 'big') % 1_000_000:06d}"
    text = f"{code} is your code. It is good for 5 minutes."
    facts = {"to": message.mobile, "body": text, "delivery": pk}
    if settings.POOLED:
        connection.close()  # back into the pool, for others while the provider thinks
    answer = provider.request(
        "POST", f"http://127.0.0.1:{settings.SMS_PORT}/",
        body=json.dumps(facts), headers={"Content-Type": "application/json"},
    )  # fmt: skip
    Message.objects.filter(pk=pk).update(state="sent", provider_ref=answer.json()["id"])


@shared_task  # type: ignore[untyped-decorator]
def send_notice(pk: int) -> None:
    user = User.objects.get(pk=pk)
    send_mail(
        guests.SUBJECT, guests.plain(user.username), "desk@example.com", [user.email],
        html_message=guests.html(user.username),
    )  # fmt: skip
