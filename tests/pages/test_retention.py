"""The page of what is kept, and for how long; and pages about what is not there any more."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from notices import rights
from notices.delivery import expand, periods, retention
from notices.models import Delivery, Notice, Period
from tests.support.world import sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reception(client, staff):
    client.force_login(staff)
    return client


def test_days_are_changed_by_who_may(reception, staff):
    assert 'name="addresses" value="365"' in reception.get("/retention/").text
    done = reception.post("/retention/", {"addresses": " 90 ", "texts": "0"}, follow=True)
    assert "Changed." in done.text
    assert "by reception; before that 365." in done.text
    assert (periods.days("addresses"), Period.objects.get().by) == (90, staff)
    again = reception.post("/retention/", {"addresses": "90"}, follow=True)
    assert "Nothing was changed." in again.text
    with_rights(staff, rights.SEND)
    shown = reception.get("/retention/")
    assert (shown.status_code, 'name="addresses"' in shown.text) == (200, False)
    assert rights.WORDS[rights.RETENTION] in reception.post("/retention/", {"single": "9"}).text


@pytest.mark.parametrize(
    ("name", "days", "says"),
    [
        ("addresses", "29", "Choose 30 to 36500 days, or 0 to keep it for ever."),
        ("addresses", "-1", "Write a whole number of days."),
        ("addresses", "９０", "Write a whole number of days."),
        ("addresses", "", "Write a whole number of days."),
        ("texts", "9" * 30, "Write a whole number of days."),
        ("log", "36501", "Choose 30 to 36500 days"),
        ("single", "0", "Choose 4 to 36500 days."),
        ("receipts", "6", "Choose 7 to 36500 days."),
    ],
)
def test_days_that_make_no_sense_change_nothing(reception, name, days, says):
    refused = reception.post("/retention/", {"uploads": "2", name: days})
    assert refused.status_code == 400
    assert says in refused.text
    assert f'value="{days}"' in refused.text
    assert not Period.objects.exists()


def test_pages_work_for_what_was_removed_and_for_whom_was_erased(reception, staff, visitor):
    notice = sent_now(staff, text="The lift is broken.", pasted="li@example.com\nwang@example.com")
    expand.start(notice.pk)
    Delivery.objects.filter(notice=notice).update(state="sent")
    ended = timezone.now() - timedelta(days=91)
    Notice.objects.filter(pk=notice.pk).update(state="finished", finished_at=ended)
    periods.change({"addresses": 90, "texts": 90}, staff)
    retention.run()
    shown = reception.get(f"/notices/{notice.pk}/").text
    assert len(re.findall(r"removed after 90 days", shown)) == 3
    assert "The lift is broken." not in shown
    theirs = Delivery.objects.get(notice=notice, user=visitor)
    for path in (f"/people/{visitor.pk}/", f"/messages/{theirs.pk}/"):
        assert "removed after 90 days" in reception.get(path).text
    assert reception.get(f"/notices/{notice.pk}.csv").status_code == 200
    assert reception.get(f"/notices/{notice.pk}.json").json()["recipients"] == 2
    reception.post(f"/people/{visitor.pk}/erase/")
    assert ">erased</td>" in reception.get(f"/notices/{notice.pk}/").text
    assert "erased <span" in reception.get(f"/messages/{theirs.pk}/").text
