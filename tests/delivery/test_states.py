"""Who may change a state, and what each transition changes: its own columns, from its own states,
and nothing else."""

import ast
from datetime import timedelta

import pytest
from django.utils import timezone

from notices.delivery import again, lifecycle, slices, states
from notices.delivery.again import Wanted
from notices.models import Delivery, FailedAttempt, Notice, State, StreamCursor
from notices.providers.rehearsal.console import Console
from tests.support import house
from tests.support.processes import ROOT
from tests.support.world import sent_now, swept

pytestmark = pytest.mark.django_db

WRITER = ROOT / "notices" / "delivery" / "states.py"


@pytest.mark.once
def test_one_module_writes_states():
    found = house.state_writers()
    assert len(found.pop(WRITER)) > 10  # the guard sees what it guards
    assert not found


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    ["rows.update(reason='', state=x)", "notice.state = x", "a.state, a.b = 1, 2",
     "notice.save(update_fields=['state'])", "rows.update(state='sent')"],
)  # fmt: skip
def test_the_guard_sees_each_way_of_writing_a_state(text):
    assert any(house.writes_a_state(node) for node in ast.walk(ast.parse(text)))


# The table: transition -> from which states, to which, and what it changes besides.

NOW = timezone.now()
PAST, SOON = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
SLICE = StreamCursor(token="t", notice_id=1, provider="other", position=1)
FREE = {"token", "lease_until"}
DONE = FREE | {"not_before", "doubt_until"}
BEFORE = (State.SENT, State.UNCERTAIN)


def sure(rows):
    """As if no provider could have it already."""
    rows.filter(state=State.QUEUED).update(doubt_until=None)
    return rows


TABLE = [
    (lambda rows: states.claim(rows, "mine"), ["queued"], "queued", FREE),
    (lambda rows: states.claim(rows, "mine", for_good=True), ["queued"], "queued", FREE),
    (lambda rows: states.release("t"), ["queued"], "queued", FREE),
    (lambda rows: states.mark(rows, Console(""), "mine", 2), ["queued", "sending"], "sending",
     FREE | {"provider", "tries", "version"}),
    (lambda rows: states.stop(rows, State.CANCELLED), ["queued"], "uncertain", DONE | {"reason"}),
    (lambda rows: states.stop(rows, State.EXPIRED, "Late."), ["queued"], "uncertain",
     DONE | {"reason"}),
    (lambda rows: states.stop(sure(rows), State.CANCELLED), ["queued"], "cancelled", DONE),
    (lambda rows: states.stop(sure(rows), State.EXPIRED, "Late."), ["queued"], "expired",
     DONE | {"reason"}),
    (lambda rows: states.put_off(rows, SOON, "Busy."), ["queued"], "queued",
     FREE | {"reason", "not_before"}),
    (lambda rows: states.rescue(rows, NOW), ["sending"], "queued", FREE),
    (states.lose, ["sending"], "uncertain", {"reason", "lease_until"}),
    (lambda rows: states.resend(rows.filter(state="uncertain")), ["uncertain"], "queued",
     DONE | {"tries", "reason"}),
    (lambda rows: states.resend(rows.exclude(state="uncertain")),
     ["failed", "bounced", "sent", "delivered"], "queued",
     DONE | {"tries", "reason", "provider_ref"}),
    (lambda rows: states.report(rows, State.DELIVERED, BEFORE, "Came."), ["sent", "uncertain"],
     "delivered", FREE | {"reason"}),
    (lambda rows: states.accept_streamed(rows, SLICE), ["queued"], "sent",
     DONE | {"reason", "provider", "provider_ref", "tries", "version"}),
    (lambda rows: states.lose_streamed(rows, SLICE), ["queued"], "uncertain",
     {"reason", "provider", "tries", "version"}),
    (states.tell_streamed, ["uncertain"], "sent", DONE | {"reason", "provider_ref"}),
]  # fmt: skip
CLAIMS = [move for move, *_rest in TABLE[:3]]
COLUMNS = [field.attname for field in Delivery._meta.concrete_fields]


