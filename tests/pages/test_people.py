"""The people's pages: who they are, what they were told, and who changed what."""

import pytest
from django.urls import reverse

from notices import rights
from notices.audience import suppression
from notices.delivery import expand
from notices.models import Delivery, Receipt, State
from notices.pages import people
from signup import groups
from signup.models import Change, User, Verification
from tests.support.world import sent_now, with_rights

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def listed(desk, **search):
    answer = desk.get("/people/", search)
    assert answer.status_code == 200
    return [each.username for each in answer.context["people"]]


def test_people_are_found_by_what_others_write_of_them(desk, visitor):
    visitor.name = "王 芳"
    visitor.save()
    for text in ("芳", "guest", "wang@", "139 0000 0002", "+86 139-0000-0002", "1390000 0002"):
        assert listed(desk, q=text) == ["guest_wang"], text
    assert listed(desk, q="nobody at all") == []
    assert listed(desk, q="\x00") == ["guest_wang", "reception"]


def test_people_are_filtered(desk, staff, visitor):
    group = groups.make("B")[0]
    groups.add(group, [visitor.pk])
    User.objects.filter(pk=visitor.pk).update(language="zh-hans", is_active=False, wants_sms=False)
    assert listed(desk, group=group.pk) == ["guest_wang"]
    assert listed(desk, language="zh-hans") == ["guest_wang"]
    assert listed(desk, channel="sms") == ["reception"]
    assert listed(desk, state="inactive") == ["guest_wang"]
    assert listed(desk, state="active") == listed(desk, state="staff") == ["reception"]
    odd = {"group": "9" * 30, "language": "xx", "channel": "x", "state": "x", "before": "²"}
    assert listed(desk, **odd) == []


def test_list_goes_on_below_a_number(desk, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 2)
    User.objects.bulk_create(User(username=f"guest_{n}", name_key=f"guest_{n}") for n in range(4))
    seen, before = [], ""
    while before is not None:
        answer = desk.get("/people/", {"before": before})
        seen += [each.username for each in answer.context["people"]]
        before = answer.context["next_before"]
    assert seen == ["guest_3", "guest_2", "guest_1", "guest_0", "reception"]


def test_page_tells_everything_that_somebody_was_told(desk, visitor):
    proof = Verification.objects.create(mobile=visitor.mobile, salt="x")
    Delivery.objects.create(
        message="code", channel="sms", address=visitor.mobile, verification=proof, state="sent"
    )
    new = sent_now(subject="Lift out of order")
    expand.start(new.pk)
    Delivery.objects.filter(user=visitor).update(
        state=State.BOUNCED, reason="The mailbox is full.", provider="mailgun-2", provider_ref="n1"
    )
    Receipt.objects.create(provider="mailgun", ref="n1", channel="email", kind="bounced")
    Receipt.objects.create(provider="mailgun", ref="other", channel="email", kind="complained")
    suppression.add("email", "wang@example.com", "bounced")
    User.objects.filter(pk=visitor.pk).update(wants_sms=False)
    page = desk.get(f"/people/{visitor.pk}/")
    told = page.context["told"]
    assert [each.message for each in told] == ["notice", "code"]
    assert [each.kind for each in told[0].receipts] == ["bounced"]
    for text in ("Lift out of order", "A code for signing up", "The mailbox is full.",
                 "an email to it came back", "Does not want notices here.",
                 f'href="/notices/{new.pk}/"'):  # fmt: skip
        assert text in page.text, text


