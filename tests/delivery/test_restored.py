"""What was held after a restore goes on or is settled as staff say, and in no other way."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from notices.delivery import (
    again,
    escalation,
    expand,
    finish,
    high_water,
    questions,
    restored,
)
from notices.delivery.again import Wanted
from notices.models import (
    Delivery,
    HighWater,
    Notice,
    Occurrence,
    Receipt,
    Schedule,
    State,
    Suppression,
)
from notices.receipts import apply
from tests.support.world import repeated, send_single, sent_now, states_of, swept

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
HELD = "held: the database was restored"


@pytest.fixture
def new(django_user_model):
    """A notice of which the copy knows that one was sent and two are queued; held."""
    for n in range(3):
        django_user_model.objects.create(username=f"guest_{n}", email=f"guest{n}@example.com")
    new = sent_now()
    expand.start(new.pk)
    first = Delivery.objects.order_by("pk").first()
    Delivery.objects.filter(pk=first.pk).update(state=State.SENT, tries=1, provider="gateway")
    hold()
    new.refresh_from_db()
    return new


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def hold():
    high_water.hold()
    Notice.objects.update(active_at=None, start_at=timezone.now() - HOUR)


def command(*words, capsys=None):
    call_command("restored", *words)
    return capsys.readouterr().out if capsys else ""


def due_schedule(**changes):
    yesterday = timezone.now() - 24 * HOUR
    schedule = repeated(rule="FREQ=HOURLY", start=f"{yesterday:%Y-%m-%dT%H:%M}", **changes)
    at = timezone.now() - 5 * HOUR
    Schedule.objects.update(handled_until=at, next_at=at + HOUR)
    return schedule


def page(desk, name, *args):
    response = desk.get(reverse(name, args=args))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# A notice


def test_let_go_it_is_sent_to_all_whom_the_database_calls_queued(new, burst):
    command("--go", str(new.pk))
    burst()
    swept()
    burst()
    assert list(states_of(new).values()) == ["sent"] * 3
    assert Notice.objects.get().state == Notice.State.FINISHED


def test_settled_nothing_more_of_it_goes_and_it_ends(new, burst):
    command("--settle", str(new.pk))
    burst()
    assert sorted(states_of(new).values()) == ["sent", "uncertain", "uncertain"]
    found = Notice.objects.get()
    assert (found.state, found.in_question_since) == (Notice.State.FINISHED, None)
    assert "restored" in Delivery.objects.filter(state=State.UNCERTAIN).first().reason


def test_what_was_settled_goes_again_when_staff_say_so(new, burst, staff):
    command("--settle", str(new.pk))
    burst()
    assert again.send(new, staff, Wanted([State.UNCERTAIN]), twice=True) == 2
    burst()
    assert set(states_of(new).values()) == {"sent"}


def test_very_many_are_settled_by_further_sweeps(new, monkeypatch):
    monkeypatch.setattr(finish, "CHUNK", 1)
    monkeypatch.setattr(finish.time, "monotonic", iter(range(0, 10_000, 100)).__next__)
    restored.settle_notice(new.pk)
    seen = []
    for _ in range(4):
        swept()
        seen.append((list(states_of(new).values()).count("queued"), Notice.objects.get().state))
    assert seen == [(1, "sending"), (0, "finished"), (0, "finished"), (0, "finished")]


def test_what_is_being_settled_is_not_let_go(new):
    restored.settle_notice(new.pk)
    assert not restored.let_notice_go(new.pk)
    assert not restored.settle_notice(new.pk)


def test_settled_before_it_started_it_is_cancelled():
    sent_now()
    hold()
    command("--settle", "all")
    swept()
    assert Notice.objects.get().state == Notice.State.CANCELLED
    assert swept() == []


def test_a_settled_notice_sends_no_sms_afterwards(new):
    Notice.objects.update(
        state=Notice.State.FINISHED, finished_at=timezone.now() - HOUR, escalate_minutes=5
    )
    command("--settle", "all")
    swept()
    assert Notice.objects.get().in_question_since is None
    assert escalation.due() == []


def test_held_again_it_is_asked_again(new, burst, staff):
    command("--settle", "all")
    burst()
    again.send(new, staff, Wanted([State.UNCERTAIN]), twice=True)
    hold()
    swept()
    assert list(states_of(new).values()).count("queued") == 2
    assert questions.any_open()


# A schedule


def test_let_go_a_schedule_runs_what_it_missed(burst):
    schedule = due_schedule()
    hold()
    command("--go", f"schedule-{schedule.pk}")
    swept()
    burst()
    states = list(Occurrence.objects.values_list("state", flat=True))
    assert states.count("started") == 1
    assert states.count("missed") >= 3


def test_settled_a_schedule_skips_what_is_due_and_goes_on(burst, staff):
    schedule = due_schedule(times=10)
    hold()
    questions.settle(f"schedule-{schedule.pk}", staff)
    found = Schedule.objects.get()
    burst()
    assert set(Occurrence.objects.values_list("state", "by")) == {("skipped", staff.pk)}
    assert found.next_at > timezone.now()
    assert found.done() == Occurrence.objects.count() >= 4
    assert not Notice.objects.exists()


# Single messages


def test_single_messages_are_let_go_or_settled(burst, mailserver):
    for n in range(2):
        Delivery.objects.create(message="welcome", channel="email", address=f"{n}@example.com")
    hold()
    first, second = Delivery.objects.order_by("pk")
    send_single(first)
    assert not mailserver.messages
    assert [each.name for each in questions.questions()] == ["singles"]
    command("--settle", "singles")
    assert set(Delivery.objects.values_list("state", flat=True)) == {"uncertain"}
    Delivery.objects.filter(pk=second.pk).update(state=State.QUEUED, not_before=restored.NEVER)
    command("--go", "singles")
    second.refresh_from_db()
    assert second.not_before <= timezone.now()
    assert second.reason == ""


# The command


def test_the_command_lists_what_is_in_question(new, capsys):
    schedule = due_schedule()
    hold()
    told = command(capsys=capsys)
    assert told.startswith("Held since ")
    assert "Until" not in told
    assert f"{new.pk:<12}Lift out of order: sending, 2 queued, 0 arrived" in told
    assert f"schedule-{schedule.pk}" in told
    facts = json.loads(command("--json", capsys=capsys))
    assert [each["name"] for each in facts] == [str(new.pk), f"schedule-{schedule.pk}"]


def test_the_command_says_how_far_the_database_and_the_work_had_come(new, capsys, redis):
    command("--go", "all")
    capsys.readouterr()
    ended, known = HighWater.objects.get().at, timezone.now() + HOUR
    high_water.keep(high_water.microseconds(known))
    told = command(capsys=capsys)
    assert f"Until {ended.isoformat(timespec='seconds')} this database knows it all." in told
    assert f"Until {known.isoformat(timespec='seconds')} work was done." in told


def test_a_notice_for_later_is_listed_with_its_time(capsys, desk):
    later = sent_now()
    high_water.hold()
    Notice.objects.update(start_at="2999-12-01T09:00Z")
    assert "waiting, to start 2999-12-01T09:00:00+00:00, 0 queued" in command(capsys=capsys)
    assert json.loads(command("--json", capsys=capsys))[0]["start_at"].startswith("2999-12-01")
    assert "2999-12-01 17:00" in page(desk, "health")
    assert HELD in page(desk, "notice", later.pk)
    assert "Send at once" not in page(desk, "notice", later.pk)


def test_the_command_holds_what_no_mark_can_tell(capsys):
    sent_now()
    assert command("--hold", capsys=capsys) == "1 held.\n"
    assert Notice.objects.get().in_question_since


@pytest.mark.parametrize("name", ["99999999", "schedule-1", "singles", "nonsense", "all"])
def test_an_answer_to_no_question_is_refused(name):
    with pytest.raises(CommandError):
        command("--go", name)


def test_nothing_in_question_is_told(capsys):
    assert command(capsys=capsys) == "Nothing is in question.\n"


# Receipts


def test_a_receipt_that_comes_after_the_restore_says_that_it_arrived(new, desk):
    lost = Delivery.objects.filter(state=State.QUEUED).first()
    report = {"provider": "postmark", "channel": "email", "kind": "delivered"}
    Receipt.objects.create(**report, delivery_number=lost.pk, address=lost.address)
    apply.take()
    lost.refresh_from_db()
    assert lost.state == State.DELIVERED
    Delivery.objects.filter(state=State.SENT).update(state=State.DELIVERED)  # that one it knows
    [found] = questions.questions()
    assert (found.open, found.arrived) == (1, 1)
    assert "1 arrived that this database never sent" in page(desk, "health")


def test_without_a_restore_nobody_reports_what_nobody_was_asked(new):
    Notice.objects.update(in_question_since=None)
    queued = Delivery.objects.filter(state=State.QUEUED).first()
    Receipt.objects.create(
        provider="postmark", channel="email", kind="delivered", delivery_number=queued.pk
    )
    apply.take()
    queued.refresh_from_db()
    assert queued.state == State.QUEUED


# Pages


def test_the_pages_say_why_nothing_goes(new, desk):
    schedule = due_schedule()
    hold()
    health = page(desk, "health")
    assert "Held since a restore" in health
    assert "python manage.py restored" in health
    assert HELD in page(desk, "notice", new.pk)
    assert "#restored" in page(desk, "notice", new.pk)
    told = page(desk, "schedule", schedule.pk)
    assert "Held: this database is older" in told
    assert 'value="run"' not in told


def test_without_a_question_the_pages_say_nothing(new, desk):
    command("--go", "all")
    assert "restore" not in page(desk, "health").lower()
    assert HELD not in page(desk, "notice", new.pk)


def test_the_health_page_decides(new, desk, burst):
    schedule = due_schedule()
    hold()
    desk.post(reverse("restored"), {"settle": f"schedule-{schedule.pk}"})
    assert Schedule.objects.get().in_question_since is None
    answer = desk.post(reverse("restored"), {"go": "all"}, follow=True)
    assert "It goes on within half a minute." in answer.content.decode()
    assert not questions.any_open()
    answer = desk.post(reverse("restored"), {"go": "all"}, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert desk.post(reverse("restored"), {}).status_code == 404


def test_the_page_tells_what_is_being_settled(new, desk):
    restored.settle_notice(new.pk)
    assert "is being settled" in page(desk, "health")
    assert "being settled" in page(desk, "notice", new.pk)


def test_who_is_not_staff_decides_nothing(new, client, visitor):
    client.force_login(visitor)
    assert client.post(reverse("restored"), {"go": "all"}).status_code == 403
    client.logout()
    assert client.post(reverse("restored"), {"go": "all"}).status_code == 302
    assert questions.any_open()


# Opt-outs since


def test_a_list_of_opt_outs_is_added(tmp_path, capsys):
    numbers = tmp_path / "stop.txt"
    numbers.write_text("+8613900000011\n\n+8613900000012\n+8613900000011\n")
    call_command("suppress", str(numbers), "--channel", "sms")
    call_command("suppress", str(numbers), "--channel", "sms")
    assert capsys.readouterr().out == "2 are new on the list.\n0 are new on the list.\n"
    assert set(Suppression.objects.values_list("channel", "kind")) == {("sms", "stop")}
    numbers.write_text("Guest@Example.com\nnonsense\n")
    with pytest.raises(CommandError, match="1 lines were left out"):
        call_command("suppress", str(numbers), "--channel", "email")
    assert Suppression.objects.get(channel="email").address == "guest@example.com"
