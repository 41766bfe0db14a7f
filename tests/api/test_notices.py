"""Notices and schedules by the API: the forms and the functions of the pages."""

import pytest

from notices.api import tokens
from notices.delivery import expand
from notices.models import Delivery, Notice, Schedule
from tests.api.asking import ask
from tests.support.world import notice, sent_now

pytestmark = pytest.mark.django_db(transaction=True)

URL, SCHEDULES = "/api/v1/notices", "/api/v1/schedules"
BODY = {
    "subject": "Lift", "text": "Dear ((name)), it is **out of order**.", "channels": ["email"],
    "audience": "addresses", "addresses": "li@example.com\nLi <wang@example.com>",
}  # fmt: skip
DAILY = BODY | {"every": "days", "at": "2026-12-01T09:00", "zone": "Asia/Shanghai"}


@pytest.fixture
def secret(staff):
    scopes = ["notices:write", "notices:send", "schedules:write"]
    return tokens.make("crm", scopes, author=staff)[1]


def test_a_notice_is_sent_and_told_how_far_it_is(secret, staff, burst):
    answer = ask(secret, URL, BODY)
    facts = answer.json()
    assert (answer.status_code, facts["state"], facts["audience"]) == (202, "waiting", "addresses")
    started = ask(secret, f"{URL}/{facts['id']}/start", method="POST")
    assert started.status_code == 200
    Notice.objects.update(start_at=facts["created_at"])
    burst()
    shown = ask(secret, f"{URL}/{facts['id']}").json()
    assert shown["recipients"] == 2
    assert Notice.objects.get().author == staff
    assert [each["id"] for each in ask(secret, URL).json()["items"]] == [facts["id"]]


def test_the_same_key_makes_one_notice_and_gives_the_first_answer(secret):
    key = {"idempotency-key": "a1"}
    first, second = (ask(secret, URL, BODY, **key) for _each in range(2))
    assert (second.status_code, second.content) == (202, first.content)
    assert Notice.objects.count() == 1
    other = ask(secret, URL, BODY | {"subject": "Stairs"}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def test_what_the_page_refuses_is_refused_by_its_field(secret):
    bad = BODY | {"addresses": "nobody", "text": "Dear ((nickname))", "at": "tomorrow"}
    answer = ask(secret, URL, bad)
    assert answer.status_code == 400
    assert {"addresses", "text", "at"} <= set(answer.json()["errors"])
    unknown = ask(secret, URL, BODY | {"colour": "red"})
    assert unknown.json()["field"] == "colour"
    repeated = ask(secret, URL, BODY | {"when": "repeat", "at": "2026-12-01T09:00"})
    assert repeated.json()["field"] == "when"
    assert not Notice.objects.exists()


def test_everyone_is_told_by_who_may_tell_everyone(secret, staff, visitor):
    everyone = BODY | {"audience": "everyone", "addresses": ""}
    refused = ask(secret, URL, everyone)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert "notices:everyone" in refused.json()["detail"]
    may = tokens.make("desk", ["notices:send", "notices:everyone"], author=staff)[1]
    assert ask(may, URL, everyone).status_code == 202
    paused = notice(staff, state=Notice.State.PAUSED, paused_from="sending")
    paused.save()
    resumed = ask(secret, f"{URL}/{paused.pk}/resume", method="POST")
    assert resumed.json()["code"] == "missing_scope"


def test_a_notice_is_paused_resumed_and_cancelled_and_twice_is_once(secret, staff):
    waiting = ask(secret, URL, BODY).json()["id"]
    assert ask(secret, f"{URL}/{waiting}/pause", method="POST").json()["code"] == "not_now"
    begun = sent_now(staff, pasted="li@example.com")
    expand.start(begun.pk)
    steps = ("pause", "pause", "resume", "resume", "cancel", "cancel")
    answers = [ask(secret, f"{URL}/{begun.pk}/{step}", method="POST").json() for step in steps]
    states = [each["state"] for each in answers]
    assert states == ["paused", "paused", "sending", "sending", "cancelled", "cancelled"]
    assert answers[-1]["counts"]["cancelled"] == 1
    assert ask(secret, f"{URL}/{begun.pk}/start", method="POST").json()["code"] == "not_now"


def test_a_check_and_a_draft_send_nothing(secret, visitor):
    checked = ask(secret, f"{URL}/check", BODY)
    assert checked.json() == {"reached": {"email": {"recipients": 2, "without": 0}}, "unfilled": {}}
    assert not Notice.objects.exists()
    drafted = ask(secret, f"{URL}/drafts", {"subject": "Lift"})
    assert (drafted.status_code, drafted.json()["state"]) == (201, "draft")
    started = ask(secret, f"{URL}/{drafted.json()['id']}/start", method="POST")
    assert started.json()["code"] == "not_now"
    assert not Delivery.objects.exists()


def test_a_test_token_tells_nobody(staff):
    trial = tokens.make("trial", ["notices:send"], author=staff, is_test=True)[1]
    assert ask(trial, URL, BODY).json()["code"] == "forbidden"
    assert ask(trial, f"{URL}/check", BODY).status_code == 200
    assert not Notice.objects.exists()


def test_a_schedule_is_planned_paused_resumed_and_ended(secret):
    answer = ask(secret, SCHEDULES, DAILY, **{"idempotency-key": "a"})
    facts = answer.json()
    assert (answer.status_code, facts["rule"]) == (201, "FREQ=DAILY;INTERVAL=1")
    assert ask(secret, SCHEDULES, DAILY, **{"idempotency-key": "a"}).content == answer.content
    one = f"{SCHEDULES}/{facts['id']}"
    for step in ("pause", "pause", "resume"):
        assert ask(secret, f"{one}/{step}", method="POST").status_code == 200
    assert ask(secret, one, method="DELETE").json()["state"] == "ended"
    assert ask(secret, f"{one}/resume", method="POST").json()["code"] == "not_now"
    assert [each["state"] for each in ask(secret, SCHEDULES).json()["items"]] == ["ended"]
    assert ask(secret, SCHEDULES, DAILY | {"every": "rule", "rule": "x"}).json()["field"] == "rule"
    assert Schedule.objects.count() == 1


def test_lists_come_in_parts(secret):
    ids = [ask(secret, URL, BODY).json()["id"] for _each in range(3)]
    first = ask(secret, f"{URL}?limit=2").json()
    second = ask(secret, f"{URL}?limit=2&cursor={first['next']}").json()
    shown = [each["id"] for part in (first, second) for each in part["items"]]
    assert (shown, second["next"]) == (ids[::-1], None)
    for wrong in ("cursor=x", "cursor=٣", "limit=0", "limit=x", "state=none"):
        assert ask(secret, f"{URL}?{wrong}").status_code == 400