def test_person_is_added_and_changed_and_the_page_says_by_whom(desk, staff):
    groups.make_attribute("room")
    group = groups.make("Building B")[0]
    written = {
        "name": " 王 芳 ", "mobile": "139 0000 0011", "email": "Fang@Example.com",
        "language": "zh-hans", "wants_email": "on", "wants_sms": "on", "groups": [group.pk],
        "attribute:room": "12",
    }  # fmt: skip
    assert desk.post("/people/new/", written).status_code == 302
    person = User.objects.get(name="王 芳")
    assert (str(person.mobile), person.email) == ("+8613900000011", "fang@example.com")
    assert person.username.startswith("person_")
    assert person.attributes == {"room": "12"}
    assert not person.has_usable_password()
    assert person.memberships.get().group == group
    changed = written | {
        "username": "fang_w",
        "email": person.email,
        "groups": [],
        "attribute:room": "",
    }
    assert desk.post(f"/people/{person.pk}/edit/", changed).status_code == 302
    person.refresh_from_db()
    assert (person.username, person.attributes) == ("fang_w", None)
    assert not person.memberships.exists()
    changes = Change.objects.filter(user=person)
    assert [(each.by, each.what) for each in changes] == [(staff, "changed"), (staff, "added")]
    assert set(changes[0].fields) == {"username", "groups", "attribute:room"}
    assert "(username, groups, room)" in desk.get(f"/people/{person.pk}/").text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "a\x00b", "control characters"),
        ("name", "x" * 151, "at most 150 characters"),
        ("username", "Guest_Wang", "This username is taken"),
        ("mobile", "13900000002", "belongs to an account already"),
        ("mobile", "12", "Enter a mobile number"),
        ("email", "nothing", "Enter an email address"),
        ("email", "WANG@example.com", "belongs to an account already"),
        ("language", "klingon", "not one of the available choices"),
        ("groups", "77", "A group is not there any more."),
        ("attribute:room", "x" * 101, "Use at most 100 characters."),
        ("time_zone", "Nowhere", "Choose a time zone by its name"),
    ],
)
def test_bad_input_gets_a_sentence_and_changes_nothing(desk, visitor, field, value, sentence):
    groups.make_attribute("room")
    good = {"name": "Ann", "username": "ann_b", "language": "en"}
    answer = desk.post("/people/new/", good | {field: value})
    assert answer.status_code == 400
    if sentence == "control characters":
        sentence = "Null characters are not allowed"
    assert sentence in answer.text
    assert User.objects.count() == 2


def test_person_is_deactivated_and_activated_once(desk, visitor):
    for active in ("0", "0", "1"):
        desk.post(f"/people/{visitor.pk}/active/", {"active": active})
        visitor.refresh_from_db()
        assert visitor.is_active == (active == "1")
    assert visitor.changes.count() == 2


def test_rights_and_masks(client, staff, visitor, django_user_model):
    paths = ["/people/", f"/people/{visitor.pk}/"]
    client.force_login(with_rights(staff, rights.SEND))
    assert [client.get(path).status_code for path in paths] == [403, 403]
    client.force_login(with_rights(staff, rights.SEE_PEOPLE))
    for path in paths:
        text = client.get(path).text
        assert "wang@example.com" not in text
        assert "13900000002" not in text.replace(" ", "")
        assert "w***@example.com" in text
    assert listed(client, q="13900000002") == []
    assert client.get(f"/people/{visitor.pk}/edit/").status_code == 403
    # Who may change people, but not see addresses, would see them in the form.
    client.force_login(with_rights(staff, rights.PEOPLE))
    assert client.get(f"/people/{visitor.pk}/edit/").status_code == 403
    assert client.post(f"/people/{staff.pk}/active/", {"active": "0"}).status_code == 403
    other = django_user_model.objects.create_user("night_guard", is_staff=True)
    client.force_login(with_rights(staff, rights.PEOPLE, rights.ADDRESSES))
    assert client.get(f"/people/{visitor.pk}/edit/").status_code == 200
    assert client.get(f"/people/{other.pk}/edit/").status_code == 403
    assert client.post(reverse("person_active", args=[other.pk])).status_code == 403


def test_nobody_there_is_a_404(desk):
    assert desk.get("/people/99999999/").status_code == 404
    assert desk.get(f"/people/{10**30}/").status_code == 404
