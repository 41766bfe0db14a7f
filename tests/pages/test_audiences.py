"""Saved audiences: written by conditions, counted at once, told by notices."""

import pytest

from notices.audience import suppression
from notices.models import Notice, SavedAudience
from signup import groups
from signup.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, staff, visitor):
    client.force_login(staff)
    group = groups.make("Building B")[0]
    groups.add(group, [visitor.pk, staff.pk])
    return client


def rows(*conditions, name="Some"):
    columns = zip(*conditions, strict=True)
    return {"name": name, **dict(zip(("join", "is", "what", "value"), columns, strict=True))}


def test_audience_is_written_counted_and_saved(desk, visitor):
    suppression.add("email", "wang@example.com", "unsubscribed")
    written = rows(
        ("and", "is", "group", "building b"), ("and", "not", "language", "zh"), ("or", "is", "", "")
    )
    counted = desk.post("/audiences/new/", written | {"count": "1"})
    assert counted.status_code == 200
    assert [(str(label), *each) for label, each in counted.context["reached"]] == [
        ("email", 1, 1), ("SMS", 2, 0)
    ]  # fmt: skip
    assert "guest_wang" in counted.text
    assert not SavedAudience.objects.exists()
    part = desk.post("/audiences/count/", written)
    assert "guest_wang" in part.text
    assert desk.post("/audiences/new/", written).status_code == 302
    saved = SavedAudience.objects.get()
    shown = desk.get(saved.get_absolute_url())
    assert "group “Building B” and not language “zh-hans”" in shown.text
    assert 'value="Building B"' in shown.text
    # Read back as it was written.
    again = [
        (r.join, "not" if r.negated else "is", r.what, r.value) for r in shown.context["form"].rows
    ]
    desk.post(saved.get_absolute_url(), rows(*again, name="Others"))
    renamed = SavedAudience.objects.get()
    assert (renamed.name, renamed.conditions) == ("Others", saved.conditions)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("and", "is", "group", "Nobody's"), "There is no group of this name."),
        (("and", "is", "group", "a\x00b"), "cannot be seen"),
        (("and", "is", "attribute:gone", "x"), "There is no attribute of this name any more."),
        (("and", "is", "language", "klingon"), "Write one of these: en, zh-hans."),
        (("and", "is", "channel", "pigeon"), "Write one of these: email, sms."),
        (("and", "is", "before", "yesterday"), "Enter a date, such as 2026-12-01."),
        (("and", "is", "failed", "9" * 40), "There is no notice of this number."),
        (("and", "is", "password", "x"), "Choose what this is about."),
        (("and", "is", "", "x"), "Choose what this is about."),
        (("and", "is", "", ""), "Write at least one condition."),
    ],
)
def test_bad_condition_gets_a_sentence(desk, row, sentence):
    answer = desk.post("/audiences/new/", rows(row))
    assert answer.status_code == 400
    assert sentence in answer.text
    assert not SavedAudience.objects.exists()
    assert desk.post("/audiences/count/", rows(row)).status_code == 200


def test_names_of_audiences_are_unique(desk):
    one = ("and", "is", "group", "Building B")
    desk.post("/audiences/new/", rows(one))
    for name, sentence in (("SOME", "There is an audience of this name."),
                           (" ", "Give the audience a name.")):  # fmt: skip
        answer = desk.post("/audiences/new/", rows(one, name=name))
        assert answer.status_code == 400
        assert sentence in answer.text


def test_notice_is_written_to_a_group_or_an_audience_by_name(desk):
    desk.post("/audiences/new/", rows(("and", "is", "group", "Building B")))
    wording = {"subject": "Lift", "text": "Hi ((groups))", "channels": ["email"]}
    for audience in ({"audience": "group", "group": "building b"},
                     {"audience": "saved", "saved": "Some"}):  # fmt: skip
        answer = desk.post("/notices/new/", wording | audience | {"preview": "1", "when": "now"})
        assert [each.recipients for each in answer.context["previews"]] == [2]
        made = desk.post("/notices/new/", wording | audience, content_type="application/json")
        assert made.json()["code"] == 0
        assert audience["audience"] == Notice.objects.latest("pk").audience
        page = desk.get(Notice.objects.latest("pk").get_absolute_url())
        assert (
            "A group: Building B" if "group" in audience else "A saved audience: Some"
        ) in page.text


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"audience": "group"}, "group", "Choose a group."),
        ({"audience": "saved"}, "saved", "Choose a saved audience."),
        ({"audience": "group", "group": "Gone"}, "group", "This group is not there."),
        ({"audience": "saved", "saved": "x\x00"}, "saved", "This audience is not there."),
        ({"audience": "everyone", "group": "Building B"}, "group", "Another audience is chosen"),
        ({"audience": "addresses", "addresses": "a@b.example", "group": "Building B"}, "group",
         "Another audience is chosen"),
        ({"audience": "group", "group": "Building B", "addresses": "a@b.example"}, "addresses",
         "Another audience is chosen"),
        ({}, "audience", "Say whom this is for."),
    ],
)  # fmt: skip
def test_what_belongs_to_another_audience_is_never_passed_over(desk, given, field, sentence):
    wording = {"subject": "Lift", "text": "Hi", "channels": ["email"]}
    answer = desk.post("/notices/new/", wording | given, content_type="application/json")
    assert answer.status_code == 400
    assert sentence in answer.json()["errors"][field][0]
    assert not Notice.objects.exists()


def test_audience_is_deleted_unless_somebody_is_still_to_be_told(desk, staff):
    desk.post("/audiences/new/", rows(("and", "is", "group", "Building B")))
    saved = SavedAudience.objects.get()
    new = Notice(subject="x", text="x", channels=["email"], audience="saved", saved=saved)
    new.save()
    answer = desk.post(f"/audiences/{saved.pk}/delete/", follow=True)
    assert f"It is still in use: notice {new.pk}." in answer.text
    Notice.objects.update(state="cancelled")
    assert "Deleted." in desk.post(f"/audiences/{saved.pk}/delete/", follow=True).text
    assert User.objects.count() == 2
