"""Where staff begin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notices.models import Schedule
from tests.support.world import notice, repeated

pytestmark = pytest.mark.django_db(transaction=True)


def section(text, name):
    begins = text.find(f'aria-labelledby="{name}"')
    return text[begins : text.index("</section>", begins)] if begins >= 0 else ""


def test_staff_begin_with_what_goes_what_comes_and_what_they_wrote(client, staff):
    now = timezone.now()
    for subject, state, hours in (
        ("Afternoon", "sending", -1), ("Boiler", "paused", -1), ("Carpets", "waiting", 3),
        ("Doors", "waiting", 30), ("Energy", "finished", -2), ("Fire", "draft", 0),
    ):  # fmt: skip
        start = now + timedelta(hours=hours)
        notice(staff, subject=subject, state=state, start_at=start, paused_from="sending").save()
    Schedule.objects.filter(pk=repeated().pk).update(subject="Gym", next_at=now)
    client.force_login(staff)
    text = client.get("/", follow=True).text
    found = {
        name: "".join(each[0] for each in NAMES if each in section(text, name))
        for name in ("going", "coming", "drafts")
    }
    assert found == {"going": "AB", "coming": "CG", "drafts": "F"}


NAMES = ("Afternoon", "Boiler", "Carpets", "Doors", "Energy", "Fire", "Gym")


def test_an_empty_desk_says_so_and_whether_all_is_well(client, staff):
    client.force_login(staff)
    text = client.get("/desk/").text
    assert "Nothing is being sent." in text
    assert "Nothing is planned." in text
    assert not section(text, "drafts")
    assert '<a class="bad" href="/health/">' in text  # no worker runs


def test_a_busy_desk_costs_what_an_empty_one_does(client, staff, django_assert_max_num_queries):
    client.force_login(staff)
    client.get("/desk/")
    for number in range(15):
        notice(staff, subject=str(number), state="sending", start_at=timezone.now()).save()
        notice(staff, subject=str(number), state="draft").save()
    with django_assert_max_num_queries(22):
        client.get("/desk/")


def test_others_are_led_nowhere(client, visitor):
    client.force_login(visitor)
    assert client.get("/").status_code == 200
    assert client.get("/desk/").status_code == 403
