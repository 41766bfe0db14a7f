"""What a peer does for one person, as in the tutorials: load the user, write, send."""

import os
from typing import Any

import requests
from django.core.mail import send_mail

from bench.guests import SMS, SUBJECT, html, plain
from bench.peers.models import User


def email(pk: int) -> None:
    user = User.objects.get(pk=pk)
    name = user.username
    send_mail(SUBJECT, plain(name), None, [user.email], html_message=html(name))


def sms(pk: int) -> None:
    user = User.objects.get(pk=pk)
    facts: Any = {"to": user.mobile, "body": SMS.replace("((name))", user.username), "delivery": pk}
    requests.post(os.environ["SMS_GATEWAY"], json=facts, timeout=10).raise_for_status()
