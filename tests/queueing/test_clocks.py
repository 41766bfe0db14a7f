"""A web process with a wrong clock: what it writes down, it writes by that of the database."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client

from config import clock
from health import probes
from notices.models import Notice
from queueing import clocks
from signup import pictures
from signup.models import CODE_LIFETIME, Verification

pytestmark = pytest.mark.django_db(transaction=True)
JSON = "application/json"


def the_databases():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("offset", [3600, -600], ids=["ahead", "behind"])
def test_times_are_right_and_staff_are_told(staff, offset, caplog):
    if connection.vendor != "postgresql":
        assert clock.measure() == timedelta(0)  # SQLite is where its only machine is
        return
    with time_machine.travel(time.time() + offset):
        clocks.next_look = 0.0
        picture, desk = pictures.new(), Client()
        asked = {"image_code_id": picture, "image_code": pictures.digits(picture)}
        asked["mobile"] = "13800138000"
        assert desk.post("/signup/code/", asked, content_type=JSON).json()["code"] == 0
        desk.force_login(staff)
        written = {"subject": "Lift", "text": "Lift", "channels": ["email"]}
        written |= {"audience": "addresses", "addresses": "a@example.com"}
        sent = desk.post("/notices/new/", written, content_type=JSON)
        assert sent.status_code < 300, sent.text
    until = Verification.objects.get().expires_at - the_databases()
    assert timedelta(0) < CODE_LIFETIME - until < timedelta(seconds=5)
    starts = Notice.objects.get().start_at - the_databases()
    assert timedelta(0) < starts <= timedelta(seconds=10)
    assert [round(each / 10) * 10 for each in probes.wrong_clocks().values()] == [offset]
    assert "ahead of the database's" in caplog.text