def row(state):
    return Delivery.objects.create(
        message="notice", channel="sms", address="+8613900000011", state=state, reason="Before.",
        tries=3, not_before=PAST, token="t", lease_until=PAST, provider="memory",
        provider_ref="7", doubt_until=PAST, changed_at=PAST,
    )  # fmt: skip


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("number", range(len(TABLE)))
def test_each_transition_changes_its_columns_from_its_states_alone(number, state):
    move, allowed, target, columns = TABLE[number]
    before = row(state)
    changed = move(Delivery.objects.filter(pk=before.pk))
    after = Delivery.objects.get(pk=before.pk)
    differing = {name for name in COLUMNS if getattr(before, name) != getattr(after, name)}
    if state not in allowed:
        assert (changed, differing) == (0, set())
        return
    assert (changed, after.state) == (1, target)
    touched = set() if move in CLAIMS else {"changed_at"}
    assert differing - {"state"} == columns | touched


NOTICES = [
    (lambda rows: states.hold(rows.get().pk), ["waiting", "awaiting"], "changing"),
    (lambda rows: states.take_back(rows.get().pk), ["waiting", "awaiting", "changing"], "draft"),
    (lambda rows: states.let_go(rows.get().pk), ["changing", "awaiting"], "waiting"),
    (states.await_approval, ["waiting"], "awaiting"),
    (lambda rows: states.prepare(rows), ["waiting", "preparing"], "preparing"),
    (lambda rows: states.start_sending(rows.get().pk), ["preparing"], "sending"),
    (states.finish, ["sending"], "finished"),
    (lambda rows: states.reopen(rows.get().pk), ["finished"], "sending"),
    (states.expire, ["waiting"], "expired"),
    (lambda rows: states.pause(rows.get().pk), ["preparing", "sending"], "paused"),
    (lambda rows: states.resume(rows.get().pk), ["paused"], "preparing"),
    (
        lambda rows: states.cancel(rows.get().pk),
        ["waiting", "awaiting", "changing", "preparing", "sending", "paused"],
        "cancelled",
    ),
]


@pytest.mark.parametrize("state", Notice.State.values)
@pytest.mark.parametrize("number", range(len(NOTICES)))
def test_each_transition_of_a_notice_goes_from_its_states_alone(number, state):
    move, allowed, target = NOTICES[number]
    notice = sent_now(not_after=PAST)
    Notice.objects.filter(pk=notice.pk).update(state=state, paused_from="preparing")
    changed = move(Notice.objects.filter(pk=notice.pk))
    notice.refresh_from_db()
    expected = (1, target) if state in allowed else (0, state)
    assert (changed, notice.state) == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_what_a_provider_may_have_is_not_called_unsent(staff, how):
    """It waits to be asked about again, when staff cancel its notice, or its time is over."""
    notice = sent_now(staff, channels=["sms"], pasted="+8613900000011")
    states.prepare(Notice.objects.filter(pk=notice.pk))
    states.start_sending(notice.pk)
    facts = {"message": "notice", "notice": notice, "channel": "sms", "provider": "yuntongxun"}
    for number, doubt in ((1, SOON), (2, None)):
        address = f"+861390000001{number}"
        Delivery.objects.create(address=address, doubt_until=doubt, not_before=SOON, **facts)
    if how == "cancelled":
        lifecycle.cancel(notice)
    else:
        Notice.objects.filter(pk=notice.pk).update(not_after=PAST)
        slices.send_slice(notice.pk, "sms")
    rows = dict(Delivery.objects.values_list("address", "state"))
    assert rows == {"+8613900000011": "uncertain", "+8613900000012": how}


# What scattered writers once cost


@pytest.mark.django_db(transaction=True)
def test_send_again_sends_what_became_uncertain_while_its_provider_was_asked_anew(staff, texts):
    """Its worker died over the second request, and by the time that somebody presses the button the
    provider would not know the request again."""
    notice = sent_now(staff, channels=["sms"], pasted="+8613900000011")
    states.prepare(Notice.objects.filter(pk=notice.pk))
    states.start_sending(notice.pk)
    lost = Delivery.objects.create(
        message="notice", notice=notice, channel="sms", address="+8613900000011", state="sending",
        token="dead", lease_until=PAST, doubt_until=PAST, provider="memory", tries=2,
    )  # fmt: skip
    swept()
    lost.refresh_from_db()
    assert lost.state == State.UNCERTAIN
    assert again.send(notice, staff, Wanted(["uncertain"]), twice=True) == 1
    slices.send_slice(notice.pk, "sms")
    lost.refresh_from_db()
    assert (lost.state, lost.reason) == (State.SENT, "")
    assert [address for address, _text in texts] == ["+8613900000011"]
    assert FailedAttempt.objects.get().reason == (
        f"It may have arrived, and was sent again ({staff}, memory)."
    )
