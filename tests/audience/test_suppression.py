"""The suppression list: honoured at preparing and at sending time; a dead address gets nothing."""

import pytest
from django.db import IntegrityError

from notices.audience import suppression
from notices.channels import CHANNELS
from notices.delivery import expand, slices
from notices.models import Delivery, State, Suppression
from notices.pages.reach import reach
from notices.providers.errors import Refused
from notices.providers.rehearsal.memory import Memory
from signup.models import Verification
from tests.support.world import notice, send_single, sent_now

pytestmark = pytest.mark.django_db(transaction=True)
WANG = "+8613900000002"


def outcomes(new):
    rows = new.deliveries.order_by("address")
    return list(rows.values_list("address", "state", "reason"))


@pytest.mark.parametrize("kind", Suppression.Kind)
def test_preparing_honours_the_list(staff, visitor, kind):
    suppression.add("email", "wang@example.com", kind)
    suppression.add("sms", "+8613900000001", "stop")  # another channel
    everyone, pasted = sent_now(staff), sent_now(staff, pasted="wang@example.com\nli@example.com")
    expand.start(everyone.pk)
    expand.start(pasted.pk)
    stopped = ("wang@example.com", "suppressed", suppression.WORDS[kind])
    assert outcomes(everyone) == [("reception@example.com", "queued", ""), stopped]
    assert outcomes(pasted) == [("li@example.com", "queued", ""), stopped]
    assert reach(notice(staff), CHANNELS["email"]) == (1, 1)


def test_sending_honours_what_was_listed_after_preparing(staff, visitor, texts):
    new = sent_now(staff, channels=["sms"])
    expand.start(new.pk)
    suppression.add("sms", WANG, "stop")
    slices.send_slice(new.pk, "sms")
    assert outcomes(new)[1] == (WANG, "suppressed", "Answered STOP.")
    assert [number for number, _ in texts] == ["+8613900000001"]


def code_to(number):
    verification = Verification.objects.create(mobile=number, salt="x")
    return Delivery.objects.create(
        message="code", channel="sms", address=number, verification=verification,
        expires_at=verification.expires_at,
    )  # fmt: skip


@pytest.mark.parametrize("kind", Suppression.Kind)
def test_code_goes_past_an_opt_out_but_not_to_a_dead_number(kind, texts):
    suppression.add("sms", WANG, kind)
    row = code_to(WANG)
    send_single(row)
    row.refresh_from_db()
    dead = kind in ("dead", "bounced")
    assert row.state == (State.SUPPRESSED if dead else State.SENT)
    assert len(texts) == (0 if dead else 1)


def test_dead_counts_before_an_opt_out(texts):
    for kind in ("stop", "dead", "unsubscribed"):
        suppression.add("sms", WANG, kind)
    row = code_to(WANG)
    send_single(row)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("suppressed", suppression.WORDS["dead"])


@pytest.mark.parametrize(("said", "kind"), [("dead", "dead"), ("opted_out", "stop")])
def test_refusal_that_says_so_lists_the_address(monkeypatch, said, kind):
    refusal = Refused("The number is not in service.")
    refusal.suppress = said

    def refuse(*args):
        raise refusal

    monkeypatch.setattr(Memory, "send", refuse)
    row = code_to(WANG)
    send_single(row)
    row.refresh_from_db()
    listed = Suppression.objects.get()
    assert row.state == State.FAILED
    assert (listed.channel, listed.address, listed.kind) == ("sms", WANG, kind)
    assert listed.note == "The number is not in service."


def test_listed_twice_stands_there_once_until_it_is_lifted(staff):
    for _ in range(2):
        suppression.add("sms", WANG, "stop", "first")
    row = Suppression.objects.get()
    with pytest.raises(IntegrityError):
        Suppression.objects.create(channel="sms", address=WANG, kind="stop")
    assert suppression.lift(row.pk, staff, "Called us.")
    assert not suppression.lift(row.pk, staff, "Twice.")
    suppression.add("sms", WANG, "stop")
    assert Suppression.objects.count() == 2


UNICODE, ASCII = "info@bücher.example", "info@xn--bcher-kva.example"


@pytest.mark.parametrize("listed", [UNICODE, ASCII])
@pytest.mark.parametrize("told", [UNICODE, ASCII])
def test_international_address_is_listed_however_it_is_written(staff, visitor, listed, told):
    visitor.email = told
    visitor.save()
    suppression.add("email", listed, "unsubscribed")
    for new in (sent_now(staff), sent_now(staff, pasted=told)):
        expand.start(new.pk)
        assert (UNICODE, "suppressed", "Unsubscribed.") in outcomes(new)
    assert suppression.active("email", told).count() == 1


# The page


def test_page_lists_searches_and_lifts_with_a_reason(client, staff):
    client.force_login(staff)
    assert "Nobody is on the list" in client.get("/notices/suppressed/").content.decode()
    suppression.add("sms", WANG, "dead", "The number is not in service.")
    suppression.add("email", "wang@example.com", "unsubscribed")
    page = client.get("/notices/suppressed/").content.decode()
    assert WANG in page
    assert "The number is not in service." in page
    found = client.get("/notices/suppressed/", {"q": "wang@"}).content.decode()
    assert "wang@example.com" in found
    assert WANG not in found
    row = Suppression.objects.get(channel="sms")
    answer = client.post(f"/notices/suppressed/{row.pk}/", {"reason": " "})
    assert answer.status_code == 400
    assert "Say why it is lifted." in answer.content.decode()
    answer = client.post(f"/notices/suppressed/{row.pk}/", {"reason": "Called us."}, follow=True)
    assert "gets messages again" in answer.content.decode()
    row.refresh_from_db()
    assert (row.lifted_by, row.lift_reason) == (staff, "Called us.")
    suppression.add("sms", WANG, "stop")
    answer = client.post(f"/notices/suppressed/{row.pk}/", {"reason": "Again."}, follow=True)
    assert "stands on the list for another reason, too" in answer.content.decode()
    row.refresh_from_db()
    assert row.lift_reason == "Called us.", "pressed twice, it is lifted once"
    assert Suppression.objects.filter(lifted_at=None).count() == 2
    assert "Called us." in client.get("/notices/suppressed/", {"lifted": "1"}).content.decode()
    assert "/notices/suppressed/" in client.get("/notices/").content.decode()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("139 0000", WANG), ("+86 139 0000 0002", WANG), ("0139-0000-0002", WANG),
        ("info@xn--bcher-kva.example", UNICODE), ("INFO@BÜCHER", UNICODE), ("\u200binfo@", UNICODE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("door", ["/notices/suppressed/", "/admin/notices/suppression/"])
def test_address_is_found_as_people_write_it(client, staff, typed, kept, door):
    staff.is_superuser = True
    staff.save()
    client.force_login(staff)
    suppression.add("sms", WANG, "stop")
    suppression.add("email", UNICODE, "unsubscribed")
    page = client.get(door, {"q": typed}).content.decode()
    assert [each for each in (WANG, UNICODE) if each in page] == [kept]


def test_page_is_for_staff(client, visitor):
    assert client.get("/notices/suppressed/").status_code == 302
    client.force_login(visitor)
    assert client.get("/notices/suppressed/").status_code == 403
    assert client.post("/notices/suppressed/1/", {"reason": "Mine."}).status_code == 403
