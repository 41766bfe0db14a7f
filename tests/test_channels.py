"""A channel is a type: a third one, "push", is added in this file and nowhere else."""

import json

import pytest
from django.http import Http404, HttpResponse
from django.utils import timezone

import jobs
from notices import channels
from notices.channels import CHANNELS, Channel
from notices.models import Delivery, Notice, Receipt, State, Suppression
from notices.providers import registry, router
from notices.providers.base import Provider
from notices.providers.errors import Refused
from notices.providers.reporting import Report, Reporting, short

pytestmark = pytest.mark.django_db(transaction=True)

PUSHED: list[tuple[str, str]] = []


def read(text):
    device = text.removeprefix("push:")
    if not device.isalnum():
        raise ValueError("This is no device.")
    return f"push:{device}"


PUSH = Channel(
    "push",
    "app",
    user_field="username",
    wants_field="",
    recognises=lambda text: text.startswith("push:"),
    read=read,
    missing="Has no app.",
    unwanted="Does not want notices in the app.",
    not_chosen="This is a device, but the app is not chosen as a channel.",
    parts=lambda text: -(-len(text) // 100),
)


class Push(Provider, Reporting):
    name = "push"

    def send(self, delivery, wording):
        if delivery.address.endswith("gone"):
            raise Refused("No such device.", suppress="dead")
        PUSHED.append((delivery.address, wording.text))
        return f"p-{delivery.pk}"

    @classmethod
    def receive(cls, request, rest):
        if rest:
            raise Http404
        facts = json.loads(request.body)
        told = {"ref": short(facts["id"], 100), "kind": facts["kind"], "address": facts["to"]}
        return Report([Receipt(provider="push", channel="push", **told)], HttpResponse())


@pytest.fixture(autouse=True)
def push(monkeypatch):
    monkeypatch.setitem(CHANNELS, "push", PUSH)
    monkeypatch.setitem(router.SOURCES, "push", lambda: [Push()])
    monkeypatch.setitem(registry.REPORTING, "push", registry.Shape(f"{__name__}.Push"))
    PUSHED.clear()


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


CONTENT_FIELDS = {
    "subject": "Lift",
    "text": "Dear ((name)), **out of order**.",
    "audience": "addresses",
}


def write(page, addresses, chosen=("push",), **more):
    facts = CONTENT_FIELDS | {"channels": list(chosen), "addresses": addresses} | more
    return page.post("/notices/new/", facts, follow=True)


def send(page, burst, addresses):
    write(page, addresses)
    new = Notice.objects.get()
    Notice.objects.update(start_at=timezone.now())
    jobs.push(jobs.start_notice, Notice.objects.get().pk)
    burst()
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED
    return new


def reported(page, burst, device, kind):
    row = Delivery.objects.get(address=device)
    facts = {"id": row.provider_ref, "kind": kind, "to": device}
    answer = page.post("/receipts/push/", json.dumps(facts), content_type="application/json")
    assert answer.status_code == 200
    burst("default")
    row.refresh_from_db()
    return row.state


def test_it_is_composed_and_previewed(page):
    assert 'value="push"' in page.get("/notices/new/", follow=True).text
    shown = " ".join(write(page, "Li <push:a1>\npush:b2\n", preview="1").text.split())
    assert "<strong>app</strong>" in shown
    assert "Dear Li, out of order." in shown
    assert "2 recipients" in shown
    assert "1 app each" in shown
    assert not Notice.objects.exists()


def test_address_of_another_channel_is_told(page):
    shown = write(page, "push:a1\npush:?\nli@example.com\n+8613900000011").text
    assert "This is no device." in shown
    assert "email is not chosen" in shown
    assert "SMS is not chosen" in shown
    assert "the app is not chosen" in write(page, "push:a1", chosen=["email"]).text


def test_it_is_sent_reported_and_suppressed(page, burst):
    new = send(page, burst, "Li <push:a1>\npush:gone\npush:b2")
    assert PUSHED == [
        ("push:a1", "Dear Li, out of order."),
        ("push:b2", "Hello, out of order."),
    ]
    rows = dict(new.deliveries.values_list("address", "state"))
    assert rows == {"push:a1": "sent", "push:gone": "failed", "push:b2": "sent"}
    assert reported(page, burst, "push:a1", "delivered") == State.DELIVERED
    assert reported(page, burst, "push:b2", "stop") == State.SENT
    listed = Suppression.objects.order_by("address").values_list("channel", "address", "kind")
    assert list(listed) == [("push", "push:b2", "stop"), ("push", "push:gone", "dead")]
    Notice.objects.all().delete()
    again = send(page, burst, "push:b2\npush:gone\npush:a1")
    rows = dict(again.deliveries.values_list("address", "state"))
    assert rows == {"push:a1": "sent", "push:gone": "suppressed", "push:b2": "suppressed"}


def test_everyone_gets_it_by_the_field_of_the_channel(page, burst, visitor):
    write(page, "", audience="everyone")
    Notice.objects.update(start_at=timezone.now())
    jobs.push(jobs.start_notice, Notice.objects.get().pk)
    burst()
    assert {address for address, _text in PUSHED} == {visitor.username, "reception"}
    shown = page.get(f"/notices/{Notice.objects.get().pk}/?channel=push").text
    assert f">{visitor.username}<" in shown.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(
    ("text", "name"), [("li@example.com", "email"), ("139 0000 0011", "sms"), ("push:a1", "push")]
)
def test_address_says_its_channel(text, name):
    assert channels.of(text).name == name
