"""PostgreSQL while somebody holds a snapshot, as pg_dump or a forgotten psql does: what was sent
stays in the index as a dead entry, and before anybody has analysed a table that was filled."""

import json
from contextlib import closing

import psycopg
import pytest
from django.db import connection

from notices.delivery import claims, expand, finish, slices, states
from notices.models import Delivery, Notice, State
from signup.models import User
from tests.support.world import database_url, sent_now

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, SENT = 3000, 2000


@pytest.fixture
def prepared(transactional_db):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(PEOPLE)
    )
    notice = sent_now()
    expand.start(notice.pk)
    return notice


@pytest.fixture
def _snapshot(prepared):
    if connection.vendor == "sqlite":
        yield
        return
    with closing(psycopg.connect(database_url().replace("postgres:", "postgresql:"))) as held:
        held.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        held.execute("SELECT count(*) FROM notices_delivery")
        yield


class Cost:
    """Counts the pages that SELECTs look at."""

    def __init__(self):
        self.pages = 0

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith("SELECT"):
            with connection.connection.cursor() as cursor:  # not by way of this wrapper
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
                [[plans]] = cursor.fetchall()
            plan = (json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]
            self.pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return execute(sql, params, many, context)


def cost(act):
    counted = Cost()
    with connection.execute_wrapper(counted):
        act()
    return counted.pages


def send(notice, number):
    for start in range(0, number, 100):
        token = f"sent-{start}"
        assert len(claims.claim(notice, "email", token, 100)) == 100
        rows = Delivery.objects.filter(token=token)
        rows.update(**states.SENT)


TURN = {
    "claim": lambda notice: claims.claim(notice, "email", "token", 10),
    "go on": lambda notice: slices.next_due(notice.pk, "email"),
    "end": lambda notice: finish.finish(notice.pk),
    "side by side": lambda notice: slices.worth(notice.pk, "email", 2),
}


@pytest.mark.usefixtures("_snapshot")
@pytest.mark.parametrize("name", TURN)
def test_turn_costs_no_more_when_much_was_sent(prepared, name):
    if connection.vendor == "sqlite":
        return  # it has no dead entries
    send(prepared, 100)
    before = cost(lambda: TURN[name](prepared))
    send(prepared, SENT)
    assert cost(lambda: TURN[name](prepared)) < before + 50


def test_what_is_to_go_again_is_found_though_it_is_behind(prepared):
    send(prepared, PEOPLE - 100)
    first = Delivery.objects.filter(notice=prepared).order_by("id").first()
    Delivery.objects.filter(pk=first.pk).update(state=State.QUEUED)
    send(prepared, 100)  # those further on are first
    assert slices.worth(prepared.pk, "email", 2) == 1
    assert slices.next_due(prepared.pk, "email") is not None
    finish.finish(prepared.pk)
    prepared.refresh_from_db()
    assert prepared.state == Notice.State.SENDING
    assert claims.claim(prepared, "email", "token") == [first]
