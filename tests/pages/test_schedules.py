"""The staff's pages for later and again, as a browser without JavaScript uses them; and JSON."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

import jobs
from notices.delivery import expand, lifecycle
from notices.models import Notice, Occurrence, Schedule
from notices.schedules import actions, occurrences
from tests.pages.test_notices import GOOD
from tests.support.world import repeated, sent_now

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)  # in Shanghai
LATER = GOOD | {"when": "later", "at": "2026-12-01T09:00", "zone": "Europe/London"}
REPEAT = GOOD | {"when": "repeat", "every": "weeks", "weekdays": ["MO"], "at": "2026-12-01T09:00",
                 "zone": "Asia/Shanghai", "missed": "late"}  # fmt: skip


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


def write(page, data, **changes):
    return page.post(reverse("notice_new"), data | changes, follow=True)


def text_of(response):
    return response.content.decode()


PATHS = ["/notices/schedules/", "/notices/schedules/{pk}/", "/notices/schedules/{pk}/edit/"]


@pytest.mark.parametrize("path", PATHS)
def test_they_are_for_staff(client, visitor, path):
    url = path.format(pk=repeated().pk)
    assert client.get(url).status_code == 302
    client.force_login(visitor)
    assert client.get(url).status_code == 403
    assert client.post(url.replace("edit", "act"), {"do": "end"}).status_code in (403, 405)
    assert Schedule.objects.get().state == "active"


# Later


def test_later_waits_and_says_both_times(page, clock):
    shown = text_of(write(page, LATER))
    new = Notice.objects.get()
    assert (new.state, new.start_at) == ("waiting", datetime(2026, 12, 1, 9, tzinfo=UTC))
    assert "2026-12-01 17:00" in shown  # the reader is in Shanghai
    assert "(2026-12-01 09:00 Europe/London)" in shown
    assert "starts in 1" in shown


def test_a_skipped_hour_is_refused_and_nothing_is_saved(page, clock):
    response = write(page, LATER, at="2027-03-28T01:30")
    assert response.status_code == 400
    assert "does not exist in Europe/London" in text_of(response)
    assert not Notice.objects.exists()


def test_a_repeated_hour_says_which_is_meant(page, clock):
    shown = text_of(write(page, LATER, at="2027-10-31T01:30"))
    assert "The first one is meant" in shown
    assert Notice.objects.get().start_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_notice_for_later_can_be_edited_and_moved(page, clock, redis):
    write(page, LATER)
    new = Notice.objects.get()
    url = reverse("notice_edit", args=[new.pk])
    assert 'value="2026-12-01T09:00"' in text_of(page.get(url))
    moved = LATER | {"subject": "Moved", "at": "2026-12-02T10:00"}
    assert "Changed." in text_of(page.post(url, moved, follow=True))
    new.refresh_from_db()
    assert (new.subject, new.start_at) == ("Moved", datetime(2026, 12, 2, 10, tzinfo=UTC))
    [(_, due)] = redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)
    assert due == new.start_at.timestamp()
    bad = page.post(url, moved | {"subject": ""})
    assert bad.status_code == 400
    assert "Nothing was changed" in text_of(bad)
    assert Notice.objects.get().subject == "Moved"


@pytest.mark.parametrize("second", [0, 7])
def test_a_held_notice_can_be_edited_as_its_form_is_filled(page, clock, settings, second):
    start_at = NOON - timedelta(hours=1) + timedelta(seconds=second)
    new = sent_now(start_at=start_at, held_until=NOON + timedelta(hours=1), zone="Europe/London")
    Notice.objects.update(start_at=start_at)
    url = reverse("notice_edit", args=[new.pk])
    filled = GOOD | {"when": "later", "at": "2026-11-21T03:00", "zone": "Europe/London"}
    assert 'value="2026-11-21T03:00"' in text_of(page.get(url))
    assert f'name="notice" value="{new.pk}"' in text_of(page.get(url))
    while_typing = page.post(reverse("timing_words"), filled | {"notice": str(new.pk)})
    assert "in the past" not in text_of(while_typing)
    assert "Changed." in text_of(page.post(url, filled | {"subject": "Fixed"}, follow=True))
    changed = Notice.objects.get()
    assert (changed.subject, changed.start_at) == ("Fixed", NOON + lifecycle.UNDO)
    past = page.post(url, filled | {"at": "2026-11-21T02:59"})
    assert "This is in the past" in text_of(past)
    settings.QUIET_HOURS = (NOON.time().replace(hour=12), NOON.time().replace(hour=18))
    over = page.post(url, filled | {"not_after": "2026-11-21T09:00"})
    assert "held until 2026-11-21 10:00 (Europe/London)" in text_of(over)


def test_a_notice_that_started_meanwhile_is_not_changed(page, clock, staff):
    write(page, LATER)
    new = Notice.objects.get()
    clock.move_to(new.start_at)
    expand.start(new.pk)
    page.force_login(staff)  # the session ended meanwhile
    url = reverse("notice_edit", args=[new.pk])
    assert page.get(url)["Location"] == new.get_absolute_url()
    refused = page.post(url, LATER | {"subject": "Keep me"})
    assert refused.status_code == 409
    assert Notice.objects.get().subject == GOOD["subject"]
    assert "it has started meanwhile" in text_of(refused)
    assert 'value="Keep me"' in text_of(refused)
    assert 'action="/notices/new/"' in text_of(refused), "it can be sent as a new one"


def test_send_at_once(page, clock, burst, mailserver):
    write(page, LATER)
    page.post(reverse("notice_start", args=[Notice.objects.get().pk]))
    burst()
    assert not mailserver.messages, "there is time to undo"
    clock.shift(lifecycle.UNDO)
    jobs.push(jobs.start_notice, Notice.objects.get().pk)
    burst()
    assert len(mailserver.messages) == 1
    shown = page.post(reverse("notice_start", args=[Notice.objects.get().pk]), follow=True)
    assert "it has started meanwhile" in text_of(shown)


def test_a_notice_for_later_can_be_cancelled(page, clock, redis):
    write(page, LATER)
    page.post(reverse("notice_cancel", args=[Notice.objects.get().pk]))
    assert Notice.objects.get().state == "cancelled"
    assert redis.zcard("rq:scheduler:scheduled_jobs") == 0


def test_the_quiet_hours_are_told(page, clock, settings):
    settings.QUIET_HOURS = (NOON.time().replace(hour=9), NOON.time().replace(hour=18))
    shown = text_of(write(page, GOOD))
    assert "held until 2026-11-21 18:00 (Asia/Shanghai)" in shown
    assert "starts in" in shown


# Again and again


def test_a_schedule_is_written_and_shown(page, clock):
    shown = text_of(write(page, REPEAT, ends_on="2027-06-30", times="9"))
    schedule = Schedule.objects.get()
    assert not Notice.objects.exists()
    assert schedule.next_at == datetime(2026, 12, 7, 1, tzinfo=UTC)
    for words in (
        "Every week, on Monday, at 09:00, Asia/Shanghai, until 2027-06-30, 9 times in all",
        "Mon 2026-12-07 09:00",
        "Mon 2027-01-04 09:00",
        "0 runs so far",
        "None yet",
        "reception",
    ):
        assert words in shown
    listed = text_of(page.get(reverse("schedules")))
    assert "Every week, on Monday, at 09:00" in listed
    assert "2026-12-07 09:00" in listed


def test_preview_shows_what_is_to_come_and_saves_nothing(page, clock):
    shown = text_of(page.post(reverse("notice_new"), REPEAT | {"preview": "1"}))
    assert "Mon 2026-12-07 09:00" in shown
    assert "out of order" in shown
    assert not Schedule.objects.exists()


def test_words_while_typing(page, clock):
    url = reverse("timing_words")
    shown = text_of(page.post(url, REPEAT | {"zone": "Europe/London"}))
    assert "Every week, on Monday, at 09:00, Europe/London" in shown
    assert "Mon 2026-12-07 09:00" in shown
    assert "2026-12-07 17:00 for you (Asia/Shanghai)" in shown
    assert shown.count("<li>") == 5
    assert "five fields" in text_of(page.post(url, REPEAT | {"every": "rule", "rule": "x"}))
    assert "<li>" not in text_of(page.post(url, {"when": "now"}))
    assert "Tue 2026-12-01 09:00" in text_of(page.post(url, LATER))


def test_words_while_typing_know_what_was_done_already(page, clock):
    schedule = repeated(times=4)
    for _ in range(2):
        clock.shift(3600)
        occurrences.run(schedule.pk)
    skipped = actions.skip(schedule.pk)  # 15:00 in Shanghai
    again = REPEAT | {"every": "hours", "weekdays": [], "at": "2026-11-21T12:00", "times": "4",
                      "schedule": str(schedule.pk)}  # fmt: skip
    url = reverse("timing_words")
    shown = text_of(page.post(url, again))
    one = "<li><time"
    assert skipped == NOON + timedelta(hours=3)
    assert "15:00" not in shown
    assert "Sat 2026-11-21 16:00" in shown
    assert shown.count(one) == 1
    edit = reverse("schedule_edit", args=[schedule.pk])
    assert f'name="schedule" value="{schedule.pk}"' in text_of(page.get(edit))
    assert text_of(page.post(edit, again | {"preview": "1"})).count(one) == 1
    actions.pause(schedule.pk)
    assert text_of(page.post(url, again)).count(one) == 1
    only = again | {"every": "days", "at": "2026-11-21T15:00", "ends_on": "2026-11-21"}
    assert "None: it is over" in text_of(page.post(url, only))
    over = again | {"every": "rule", "rule": "FREQ=DAILY;UNTIL=20261121T150000"}
    assert "None: it is over" in text_of(page.post(url, over | {"at": "2026-11-21T15:00"}))
    assert Schedule.objects.get().times == 4
    for number, status in (("x", 404), ("9" * 30, 200), ("999", 200)):
        assert page.post(url, again | {"schedule": number}).status_code == status


def test_words_while_typing_promise_what_the_page_takes(page, clock):
    url = reverse("timing_words")
    fast = REPEAT | {"every": "rule", "rule": "FREQ=SECONDLY;INTERVAL=20", "at": ""}
    assert "more than once a minute" in text_of(page.post(url, fast))
    shown = text_of(page.post(url, fast | {"audience": "addresses"}))
    assert "Sat 2026-11-21 12:00:20" in shown
    assert "Sat 2026-11-21 12:01<" in shown


@pytest.mark.parametrize(
    "changes",
    [{"subject": ""}, {"every": "rule", "rule": "0 0 31 2 *"}, {"zone": "Mars"}],
)
def test_bad_input_saves_nothing(page, clock, changes):
    assert write(page, REPEAT, **changes).status_code == 400
    assert not Schedule.objects.exists()


def test_edit(page, clock):
    schedule = repeated(ends_on=None)
    url = reverse("schedule_edit", args=[schedule.pk])
    assert "stay as they are" in text_of(page.get(url))
    assert "Changed." in text_of(page.post(url, REPEAT | {"subject": "New"}, follow=True))
    schedule.refresh_from_db()
    assert (schedule.subject, schedule.rule) == ("New", "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO")
    assert schedule.next_at == datetime(2026, 12, 7, 1, tzinfo=UTC)
    actions.end(schedule.pk)
    assert "has ended" in text_of(page.post(url, REPEAT, follow=True))


def test_the_form_keeps_what_it_does_not_show_and_lists_places_only(page, clock):
    shown = text_of(page.get(reverse("schedule_edit", args=[repeated(in_quiet_hours=True).pk])))
    assert '<input type="hidden" name="in_quiet_hours" value="True"' in shown
    assert '<option value="Asia/Shanghai">' in shown
    assert '<option value="localtime">' not in shown


def test_an_edit_that_leaves_nothing_is_told(page, clock):
    schedule = repeated()
    clock.shift(3600)
    url = reverse("schedule_edit", args=[schedule.pk])
    shown = text_of(page.post(url, REPEAT | {"times": "1"}, follow=True))
    assert "no time left" in shown
    assert Schedule.objects.get().rule == "FREQ=HOURLY"


def test_buttons(page, clock):
    schedule = repeated()
    act = reverse("schedule_act", args=[schedule.pk])

    def press(do):
        shown = next(iter(actions.upcoming(schedule)), "")
        return text_of(page.post(act, {"do": do, "at": str(shown)}, follow=True))

    assert "Paused: nothing goes out" in press("pause")
    assert "Nothing was changed" in press("skip")
    assert "Resumed." in press("resume")
    assert "2026-11-21 13:00 (Asia/Shanghai) is skipped." in press("skip")
    assert "Skipped by hand. reception" in text_of(page.get(schedule.get_absolute_url()))
    assert "It runs now, out of turn. You have 10 seconds to undo" in press("run")
    assert Notice.objects.get().start_at == NOON + lifecycle.UNDO
    assert Notice.objects.count() == 1
    assert "Ended: it will not run again." in press("end")
    assert page.post(act, {"do": "explode"}).status_code == 404
    assert page.get(act).status_code == 405


def test_skip_means_the_instant_that_was_shown(page, clock):
    schedule = repeated()
    shown = text_of(page.get(schedule.get_absolute_url()))
    [at] = re.findall('name="at" value="([^"]+)"', shown)
    press = partial(page.post, reverse("schedule_act", args=[schedule.pk]), follow=True)
    clock.shift(3601)  # it is due by now
    assert "Nothing was changed" in text_of(press({"do": "skip", "at": at}))
    assert not Occurrence.objects.filter(state="skipped").exists()
    clock.shift(-3601)
    assert "13:00 (Asia/Shanghai) is skipped." in text_of(press({"do": "skip", "at": at}))
    assert "13:00 (Asia/Shanghai) is skipped." in text_of(press({"do": "skip", "at": at}))
    far = "0001-01-01T00:00:00+08:00"
    for again in ("", "soon", "2026-11-21T13:00", "2026-11-21T14:30+08:00", far):
        assert "Nothing was changed" in text_of(press({"do": "skip", "at": again}))
    assert Occurrence.objects.filter(state="skipped").count() == 1


def test_each_occurrence_says_what_became_of_it(page, clock, visitor):
    schedule = repeated()
    clock.shift(2 * 3600 + 25 * 60)
    new, _ = occurrences.run(schedule.pk)
    shown = text_of(page.get(schedule.get_absolute_url()))
    assert f'href="{new.get_absolute_url()}"' in shown
    assert "25\xa0minutes late" in shown
    assert "A later one was due by then" in shown
    assert "1 run so far" in shown
    of_notice = text_of(page.get(new.get_absolute_url()))
    assert schedule.get_absolute_url() in of_notice


def test_thousands_of_occurrences_come_in_pages(page, clock, django_assert_max_num_queries):
    schedule = repeated()
    Occurrence.objects.bulk_create(
        Occurrence(schedule=schedule, planned_at=NOON - timedelta(hours=n), state="missed")
        for n in range(2000)
    )
    page.get("/")  # by which this session is listed
    with django_assert_max_num_queries(12) as queries:
        shown = text_of(page.get(schedule.get_absolute_url()))
    assert "Page 1 of 40" in shown
    for name in ("addresses", "text"):  # of fifty notices
        assert f'"notices_notice"."{name}"' not in str(queries.captured_queries)


def test_the_list_counts_the_runs_of_what_it_shows(page, clock, django_assert_max_num_queries):
    for schedule in (repeated(), repeated()):
        actions.run_now(schedule.pk)
    page.get("/")  # by which this session is listed
    with django_assert_max_num_queries(12) as queries:
        shown = text_of(page.get(reverse("schedules")))
    assert len(re.findall('<td [^>]*class="number">1</td>', shown)) == 2
    assert 'JOIN "notices_occurrence"' not in str(queries.captured_queries)


def test_empty_list(page):
    assert "Nothing repeats yet." in text_of(page.get(reverse("schedules")))


# JSON


def as_json(page, body):
    return page.post(reverse("notice_new"), json.dumps(body), content_type="application/json")


def test_later_by_json(page, clock):
    answer = as_json(page, LATER).json()
    assert (answer["code"], answer["notice"]["state"]) == (0, "waiting")
    assert Notice.objects.get().start_at == datetime(2026, 12, 1, 9, tzinfo=UTC)


def test_repeat_by_json(page, clock):
    answer = as_json(page, REPEAT | {"times": 3}).json()
    assert answer["schedule"]["next"] == [
        f"{day}T01:00:00+00:00" for day in ("2026-12-07", "2026-12-14", "2026-12-21")
    ]
    assert answer["schedule"]["words"] == "every week, on Monday, at 09:00"


def test_json_tells_every_field(page, clock):
    response = as_json(
        page, REPEAT | {"subject": "", "text": "half \ud800", "zone": "Mars", "times": True}
    )
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"subject", "text", "zone", "times"}
    assert not Schedule.objects.exists()


def test_admin_shows_the_record(client, admin_user, clock):
    schedule = repeated()
    clock.shift(3600)
    occurrences.run(schedule.pk)
    client.force_login(admin_user)
    for name in ("schedule", "occurrence"):
        assert client.get(reverse(f"admin:notices_{name}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:notices_{name}_add")).status_code == 403
    assert sent_now().start_at <= timezone.now()
