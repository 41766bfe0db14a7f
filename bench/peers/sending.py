"""What a peer does for one person, as in the tutorials: load the row, write, send."""

import json

import urllib3
from django.core.mail import send_mail
from django.db import connection
from django.utils.crypto import salted_hmac

from bench.guests import SMS, SUBJECT, html, plain
from bench.peers import settings
from bench.peers.models import Code, User

provider = urllib3.PoolManager(maxsize=1000, retries=False, timeout=10)  # kept open, shared


def email(pk: int) -> None:
    user = User.objects.get(pk=pk)
    name = user.username
    send_mail(SUBJECT, plain(name), None, [user.email], html_message=html(name))


def sms(pk: int) -> None:
    user = User.objects.get(pk=pk)
    post(user.mobile, SMS.replace("((name))", user.username), pk)


def code(pk: int) -> None:
    row = Code.objects.get(pk=pk)
    digest = salted_hmac("code", f"{row.pk}:{row.salt}", algorithm="sha256").digest()
    six = f"{int.from_bytes(digest, 'big') % 1_000_000:06d}"
    ref = post(row.mobile, f"{six} is your code. It is good for 5 minutes.", pk)
    Code.objects.filter(pk=pk).update(state="sent", provider_ref=ref)


def post(to: str, text: str, pk: int) -> str:
    """The provider's number of it."""
    if settings.POOLED:
        connection.close()  # back into the pool, for others while the provider thinks
    answer = provider.request(
        "POST", settings.SMS_GATEWAY,
        body=json.dumps({"to": to, "body": text, "delivery": pk}),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    if answer.status != 200:
        raise OSError(answer.status)
    return str(answer.json()["id"])
