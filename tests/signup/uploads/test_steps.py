"""A file becomes people in steps: after a kill they go on, and two at once do nothing twice."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import jobs
from notices.delivery import recovery, retention
from signup import groups
from signup.models import Group, Membership, Part, Upload, User
from signup.uploads import columns, recipients, steps

pytestmark = pytest.mark.django_db

ROWS = 1200


@pytest.fixture
def upload(staff):
    def upload(text, **facts):
        return Upload.objects.create(by=staff, language="en", data=text.encode(), **facts)

    return upload


def many(count=ROWS):
    return "email,groups\n" + "".join(f"p{n}@example.com,A;B\n" for n in range(count))


def go(upload, state):
    Upload.objects.filter(pk=upload.pk).update(state=state)
    while steps.work(upload.pk):
        pass
    upload.refresh_from_db()


def test_after_a_kill_it_goes_on_where_it_was(upload, settings):
    one = upload(many())

    def first():
        for number, part in enumerate(steps.parts_of(one)):
            part.number = number
            part.save()
            return

    first()  # and is killed
    go(one, "reading")
    assert list(one.parts.order_by("number").values_list("number", "size")) == [
        (0, 500), (1, 500), (2, 200)
    ]  # fmt: skip
    go(one, "judging")
    assert (one.state, one.new_groups) == ("judged", ["A", "B"])
    Upload.objects.filter(pk=one.pk).update(state="importing")
    steps.step(one.pk)  # and is killed
    assert User.objects.count() == 501
    go(one, "importing")
    assert User.objects.count() == ROWS + 1
    assert Membership.objects.count() == 2 * ROWS
    assert sum(one.parts.values_list("created", flat=True)) == ROWS


def test_the_file_is_not_written_again_with_each_of_its_parts(upload):
    one = upload(many())
    with CaptureQueriesContext(connection) as queries:
        go(one, "reading")
    assert one.parts.count() == 3
    written = [each for each in queries if 'UPDATE "signup_upload"' in each["sql"]]
    assert len(written) == 2  # by go() itself, and at the end


def test_a_part_that_another_left_behind_is_judged(upload):
    one = upload(many())
    go(one, "reading")
    Upload.objects.filter(pk=one.pk).update(state="judging")
    seen = recipients.Seen(number=2)
    while steps.step(one.pk, seen):
        pass
    assert set(one.parts.values_list("state", flat=True)) == {"judging"}


def test_the_same_file_twice_changes_nothing(upload):
    for _ in range(2):
        one = upload(many(3))
        for state in ("reading", "judging", "importing"):
            go(one, state)
    assert one.state == "finished"
    assert one.parts.get().unchanged == 3
    assert User.objects.count() == 4


def test_a_step_that_is_over_lets_others_work(upload, monkeypatch):
    one = upload(many())
    monkeypatch.setattr(steps, "SECONDS", 0)
    turns = 0
    while steps.work(one.pk, lambda: True):
        turns += 1
    assert turns >= 1
    assert one.parts.count() == 3


def test_staff_are_changed_by_superusers_only(upload, staff, django_user_model):
    django_user_model.objects.create_user("colleague", email="c@example.com", is_staff=True)
    one = upload("email,mobile\nc@example.com,13800138000\nreception@example.com,13800138001\n")
    for state in ("reading", "judging", "importing"):
        go(one, state)
    assert [words for _row, _place, words in one.parts.get().problems] == [
        "This is an account of staff. Only superusers change it."
    ]
    assert User.objects.get(username="colleague").mobile is None
    staff.refresh_from_db()
    assert str(staff.mobile) == "+8613800138001"


def test_emails_in_the_column_of_groups_make_no_group_of_each(upload, monkeypatch):
    monkeypatch.setattr(steps, "MOST_NEW_GROUPS", 2)
    groups.make("There")
    one = upload("email,groups\na@example.com,There;1;2\nb@example.com,3\n")
    for state in ("reading", "judging"):
        go(one, state)
    assert [each[:2] for each in one.parts.get().problems] == [[3, 1]]
    assert Group.objects.count() == 1


def test_cells_that_a_spreadsheet_changed_are_told(upload):
    one = upload("mobile,name\n447400123456,A\n13800138000,#N/A\n1.38E+10,B\n2026-05-01,C\n")
    for state in ("reading", "judging"):
        go(one, state)
    told = [(row, place, words.split(".")[0]) for row, place, words in one.parts.get().problems]
    assert told == [
        (2, 0, "If this begins with a country's code, write + before it"),
        (3, 1, "This is an error of the spreadsheet"),
        (4, 0, "A spreadsheet has changed this number"),
        (5, 0, "This is not a complete mobile number"),
    ]


def test_a_lost_job_is_rung_for_and_a_day_later_the_file_is_gone(upload):
    one = upload(many(1), active_at=timezone.now() - timedelta(seconds=20))
    rung = [args for job, args in recovery.run(jobs.bells()) if job is jobs.take_upload]
    assert rung == [(one.pk,)]
    go(one, "reading")
    assert not [1 for job, _args in recovery.run(jobs.bells()) if job is jobs.take_upload]
    retention.run()
    assert Part.objects.exists()
    Upload.objects.update(made_at=timezone.now() - timedelta(hours=25))
    retention.run()
    assert not Part.objects.exists()


def test_headings_are_guessed_in_two_languages():
    names = ["E-Mail", "Mobile Number", "姓名", "手机号码(必填)", "部门", "Room No", "用户名", ""]
    assert columns.guessed(names, ["room no"]) == [
        "email", "mobile", "name", "", "groups", "attribute:room no", "username", ""
    ]  # fmt: skip
