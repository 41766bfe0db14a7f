"""A second person's approval: bound to what they saw, and looked for by whoever starts a notice."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

import jobs
from notices import rights
from notices.delivery import approval, expand, lifecycle
from notices.models import Approval, Delivery, Notice, Schedule
from signup.models import User
from tests.pages.test_check import WRITTEN, check, send
from tests.support.world import notice, repeated, swept, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

State = Notice.State


@pytest.fixture(autouse=True)
def _always(settings):
    settings.APPROVE_ABOVE = 0


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def boss(django_user_model):
    """Who may approve, and nothing else."""
    user = django_user_model.objects.create_user(
        "the_boss", email="boss@example.com", is_staff=True, password="let me in please"
    )
    client = Client()
    client.force_login(with_rights(user, rights.APPROVE))
    client.user = user
    return client


def act(client, of, do, **more):
    kind = "schedules/" if isinstance(of, Schedule) else ""
    asked = Approval.objects.filter(stage="asked").first()
    facts = {"do": do, "asked": asked.pk if asked else 0, **more}
    return client.post(f"/notices/{kind}{of.pk}/approval/", facts, follow=True)


def start(one):
    Notice.objects.filter(pk=one.pk).update(start_at=timezone.now() - timedelta(seconds=30))
    expand.start(one.pk)
    one.refresh_from_db()
    return one.state


def asked_and_given(desk, boss, **changes):
    shown = check(desk, **changes)
    draft = shown.context["notice"]
    act(desk, draft, "ask")
    act(boss, draft, "approve")
    return shown


def test_a_draft_is_asked_for_approved_and_sent(desk, boss, mailserver, burst):
    shown = check(desk)
    draft = shown.context["notice"]
    assert "Send to" not in shown.text
    assert "Ask for approval" in shown.text
    assert "It goes when somebody else has approved it." in send(desk, shown).text
    assert "Asked." in act(desk, draft, "ask").text
    assert draft.subject in boss.get("/notices/").text.partition("Waiting for your approval")[2]
    seen = boss.get(f"/notices/{draft.pk}/check/").text
    assert ">Approve<" in seen
    assert "Send to" not in seen, "to approve is not to send"
    act(boss, draft, "approve")
    assert "Approved by the_boss at" in send(desk, shown).text
    assert start(draft) == State.SENDING
    for _ in range(2):
        for pk in Delivery.objects.filter(notice=None).values_list("pk", flat=True):
            jobs.send_email(pk)
    told = dict(mailserver.messages)
    assert told["boss@example.com"]["Subject"] == "For your approval: Lift"
    link = f"http://testserver/notices/{draft.pk}/check/"
    assert link in told["boss@example.com"].get_body(["plain"]).get_content()
    assert told["reception@example.com"]["Subject"] == "Approved: Lift"
    facts = desk.get(f"/notices/{draft.pk}.json").json()
    assert [(one["by"], one["people"]) for one in facts["approvals"]] == [(boss.user.pk, 2)]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Another."}, {"subject": "Stairs"}, {"channels": ["email"]},
        {"audience": "addresses", "addresses": "a@example.com"},
        {"when": "later", "at": "2030-01-01T09:00"}, {"not_after": "2030-01-01T09:00"},
    ],
)  # fmt: skip
def test_any_change_voids_it(desk, boss, change):
    first = asked_and_given(desk, boss).context["notice"]
    named = {"draft": first.pk, "version": first.draft_version}
    changed = check(desk, **named, **change)
    assert "It was changed since, and needs another approval." in changed.text
    send(desk, changed)
    assert Notice.objects.get().state == State.DRAFT
    back = check(desk, **named | {"version": first.draft_version + 1})
    assert "Approved by the_boss" in back.text, "as it was, it is approved"
    assert "Send to 2 people" in back.text


def test_an_audience_that_grows_voids_it(desk, boss, settings):
    for number in range(38):
        User.objects.create(username=f"guest_{number:02}", email=f"g{number}@example.com")
    shown = asked_and_given(desk, boss)  # for 40
    path = shown.request["PATH_INFO"]
    for number in range(2):
        User.objects.create(username=f"more_{number}", email=f"m{number}@example.com")
        assert "Send to" in desk.get(path).text, "a few more are the same audience"
    User.objects.create(username="one_too_many", email="m9@example.com")
    assert "It is for 43 people by now, and needs another approval." in desk.get(path).text
    assert "Send to" not in desk.get(path).text


def test_nobody_approves_what_they_wrote_changed_or_asked_for(desk, boss, staff):
    shown = check(desk)  # `staff` has all rights
    draft = shown.context["notice"]
    act(desk, draft, "ask")
    assert "Somebody else has to approve" in act(desk, draft, "approve").text
    Approval.objects.all().delete()
    with_rights(boss.user)
    act(boss, draft, "ask")
    assert "Somebody else has to approve" in act(boss, draft, "approve").text
    Approval.objects.all().delete()
    facts = WRITTEN | {"check": "1", "draft": draft.pk, "version": draft.draft_version}
    boss.post("/notices/new/", facts | {"text": "The boss's words."})
    act(desk, draft, "ask")
    assert "Somebody else has to approve" in act(boss, draft, "approve").text
    assert not Approval.objects.exclude(stage="asked").exists()


def test_who_lacks_the_right_approves_nothing(desk, boss, staff):
    draft = check(desk).context["notice"]
    act(desk, draft, "ask")
    with_rights(boss.user, rights.SEND)
    assert act(boss, draft, "approve").status_code == 403
    assert Approval.objects.get().stage == "asked"


def test_it_is_sent_back_with_a_word(desk, boss):
    draft = check(desk).context["notice"]
    act(desk, draft, "ask")
    act(boss, draft, "refuse", note="Say\nwhich lift.")
    shown = desk.get(f"/notices/{draft.pk}/check/").text
    assert "the_boss sent it back at" in shown
    assert "Say which lift." in shown
    assert "It was decided already." in act(boss, draft, "approve",
                                            asked=Approval.objects.get().pk).text  # fmt: skip
    assert Approval.objects.get().stage == "refused"


def test_approval_that_comes_while_the_text_changes_is_none(desk, boss):
    draft = check(desk).context["notice"]
    act(desk, draft, "ask")
    Notice.objects.update(text="Changed in the same moment.")
    answer = act(boss, draft, "approve")
    assert "It was changed meanwhile. Look at it once more." in answer.text
    assert Approval.objects.get().stage == "asked"


# The other doors, and the moment of starting


def by_json(desk, tmp_path):
    desk.post("/notices/new/", WRITTEN, content_type="application/json")


def by_command(desk, tmp_path):
    (tmp_path / "text.md").write_text("Off.")
    call_command("notice", "send", "--subject", "Lift", "--text", tmp_path / "text.md",
                 "--channel", "email", "--everyone", "--no-undo")  # fmt: skip


@pytest.mark.parametrize("door", [by_json, by_command])
def test_what_comes_by_another_door_waits_for_approval(desk, boss, door, tmp_path):
    door(desk, tmp_path)
    new = Notice.objects.get()
    assert Approval.objects.get().stage == "asked"
    assert start(new) == State.AWAITING
    assert not new.deliveries.exists()
    assert "start_notice" not in dict(swept())
    assert "waits for approval" in desk.get(f"/notices/{new.pk}/").text
    assert ">Approve<" in boss.get(f"/notices/{new.pk}/check/").text
    act(boss, new, "approve")
    new.refresh_from_db()
    assert new.state == State.WAITING
    assert new.start_at > timezone.now() + timedelta(seconds=8), "there is time to undo"
    assert start(new) == State.SENDING


def test_the_engine_starts_nothing_that_was_changed_after_the_approval(desk, boss):
    shown = asked_and_given(desk, boss)
    send(desk, shown)
    new = Notice.objects.get()
    Notice.objects.update(text="Slipped in.")
    assert start(new) == State.AWAITING
    assert not Delivery.objects.filter(notice=new).exists()
    assert Approval.objects.filter(stage="asked").count() == 1, "and somebody is asked"


def test_what_is_changed_in_the_moment_of_starting_does_not_start(desk, boss, monkeypatch):
    send(desk, asked_and_given(desk, boss))
    looked_at = expand.is_put_off

    def and_changed(*args):
        answer = looked_at(*args)
        Notice.objects.update(text="Anything", draft_version=F("draft_version") + 1)
        return answer

    monkeypatch.setattr(expand, "is_put_off", and_changed)
    assert start(Notice.objects.get()) == State.WAITING


def test_what_waits_can_be_changed_and_cancelled(desk):
    by_json(desk, None)
    new = Notice.objects.get()
    assert start(new) == State.AWAITING
    editor = desk.post(f"/notices/{new.pk}/hold/", follow=True)
    assert editor.request["PATH_INFO"] == f"/notices/{new.pk}/edit/"
    desk.post(f"/notices/{new.pk}/cancel/")
    new.refresh_from_db()
    assert new.state == State.CANCELLED


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_only_above_the_limit_and_never_when_there_is_none(desk, settings, limit, visitor):
    settings.APPROVE_ABOVE = limit
    shown = check(desk)  # for two
    assert ("Ask for approval" in shown.text) == (limit == 1)
    assert ("Send to 2 people" in shown.text) == (limit != 1)


# Schedules


def run(schedule):
    Schedule.objects.filter(pk=schedule.pk).update(
        handled_until=timezone.now() - timedelta(hours=1)
    )
    jobs.run_schedule(schedule.pk)
    new = schedule.occurrences.exclude(notice=None).latest("pk").notice
    return start(new)


def test_a_schedule_is_approved_once_for_what_it_says(desk, boss, staff):
    weekly = repeated(author=staff)
    assert "Ask for approval" in desk.get(weekly.get_absolute_url()).text
    act(desk, weekly, "ask")
    act(boss, weekly, "approve")
    assert run(weekly) == State.SENDING
    page = desk.get(Notice.objects.get().get_absolute_url()).text
    assert "Approved by the_boss" in page
    Schedule.objects.update(text="Changed.")
    again = repeated(author=staff)
    assert run(again) == State.AWAITING
    assert "It was changed since" in desk.get(weekly.get_absolute_url()).text


def test_a_schedule_that_is_written_asks_by_itself(desk, boss):
    desk.post("/notices/new/", WRITTEN | {"when": "repeat", "every": "days", "number": "1"})
    assert Approval.objects.get().schedule == Schedule.objects.get()
    assert Delivery.objects.get(message="approval_asked").address == "boss@example.com"


def test_the_digest_is_the_same_before_and_after_the_database(staff):
    new = notice(staff, not_after=timezone.now() + timedelta(days=2))
    lifecycle.accept(new, timezone.now() + timedelta(days=1))
    assert approval.digest(new) == approval.digest(Notice.objects.get())
    assert json.dumps(approval.content(new))
