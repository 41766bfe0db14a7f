"""No query that is asked all the time reads a whole table, on SQLite and on PostgreSQL.

The database is as after a year in small: enough rows that a planner which could use an index does,
and the big notice, of which a part is still queued, at the end of the table.
"""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

import jobs
from bench.processes import fill
from notices.audience import preferences, suppression
from notices.delivery import claims, escalation, finish, recovery, retention, single, slices, states
from notices.delivery.connections import Connections
from notices.models import Delivery, Notice, Receipt, State
from notices.pages import finding, notices, people
from notices.receipts import apply
from signup import budget, search
from signup.models import User
from tests.support.world import woken

pytestmark = pytest.mark.django_db

DELIVERIES, NOTICES = 40_000, 300
LARGE = ("notices_delivery", "notices_receipt", "signup_user", "signup_verification")


@pytest.fixture(scope="module")
def _year(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        fill.people(DELIVERIES)
        fill.notices(NOTICES)
        fill.deliveries(DELIVERIES, NOTICES)
        fill.aftermath(DELIVERIES)
        fill.settle()
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def big(_year):
    return Notice.objects.get(state=Notice.State.SENDING)


class Asked:
    """Keeps every statement with its parameters: SQLite plans a bound value otherwise than one
    that is written out."""

    def __init__(self):
        self.statements = []

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            self.statements.append((sql, params))
        return execute(sql, params, many, context)


def plan(sql, params):
    """The large tables that the plan of a statement reads from one end to the other, and all that
    the plan says."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps = [row[-1] for row in cursor.fetchall()]
            found = [step.split()[1] for step in steps if step.startswith("SCAN")]
            # A subquery calls its tables U0, V1 and so on.
            read = [*LARGE, "notices_notice"]  # slow to read there: long texts are in the rows
            whole = [name for name in found if name in read or name[1:].isdecimal()]
            whole += [step for step in steps if "AUTOMATIC" in step]  # an index for this one query
            return whole, " ".join(steps)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        [[plans]] = cursor.fetchall()
    plans = json.loads(plans) if isinstance(plans, str) else plans
    whole = [node["Relation Name"] for node in nodes(plans[0]["Plan"]) if is_whole(node)]
    return whole, json.dumps(plans)


def nodes(plan):
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def is_whole(node):
    """Also when it goes along the primary key until it has met enough."""
    if node.get("Relation Name") not in LARGE:
        return False
    along = node["Node Type"].startswith("Index") and node.get("Index Name", "").endswith("_pkey")
    return node["Node Type"] == "Seq Scan" or (along and "Index Cond" not in node)


def check(action, name=""):
    """That no statement of `action` reads a table whole, and that one uses the index named. On
    SQLite also when somebody has analysed it, which changes many plans."""
    asked, index = Asked(), INDEX.get(name, "")
    if connection.vendor == "postgresql":
        index = ON_POSTGRESQL.get(name, index)
    with connection.execute_wrapper(asked):
        action()
    assert asked.statements
    for _ in range(2):
        plans = {sql: plan(sql, params) for sql, params in asked.statements}
        assert {sql: whole for sql, (whole, _) in plans.items() if whole} == {}
        assert any(index in words for _, words in plans.values()), plans
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def alone(state, **changes):
    """A delivery without a notice, a code, that nobody has rung for lately."""
    long_ago = timezone.now() - timedelta(minutes=2)
    facts = {"message": "code", "channel": "sms", "address": "+8613800138000", "state": state}
    return Delivery.objects.create(**facts, created_at=long_ago, changed_at=long_ago, **changes)


def shown(notice, q="", state="", channel=""):
    list(notices.found(notice, q, state, channel)[:50])


def of_provider(number):
    return Receipt(provider="smtp", ref=f"ref-{number}", channel="email", kind="delivered")


def singles(act):
    with Connections("sms") as connections:
        sender = single.SingleSender(connections, 0, lambda pks: None, lambda: False)
        sender.alone = False
        act(sender)


REPORTS = [of_provider(number) for number in range(50)]
ENGINE = {
    "claim": lambda big: claims.claim(big, "email", "token"),
    "codes: whether any waits": lambda big: singles(lambda sender: sender.waiting().exists()),
    "codes: take": lambda big: singles(lambda sender: sender.take(32)),
    "when to go on": lambda big: slices.next_due(big.pk, "email"),
    "free what was claimed": lambda big: states.release("token"),
    "cancel": lambda big: finish.cancel_queued(big.pk),
    "expire": lambda big: finish.expire_queued(big.pk),
    "finish": lambda big: finish.finish(big.pk),
    "escalation: whose time has come": lambda big: escalation.due(),
    "escalation: spare": escalation.spare,
    "receipts: the next batch": lambda big: apply.take_batch(),
    "receipts: by the provider's number": lambda big: apply.match(REPORTS),
    "suppression: of one": lambda big: suppression.active("email", "lost7@example.com").exists(),
    "suppression: of many": lambda big: suppression.among("email", ["lost7@example.com"] * 50),
    "opting out": lambda big: preferences.find(preferences.signer().sign("7")),
    "sweep: expired": lambda big: recovery.settle_expired(),
    "sweep: lost": lambda big: recovery.settle_lost(),
    "sweep: cancelled": lambda big: recovery.settle_cancelled(),
    "sweep: silent deliveries": lambda big: list(recovery.silent_deliveries(jobs.bells())),
    "sweep: silent notices": lambda big: list(recovery.silent_notices(jobs.bells())),
    "sweep: silent receipts": lambda big: list(recovery.silent_receipts(jobs.bells())),
    "sweep: what is due soon": lambda big: woken(),
    "budget of codes": lambda big: budget.counts(["+8613800"], ["n7"]),
    "a user goes": lambda big: User.objects.filter(username="guest_77").get().delete(),
}  # fmt: skip


@pytest.mark.parametrize("name", ENGINE)
def test_engine_reads_no_table_whole(big, name, monkeypatch):
    monkeypatch.setattr(finish, "CHUNK", 100)  # as small a part of the table as in a large one
    monkeypatch.setattr(apply, "BATCH", 100)
    if name == "cancel":
        Notice.objects.filter(pk=big.pk).update(state=Notice.State.CANCELLED)
    alone(State.QUEUED, expires_at=timezone.now())
    alone(State.SENDING, lease_until=timezone.now() - timedelta(minutes=1))
    burst = 5000 if name == "receipts: the next batch" else 20
    apply.store([of_provider(DELIVERIES + number) for number in range(burst)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notices_receipt")
    check(lambda: ENGINE[name](big), name)


# Where dropping one would otherwise not show, since SQLite falls back on another one that begins
# with the same column, and reads a whole notice.
INDEX = {
    "claim": "delivery_of_notice",
    "cancel": "delivery_of_notice",
    "expire": "delivery_of_notice",
    "finish": "delivery_of_notice",
    "free what was claimed": "delivery_token",
    "receipts: by the provider's number": "delivery_of_receipt",
    "sweep: lost": "delivery_in_hand",
    "budget of codes": "verification_of_prefix",
    "a page": "delivery_listed",
    "search": "delivery_of_receipt",
    "a page by state": "delivery_of_notice",
}
ON_POSTGRESQL = {
    "purge": "delivery_to_purge",
    "sweep: silent deliveries": "delivery_alone",
    "budget of codes": "verification_to_purge",  # here nothing is younger
    "receipts: the next batch": "receipt_due",
}
SEARCHES = [{}, {"channel": "email"}, {"channel": "sms"}, {"state": "bounced"},
            {"state": "no_address"}, {"state": "sent", "channel": "email"},
            {"state": "no_address", "channel": "sms"}]  # fmt: skip


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_notice_page_reads_no_more_than_it_shows(big, search):
    check(lambda: shown(big, **search), "a page by state" if "state" in search else "a page")


def test_file_of_results_is_read_as_it_is_written(big):
    rows = big.deliveries.order_by("channel", "id").values_list("address")[:1000]
    check(lambda: list(rows), "a page")


def test_purge_reads_no_table_whole(big, monkeypatch):
    monkeypatch.setattr(settings, "KEEP_DAYS", 60)
    monkeypatch.setattr(settings, "KEEP_ADDRESSES_DAYS", 60)
    monkeypatch.setattr(settings, "KEEP_TEXTS_DAYS", 60)
    check(retention.run, "purge")


@pytest.mark.parametrize("text", ["lost7@example.com", "+8613800138000", "ref-7", "77"])
def test_search_for_a_message_reads_no_table_whole(big, text):
    check(lambda: finding.messages(text, by_address=True, alone=True), "search")


@pytest.mark.parametrize("text", ["guest77@example.com", "+8613800138000", "guest_77"])
def test_search_for_a_person_reads_no_table_whole(big, text):
    User.objects.filter(username="guest_77").update(
        email="guest77@example.com", mobile="+8613800138000", name_key="guest_77"
    )
    check(lambda: finding.people(text, by_address=True))


@pytest.mark.parametrize("text", ["est_3999", "UEST39998@exa", "138 0003 9", "0_0%", "st_12"])
def test_people_are_found_by_a_part_as_without_an_index(big, text):
    fields = ("name", "username", "email", "mobile")
    asked = {"q": text} | dict.fromkeys(["group", "language", "channel", "state", "before"], "")
    found = people.found(asked, by_address=True)[:50]
    without = User.objects.filter(search.fitting(text, *fields)).order_by("-pk")[:50]
    assert list(found) == list(without)
    if connection.vendor == "postgresql" and text.startswith(("est", "UEST")):
        check(lambda: list(found.all()))
