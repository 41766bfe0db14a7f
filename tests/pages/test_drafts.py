"""A text used again, and what is saved before it is sent."""

import pytest
from django.test import Client

from notices import rights
from notices.models import Notice, Schedule
from tests.support.world import sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def personnel(django_user_model):
    return with_rights(django_user_model.objects.create_user("personnel", is_staff=True))


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def test_text_is_used_again_and_its_audience_is_not(desk, staff):
    new = sent_now(staff, subject="Water off", channels=["sms"], pasted="+8613900000009")
    assert f'href="/notices/new/?again={new.pk}"' in desk.get(f"/notices/{new.pk}/").text
    form = desk.get("/notices/new/", {"again": new.pk}, follow=True).context["form"]
    shown = {name: form[name].value() for name in ("subject", "text", "channels")}
    assert shown == {"subject": "Water off", "text": new.text, "channels": ["sms"]}
    assert not form["audience"].value()
    assert not form["addresses"].value()
    for odd in ("x", "²", "9" * 30, new.pk + 1):
        assert desk.get("/notices/new/", {"again": odd}, follow=True).status_code == 404


WRITTEN = {"subject": "Water off", "text": "From 9.", "channels": ["email"]}


def saved(desk, **changes):
    answer = desk.post("/notices/new/draft/", WRITTEN | changes)
    assert answer.status_code == 302, answer.text
    return Notice.objects.latest("pk"), desk.get(answer.url, follow=True)


def test_draft_is_saved_as_far_as_it_goes_and_goes_on_from_there(desk, staff):
    draft, page = saved(desk, channels=[], addresses="not yet an address", audience="addresses")
    assert (draft.state, draft.author, draft.channels) == ("draft", staff, [])
    form = page.context["form"]
    assert [form[name].value() for name in ("subject", "audience", "addresses")] == [
        "Water off", "addresses", "not yet an address",
    ]  # fmt: skip
    assert "A draft, saved by reception at" in page.text
    assert "Water off" in desk.get("/notices/").text
    assert desk.get(f"/notices/{draft.pk}/", follow=True).context["form"].initial["text"]
    again = {"draft": draft.pk, "version": 1, "subject": "", "audience": "nobody", "group": "9"}
    draft, page = saved(desk, **again)
    assert (draft.draft_version, draft.subject, draft.audience) == (2, "", "")
    assert "No subject yet" in desk.get("/notices/").text
    assert Notice.objects.count() == 1


def test_two_people_in_one_draft_are_told_and_nothing_is_overwritten(desk, staff, personnel):
    draft, _page = saved(desk)
    named = {"draft": draft.pk, "version": 1}
    theirs = Client()
    theirs.force_login(personnel)
    assert theirs.post("/notices/new/draft/", WRITTEN | named).status_code == 302
    for headers, status in ({}, 409), ({"HX-Request": "true"}, 200):
        mine = desk.post(
            "/notices/new/draft/", WRITTEN | named | {"text": "Mine."}, headers=headers
        )
        assert mine.status_code == status
        assert "personnel saved this draft at" in mine.text
        assert "Save yours as a draft of its own" in mine.text
    assert "Mine." in desk.post("/notices/new/draft/", WRITTEN | named | {"text": "Mine."}).text
    sent = WRITTEN | named | {"audience": "everyone", "when": "now", "text": "Mine.", "key": "k"}
    assert desk.post("/notices/new/", sent).status_code == 409
    assert Notice.objects.get().text == "From 9."
    apart, _page = saved(desk, **named, text="Mine.", apart="1")
    assert (apart.text, Notice.objects.count()) == ("Mine.", 2)


def test_draft_that_is_sent_is_the_notice_once(desk, staff):
    draft, _page = saved(desk)
    named = {"draft": draft.pk, "version": 1}
    sent = WRITTEN | named | {"audience": "everyone", "when": "now", "key": "k"}
    for _ in range(2):
        assert desk.post("/notices/new/", sent).url == f"/notices/{draft.pk}/"
    assert Notice.objects.get().state == "waiting"
    late = desk.post("/notices/new/draft/", WRITTEN | named)
    assert late.status_code == 409
    assert "sent or deleted meanwhile" in late.text
    assert desk.post("/notices/new/", sent | {"key": "other"}).status_code == 409
    assert desk.get("/notices/new/", {"draft": draft.pk}, follow=True).status_code == 404


def test_draft_becomes_a_schedule(desk, staff):
    draft, _page = saved(desk)
    repeat = WRITTEN | {"draft": draft.pk, "version": 1, "audience": "everyone", "when": "repeat",
                        "every": "days", "number": "1", "key": "k"}  # fmt: skip
    assert desk.post("/notices/new/", repeat).status_code == 302
    assert (Notice.objects.count(), Schedule.objects.count()) == (0, 1)


def test_words_that_cannot_be_kept_are_told(desk):
    answer = desk.post("/notices/new/draft/", WRITTEN | {"subject": "x" * 151})
    assert answer.status_code == 400
    assert "The draft was not saved:" in answer.text
    assert not Notice.objects.exists()


def test_pasted_list_of_another_is_for_who_sees_addresses(client, desk, personnel):
    draft, _page = saved(desk, audience="addresses", addresses="wang@example.com")
    with_rights(personnel, rights.SEND)
    client.force_login(personnel)
    assert client.get(f"/notices/new/?draft={draft.pk}&key=k").status_code == 403
    assert "wang@example.com" not in client.get(f"/notices/{draft.pk}/").text


def test_draft_is_deleted_as_it_was_seen(desk):
    draft, page = saved(desk)
    assert "Delete it" in page.text
    for stale in ({"draft": draft.pk, "version": 0}, WRITTEN):
        assert desk.post("/notices/new/draft/delete/", stale).status_code == 409
    assert Notice.objects.exists()
    named = {"draft": draft.pk, "version": 1}
    assert desk.post("/notices/new/draft/delete/", WRITTEN | named).url == "/notices/"
    assert not Notice.objects.exists()
