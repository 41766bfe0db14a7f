"""Send a test to me: marked, to few, and counted nowhere."""

import pytest

from notices.audience import suppression
from notices.models import Delivery, Notice, State
from signup import rates
from tests.pages.test_check import check

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def try_it(desk, shown, **more):
    return desk.post(f"/notices/{shown.context['notice'].pk}/test/", more, follow=True)


def test_a_test_goes_by_each_channel_and_counts_nowhere(desk, visitor, mailserver, texts, burst):
    shown = check(desk)
    answer = try_it(desk, shown, others=" Bo <bo@example.com>\nreception@example.com\n")
    assert "The test is on its way: 3 messages." in answer.text
    burst()
    new = Notice.objects.get()
    assert new.state == Notice.State.DRAFT
    assert not new.deliveries.exists()
    assert [(number, text.split()[0]) for number, text in texts] == [("+8613900000001", "[Test]")]
    emails = dict(mailserver.messages)
    assert {email["Subject"] for email in emails.values()} == {"[Test] Lift"}
    words = emails["bo@example.com"].get_body(["plain"]).get_content()
    assert " ".join(words.split()).startswith("[Test] Dear Bo, it is out of order.")
    listed = desk.get(shown.request["PATH_INFO"]).text
    assert listed.count('class="state sent"') == 3
    own = Delivery.objects.get(address="bo@example.com")
    told = desk.get(f"/messages/{own.pk}/").text
    assert f"Asked for, as a test of notice {new.pk}." in told


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ("nonsense", "nonsense: "),
        ("\n".join(f"b{n}@example.com" for n in range(6)), "Name at most 5 others."),
    ],
)
def test_what_cannot_be_told_is_told_and_nothing_goes(desk, others, sentence):
    answer = try_it(desk, check(desk), others=others)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert others.splitlines()[0] in answer.text, "what was typed stays"
    assert not Delivery.objects.exists()


def test_who_opted_out_gets_no_test(desk, burst):
    suppression.add("email", "bo@example.com", "unsubscribed")
    try_it(desk, check(desk, channels=["email"]), others="bo@example.com")
    burst("email")
    assert Delivery.objects.get(address="bo@example.com").state == State.SUPPRESSED


def test_tests_are_limited(desk, monkeypatch):
    monkeypatch.setattr(rates, "NOTICE_TEST", "1/minute")
    shown = check(desk)
    assert try_it(desk, shown).status_code == 200
    again = try_it(desk, shown)
    assert again.status_code == 429
    assert again["Retry-After"]
    assert Delivery.objects.count() == 2


def test_who_has_no_such_address_names_somebody(desk, staff):
    staff.mobile = None
    staff.save()
    shown = check(desk, channels=["sms"], audience="addresses", addresses="13900000011")
    assert "You have no such address yourself." in try_it(desk, shown).text
    assert "1 message." in try_it(desk, shown, others="13900000011").text
