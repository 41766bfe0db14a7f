"""The preview shows what arrives: the same function makes both."""

import re
from html import unescape

import pytest
from django.urls import reverse

from notices.content import messages
from notices.delivery import expand
from notices.models import Delivery
from notices.providers.smtp import Email
from signup.models import User
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = """Dear ((name)), the lift is ~~out~~ **in order**: https://e.com/a?x=_y_&n=((name))

![the plan](https://e.com/plan.png)

| Day | Hour |
|---|--:|
| Monday | 9 |
"""
NOTICE = {
    "subject": "Lift, for ((name))",
    "text": TEXT,
    "channels": ["email"],
    "audience": "everyone",
    "addresses": "",
}


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("url", ["", "https://bellhop.example.com"])
def test_preview_of_an_email_is_what_arrives(page, staff, settings, mailserver, url, language):
    settings.PUBLIC_URL = url
    User.objects.filter(pk=staff.pk).update(email="r@example.com", language=language)
    preview = page.post(reverse("notice_new"), NOTICE | {"preview": "1"})
    expand.start(sent_now(staff, **NOTICE).pk)
    sent = Delivery.objects.get()
    with Email() as provider:
        provider.open()
        provider.send(sent, messages.compose(sent))
    [(_address, mail)] = mailserver.messages
    arrived = mail.get_body(["html"]).get_content()
    [framed] = re.findall('srcdoc="([^"]*)"', preview.text)
    shown = unescape(framed).replace('<base target="_blank">', "", 1)
    assert without_own(shown) == without_own(arrived)
    assert ("/u/" in shown) == bool(url)
    words = mail.get_body(["plain"]).get_content().strip()
    assert without_own(words) in without_own(unescape(preview.text.replace("<br>", "\n")))


def without_own(text):
    """Without what the link to unsubscribe says of its delivery."""
    text = text.replace("\r\n", "\n").strip()
    return re.sub(r"(/u/)[\w.:-]+", r"\1", text)


def test_images_and_styles_of_an_email_are_let_in_where_it_is_previewed_only(page):
    preview = page.post(reverse("notice_new"), NOTICE | {"preview": "1"})
    assert "https:" in policy(preview)["img-src"]
    assert policy(preview)["style-src-attr"] == ["'unsafe-inline'"]
    for other in (page.get(reverse("notice_new"), {"key": "x" * 32}), page.get("/notices/")):
        assert "https:" not in policy(other)["img-src"]
        assert "style-src-attr" not in policy(other)
    assert policy(preview)["script-src"] == ["'self'"]


def policy(response):
    directives = response["Content-Security-Policy"].split(";")
    return {name: values for name, *values in map(str.split, directives)}
