"""Somebody is erased: nothing of them is left anywhere, counts and states stay, and what they did
not want holds on."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

import jobs
from notices.audience import kinds, suppression
from notices.delivery import erasure, states
from notices.models import (
    Delivery,
    Erasure,
    FailedAttempt,
    Kind,
    Leaving,
    Message,
    Notice,
    Receipt,
    Request,
    State,
    Suppression,
)
from notices.receipts import apply
from signup.account import changes
from signup.models import (
    Change,
    ContactChange,
    Group,
    Membership,
    Part,
    Upload,
    User,
    Verification,
)
from tests.support.traces import traces
from tests.support.world import notice, repeated, sent_now, states_of

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER, EMAIL, NAME, USERNAME = "+8613900000002", "wang@example.com", "王小明", "guest_wang"
OLD_EMAIL, WRITTEN = "wang.old@example.com", "139 0000 0002"
THEIRS = (NUMBER, EMAIL, NAME, USERNAME, OLD_EMAIL, WRITTEN)
PAGE = Erasure.Way.PAGE


@pytest.fixture
def wang(visitor):
    visitor.name, visitor.attributes = NAME, {"room": "for 王小明"}
    visitor.save()
    return visitor


@pytest.fixture
def everywhere(wang, staff, burst, texts, settings):
    """Somebody of whom there is something in every table that may hold it."""
    settings.EMAIL_URL = "file:"
    Client(headers={"user-agent": "Firefox Windows"}).force_login(wang)
    browser = Client()
    browser.force_login(wang)
    browser.get("/")
    changes.change_email(wang, OLD_EMAIL, "http://testserver")
    changes.change_email(wang, EMAIL, "http://testserver")
    Membership.objects.create(user=wang, group=Group.objects.create(name="B", key="b"))
    Change.objects.create(user=wang, by=staff, what=Change.What.CHANGED, fields=["name"])
    Verification.objects.create(mobile=NUMBER, salt="x")
    told = sent_now(staff, channels=["email", "sms"], pasted=f"{NAME} <{EMAIL}>\n{NUMBER}\na@b.cn")
    everyone = sent_now(staff, channels=["email", "sms"])
    burst()
    [row] = Delivery.objects.filter(notice=told, address=EMAIL)
    FailedAttempt.objects.create(delivery=row, reason=f"550 no such user <{EMAIL}>")
    Delivery.objects.filter(pk=row.pk).update(provider_ref="<1@x>", reason=f"no {EMAIL}")
    apply.store([Receipt(provider="smtp", ref="<1@x>", channel="email", kind="delivered")])
    apply.store(
        [Receipt(provider="smtp", ref="9", channel="email", kind="complained", address=EMAIL)]
    )
    single = Delivery.objects.create(message="message", channel="sms", address=NUMBER, name=NAME)
    Message.objects.create(delivery=single, subject="", text=f"Dear {NAME}")
    Request.objects.create(key="k", digest="d", status=202, answer=f'{{"to": "{NUMBER}"}}')
    repeated(pasted=f"{EMAIL}\nb@b.cn")
    draft = notice(staff, state="draft", audience="addresses", addresses=f"b@b.cn\n{WRITTEN}\n?")
    draft.save()
    upload = Upload.objects.create(by=staff, name="a.csv", language="en", columns=[EMAIL, "x"])
    upload.state = Upload.State.JUDGED
    upload.save()
    rows = [[2, [NAME, WRITTEN, ""]], [3, ["Li", "13900000003", ""]], [4, "broken"]]
    problems = [[2, 1, f"“{WRITTEN}” …"], [3, 1, "…"]]
    Part.objects.create(upload=upload, number=0, rows=rows, problems=problems, size=3)
    LogEntry.objects.create(
        user=staff, content_type=ContentType.objects.get_for_model(User), object_id=str(wang.pk),
        object_repr=USERNAME, action_flag=CHANGE, change_message="",
    )  # fmt: skip
    apply.take()
    return told, everyone, draft, upload


def states_in(notice):
    return Delivery.objects.filter(notice=notice).order_by("pk").values_list("state", flat=True)


def test_nothing_of_them_is_left_in_any_table_and_in_redis(everywhere, wang, staff, redis, burst):
    told, everyone, draft, upload = everywhere
    before = {each: list(states_in(each)) for each in (told, everyone)}
    assert len(traces(redis, *THEIRS)) > 10  # the test would see it
    done = erasure.ask(wang, staff, PAGE)
    jobs.sweep()
    burst()
    assert traces(redis, *THEIRS) == {}
    assert done.done_at
    assert set(done.counts) == set(erasure.WORDS)
    assert {each: list(states_in(each)) for each in (told, everyone)} == before
    draft.refresh_from_db()
    assert (draft.addresses, draft.draft_version) == ("b@b.cn\n?", 1)
    [part] = upload.parts.all()
    assert part.rows == [[2, ["", "", ""]], [3, ["Li", "13900000003", ""]], [4, "broken"]]
    assert part.problems == [[3, 1, "…"]]


# What they did not want


def test_what_they_did_not_want_holds_when_the_address_comes_back(wang, staff, settings):
    suppression.add("sms", NUMBER, "stop")
    suppression.add("email", EMAIL, "unsubscribed", f"said {NAME}")
    User.objects.filter(pk=wang.pk).update(wants_email=False)
    wang.refresh_from_db()
    erasure.ask(wang, staff, PAGE)
    assert not Suppression.objects.filter(address__in=[NUMBER, EMAIL]).exists()
    assert suppression.active("sms", NUMBER).get().kind == "stop"
    # in a pasted list, though SECRET_KEY is another one by now
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["only-for-tests"]
    assert set(suppression.among("sms", [NUMBER, "+8613900000009"])) == {NUMBER}
    # by a new account, however it is saved
    User.objects.create_user("wang_again", mobile=NUMBER)
    assert Suppression.objects.get(channel="sms").address == NUMBER
    sent = sent_now(staff, channels=["sms"])
    jobs.expand.start(sent.pk)
    assert states_of(sent)[NUMBER] == "suppressed"


def test_a_kind_that_they_left_is_not_sent_to_the_address_when_it_comes_back(wang, staff, redis):
    news = Kind.objects.create(name="News", key="news")
    kinds.leave(news, wang, [EMAIL, NUMBER])
    erasure.ask(wang, staff, PAGE)
    assert traces(redis, *THEIRS) == {}
    pasted = sent_now(staff, addresses=EMAIL, audience="addresses", kind=news)
    jobs.expand.start(pasted.pk)
    assert set(states_of(pasted).values()) == {"suppressed"}
    User.objects.create_user("wang_again", email=EMAIL)
    assert set(Leaving.objects.values_list("kind__name", "address")) >= {("News", EMAIL)}
    everybody = sent_now(staff, kind=news)
    jobs.expand.start(everybody.pk)
    assert states_of(everybody)[EMAIL] == "suppressed"


def test_it_holds_for_whoever_comes_from_a_file(wang, staff, tmp_path):
    suppression.add("sms", NUMBER, "stop")
    erasure.ask(wang, staff, PAGE)
    file = tmp_path / "people.csv"
    file.write_text(f"username,email,mobile,language\nfrom_a_file,,{NUMBER},en\n")
    call_command("import_users", str(file), stdout=StringIO())
    sent = sent_now(staff, channels=["sms"])
    jobs.expand.start(sent.pk)
    assert states_of(sent)[NUMBER] == "suppressed"


def test_the_key_is_never_lost_unseen(wang, staff, settings):
    suppression.add("sms", NUMBER, "stop")
    settings.SUPPRESSION_KEY = "for ever"
    erasure.ask(wang, staff, PAGE)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", []
    assert suppression.active("sms", NUMBER).exists()
    assert suppression.without_key() == 0
    settings.SUPPRESSION_KEY = ""
    assert not suppression.active("sms", NUMBER).exists()
    assert suppression.without_key() == 1


def test_start_lifts_the_hash_and_a_late_report_leaves_no_address(wang, staff):
    row = Delivery.objects.create(
        message="notice", channel="sms", user=wang, address=NUMBER, state="sent", provider="twilio",
        provider_ref="SM1", notice=None,
    )  # fmt: skip
    erasure.ask(wang, staff, PAGE)
    late = {"provider": "twilio", "channel": "sms", "address": NUMBER}
    apply.store([Receipt(ref="SM1", kind="bounced", dead=True, reason=NUMBER, **late)])
    apply.take()
    row.refresh_from_db()
    assert (row.state, row.reason) == ("bounced", erasure.ERASED)
    assert suppression.active("sms", NUMBER).get().kind == "dead"
    assert not Receipt.objects.exists()
    apply.store([Receipt(ref="SM2", kind="stop", **late)])
    apply.take()
    apply.store([Receipt(ref="SM3", kind="start", **late)])
    apply.take()
    assert suppression.active("sms", NUMBER).get().kind == "dead"


# Meanwhile


def test_a_message_on_its_way_is_waited_for(wang, staff, burst):
    row = Delivery.objects.create(message="welcome", channel="email", user=wang, address=EMAIL)
    queued = Delivery.objects.create(message="welcome", channel="email", address=EMAIL)
    states.claim(Delivery.objects.filter(pk=row.pk), "token")
    asked = erasure.ask(wang, staff, PAGE)
    assert erasure.ask(wang, staff, PAGE) == asked  # once
    assert asked.done_at is None
    wang.refresh_from_db()
    assert not wang.is_active
    queued.refresh_from_db()
    assert queued.state == "cancelled"
    states.release("token")
    jobs.sweep()
    burst("default")
    asked.refresh_from_db()
    assert asked.done_at
    row.refresh_from_db()
    assert (row.state, row.address) == ("cancelled", "")


def test_what_was_reported_and_is_not_read_yet_is_waited_for(wang, staff):
    apply.store([Receipt(provider="twilio", ref="7", channel="sms", kind="stop", address=NUMBER)])
    asked = erasure.ask(wang, staff, PAGE)
    assert asked.done_at is None
    apply.take()
    assert erasure.finish(asked.pk)
    assert suppression.active("sms", NUMBER).get().address.startswith("#")


def test_a_notice_that_is_being_prepared_or_paused_tells_everybody_else(wang, staff, burst):
    lines = f"a@b.cn\n{EMAIL}\nb@b.cn\nc@b.cn"
    preparing = sent_now(staff, pasted=lines)
    Notice.objects.filter(pk=preparing.pk).update(state="preparing", prepared_upto=2)
    asked = erasure.ask(wang, staff, PAGE)
    assert not asked.done_at
    Notice.objects.filter(pk=preparing.pk).update(state="paused", paused_from="preparing")
    assert erasure.finish(asked.pk)
    preparing.refresh_from_db()
    assert preparing.prepared_upto == 1
    states.resume(preparing.pk)
    jobs.start_notice(preparing.pk)
    assert set(states_of(preparing)) == {"b@b.cn", "c@b.cn"}


def test_the_last_administrator_stays(staff):
    boss = User.objects.create_superuser("the_boss", "boss@example.com")
    with pytest.raises(ValidationError, match="last administrator"):
        erasure.ask(boss, boss, PAGE)
    assert not Erasure.objects.exists()
    User.objects.create_superuser("other_boss", "other@example.com")
    assert erasure.ask(boss, boss, PAGE).done_at


def test_anothers_address_stays_anothers(wang, staff):
    """What they once had, or had asked to have."""
    ContactChange.objects.create(
        user=wang, field="email", before=staff.email, made_at=timezone.now() - timedelta(days=9)
    )
    mine = Delivery.objects.create(message="welcome", channel="email", address=staff.email)
    erasure.ask(wang, staff, PAGE)
    mine.refresh_from_db()
    assert (mine.address, mine.state) == (staff.email, State.QUEUED)
