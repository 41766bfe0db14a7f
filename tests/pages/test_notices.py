"""The staff's pages, as a browser without JavaScript uses them."""

import csv
import io
import re
from collections import Counter
from datetime import timedelta

import django_rq
import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from notices.audience import suppression
from notices.delivery import expand, finish, lifecycle, states
from notices.models import Delivery, Notice, Occurrence, State
from notices.pages import notices, progress
from notices.pages.notice_form import NoticeForm
from signup.models import User
from tests.support.world import repeated, sent_now, swept

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {
    "subject": "Lift out of order",
    "text": "Dear ((name)), the lift is **out of order**.",
    "channels": ["email"],
    "audience": "everyone",
    "addresses": "",
}


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


def post(client, **changes):
    return client.post(reverse("notice_new"), GOOD | changes)


PAGES = ["/notices/", "/notices/new/", "/notices/{pk}/", "/notices/{pk}/progress/",
         "/notices/{pk}.json", "/notices/{pk}.csv"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_visitor_is_asked_to_sign_in(client, staff, path):
    url = path.format(pk=sent_now(staff).pk)
    response = client.get(url)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={url}")


@pytest.mark.parametrize("path", PAGES)
def test_user_who_is_not_staff_is_told_so(client, staff, visitor, path):
    client.force_login(visitor)
    assert client.get(path.format(pk=sent_now(staff).pk)).status_code == 403


def test_user_who_is_not_staff_can_neither_send_nor_cancel(client, staff, visitor):
    client.force_login(visitor)
    sent_now(staff)
    assert post(client).status_code == 403
    assert client.post(reverse("notice_cancel", args=[Notice.objects.get().pk])).status_code == 403
    assert Notice.objects.get().state == Notice.State.WAITING


def test_sending_without_the_csrf_token_is_refused(staff):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert post(client).status_code == 403
    assert not Notice.objects.exists()


def test_empty_list_says_what_notices_are_for(page):
    assert "No notice has been written yet." in page.get("/notices/").text


@pytest.mark.parametrize("path", ["/notices/7/", "/notices/7.json", "/notices/99999999999999999/"])
def test_notice_that_does_not_exist_is_not_found(page, path):
    assert page.get(path).status_code == 404


def test_sent_notice_waits_ten_seconds_and_can_be_undone(page, staff):
    response = post(page)
    new = Notice.objects.get()
    assert response["Location"] == f"/notices/{new.pk}/"
    assert new.author == staff
    assert new.state == Notice.State.WAITING
    assert timedelta(seconds=8) < new.start_at - timezone.now() <= timedelta(seconds=10)
    shown = page.get(response["Location"]).text
    assert "Undo" in shown
    assert "starts in" in shown
    response = page.post(f"/notices/{new.pk}/cancel/", follow=True)
    assert "Undone. Nothing was sent." in response.text
    assert Notice.objects.get().state == Notice.State.CANCELLED


def test_preview_shows_both_channels_and_sends_nothing(page, visitor):
    User.objects.create(username="no_mobile", email="no@example.com")
    response = post(page, channels=["email", "sms"], preview="1")
    assert response.status_code == 200
    assert "the lift is &lt;strong&gt;out of order&lt;/strong&gt;." in response.text
    assert "Dear reception, the lift is out of order." in response.text
    assert "3 recipients" in response.text
    assert "2 recipients" in response.text
    assert "1 person has no such address or does not want it" in response.text
    assert "1 SMS each" in response.text
    assert not Notice.objects.exists()


def test_preview_counts_the_pasted_addresses(page):
    response = post(
        page, audience="addresses", addresses="a@example.com\nb@example.com", preview="1"
    )
    assert "2 recipients" in response.text


def test_preview_of_a_pasted_list_tells_who_gets_nothing_and_what_stands_twice(page, visitor):
    suppression.add("email", "b@example.com", "bounced")
    User.objects.create(username="unwilling", email="c@example.com", wants_email=False)
    pasted = "a@example.com\nb@example.com\nA@example.com\nc@example.com\n" + visitor.email
    shown = post(page, audience="addresses", addresses=pasted, preview="1").text
    assert "2 recipients" in shown
    assert "2 people have no such address or do not want it" in shown
    assert "1 line repeats an address that stands above it." in shown


@pytest.mark.parametrize(
    ("pasted", "name", "greeting"),
    [
        ("Bo <bo@example.com>\nLi <li@example.com>", "Bo", "Dear Bo,"),
        ("bo@example.com", "bo@example.com", "Hello,"),
        ("wang@example.com", "guest_wang", "Dear guest_wang,"),
    ],
)
def test_preview_of_a_pasted_list_is_what_its_first_person_gets(
    page, visitor, pasted, name, greeting
):
    shown = post(page, audience="addresses", addresses=pasted, preview="1").text
    assert f"{greeting} the lift" in shown
    assert f"As {name} would get it" in shown


def test_preview_for_everyone_says_that_it_is_yours(page):
    assert "As you, reception, would get it" in post(page, preview="1").text


def test_nobody_is_preselected(page):
    assert page.get("/notices/new/", follow=True).context["form"]["audience"].value() is None


@pytest.mark.parametrize("by", [post, lambda page, **more: post_json(page, GOOD | more)])
def test_list_beside_everyone_is_refused_and_kept(page, by):
    response = by(page, addresses="a@example.com")
    assert response.status_code == 400
    assert "Everyone is chosen above, and this list is not empty." in response.text
    assert not Notice.objects.exists()
    assert by(page, addresses=" \n ").status_code in (200, 302)


BAD = [
    ({"subject": ""}, "Write a subject."),
    ({"subject": "   "}, "Write a subject."),
    ({"subject": "x" * 151}, "at most 150 characters"),
    ({"subject": "a\nBcc: x@example.com"}, "A subject is one line."),
    ({"subject": "nul\x00"}, "Null characters are not allowed."),
    ({"subject": "Dear ((nmae))"}, "You can use: ((name)), ((groups))."),
    ({"text": ""}, "Write what people shall read."),
    ({"text": "x" * 20_001}, "at most 20000 characters"),
    ({"text": "((code))"}, "There is no placeholder ((code))."),
    ({"text": "bell \x07"}, "This holds control characters."),
    ({"text": "nul \x00"}, "Null characters are not allowed."),
    ({"text": "![](https://e.com/x.png)"}, "Nothing is left of this text"),
    ({"channels": []}, "Choose email, SMS or both."),
    ({"channels": ["fax"]}, "fax is not one of the available choices."),
    ({"audience": ""}, "Say whom this is for."),
    ({"audience": "nobody"}, "nobody is not one of the available choices."),
    ({"audience": "addresses"}, "Paste at least one address or number."),
    ({"audience": "addresses", "addresses": "nonsense"}, "1 line cannot be used."),
    ({"audience": "addresses", "addresses": "a@b.cn\nx\n\ny"}, "2 lines cannot be used."),
    ({"audience": "addresses", "addresses": "13900000011"}, "SMS is not chosen as a channel"),
    ({"audience": "addresses", "addresses": "a@b.cn\x00"}, "Null characters are not allowed."),
]


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_bad_notice_is_refused_with_a_sentence(page, change, sentence):
    response = post(page, **change)
    assert response.status_code == 400
    assert sentence in response.text
    assert "Nothing was sent." in response.text
    assert not Notice.objects.exists()


def test_what_was_typed_stays_when_it_is_refused(page):
    response = post(page, text="Dear ((name)), keep me", channels=[])
    assert "Dear ((name)), keep me" in response.text


def test_emoji_and_chinese_are_welcome(page):
    assert post(page, subject="🔔 通知", text="亲爱的 ((name)) 🔔").status_code == 302


def test_invalid_utf8_is_no_server_error(page):
    body = b"subject=%FF%FE&text=%C3%28&channels=email&audience=everyone"
    response = page.post("/notices/new/", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code < 500


def test_bad_lines_are_told_by_number(page):
    response = post(page, audience="addresses", addresses="a@example.com\n<b>oops</b>\n")
    assert re.search('<td [^>]*class="number">2</td>', response.text)
    assert "<b>oops</b>" not in response.text


@pytest.fixture
def mixed(staff, visitor, settings):
    """A notice of which one was sent, one refused, one is queued."""
    new = sent_now(staff, channels=["email", "sms"])
    expand.start(new.pk)
    Delivery.objects.filter(address="wang@example.com").update(state=State.SENT, tries=1)
    Delivery.objects.filter(address="+8613900000002").update(
        state=State.FAILED, reason="The number is not in service.", tries=1
    )
    return new


def test_notice_page_shows_counts_and_deliveries(page, mixed):
    shown = page.get(f"/notices/{mixed.pk}/").text
    assert "2 of 4 settled · 50 %" in " ".join(shown.split())
    assert "The number is not in service." in shown
    assert f'hx-get="/notices/{mixed.pk}/progress/?face=sending"' in shown
    assert '<meta http-equiv="refresh" content="3">' in shown


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        ("q=WANG", {"wang@example.com", "+8613900000002"}),
        ("q=13900000001", {"+8613900000001"}),
        ("q=%2B86+139+0000+0001", {"+8613900000001"}),
        ("q=139-0000-0001", {"+8613900000001"}),
        ("q=%2B86 (0)139 0000", {"+8613900000001", "+8613900000002"}),
        ("q=139 0000", {"+8613900000001", "+8613900000002"}),
        ("q=0086 13900000001", {"+8613900000001"}),
        ("q=%E2%80%AD13900000001%E2%80%AC", {"+8613900000001"}),
        ("q=tel:0139-00000001", {"+8613900000001"}),
        ("q=%EF%BC%91%EF%BC%93%EF%BC%99 0000 0001", {"+8613900000001"}),
        ("q=mailto:Wang@example.com", {"wang@example.com"}),
        ("state=failed", {"+8613900000002"}),
        ("channel=email&state=queued", {"reception@example.com"}),
        ("state=nonsense&page=77", {"wang@example.com", "+8613900000002", "+8613900000001",
                                    "reception@example.com"}),
        ("q=nobody", set()),
        ("q=%00", {"wang@example.com", "+8613900000002", "+8613900000001",
                   "reception@example.com"}),
    ],
)  # fmt: skip
def test_deliveries_can_be_searched(page, mixed, query, addresses):
    response = page.get(f"/notices/{mixed.pk}/?{query}")
    assert {delivery.address for delivery in response.context["page"]} == addresses


def test_progress_asks_for_a_whole_new_page_when_the_notice_has_ended(page, mixed):
    url = f"/notices/{mixed.pk}/progress/?face=sending"
    assert "HX-Refresh" not in page.get(url)
    Notice.objects.update(state=Notice.State.FINISHED, finished_at=timezone.now())
    assert page.get(url)["HX-Refresh"] == "true"
    assert "hx-get" not in page.get(f"/notices/{mixed.pk}/").text


def test_cancel_keeps_what_was_sent_and_says_how_much_was_not(page, mixed):
    response = page.post(f"/notices/{mixed.pk}/cancel/", follow=True)
    assert "Cancelled: 2 deliveries were not sent." in response.text
    assert sorted(Delivery.objects.values_list("state", flat=True)) == [
        "cancelled", "cancelled", "failed", "sent",
    ]  # fmt: skip
    response = page.post(f"/notices/{mixed.pk}/cancel/", follow=True)
    assert "nothing was left to cancel" in response.text


def test_notice_that_was_stopped_on_its_way_says_how_far_it_came(page, mixed, capsys):
    schedule = repeated()
    Occurrence.objects.create(
        schedule=schedule, planned_at=timezone.now(), state="started", notice=mixed
    )
    assert "stopped_after" not in page.get(f"/notices/{mixed.pk}.json").json()
    page.post(f"/notices/{mixed.pk}/cancel/")
    places = [mixed.get_absolute_url(), f"/notices/{mixed.pk}/progress/", "/notices/",
              "/notices/schedules/", schedule.get_absolute_url()]  # fmt: skip
    for path in places:
        shown = page.get(path).text
        assert "stopped after 2 of 4" in shown, path
        assert "4 of 4 settled" not in shown
    facts = page.get(f"/notices/{mixed.pk}.json").json()
    assert (facts["state"], facts["stopped_after"], facts["recipients"]) == ("cancelled", 2, 4)
    call_command("notice", "show", str(mixed.pk))
    assert "stopped after 2 of 4" in capsys.readouterr().out


def test_notice_of_which_nothing_left_is_cancelled(page, staff, visitor):
    new = sent_now(staff)
    expand.start(new.pk)
    page.post(f"/notices/{new.pk}/cancel/")
    assert "stopped after" not in page.get("/notices/").text
    assert "stopped_after" not in page.get(f"/notices/{new.pk}.json").json()


def test_sms_that_followed_an_email_says_why(page, mixed):
    because = "Because the email did not arrive."
    assert because not in page.get(f"/notices/{mixed.pk}/").text
    Notice.objects.update(escalated_at=timezone.now(), escalate_minutes=5)
    shown = page.get(f"/notices/{mixed.pk}/").text
    assert shown.count(because) == 2, "on each SMS, and on no email"
    assert "to those whom the email did not reach" in shown
    sms = Delivery.objects.filter(channel="sms", state=State.QUEUED)
    sms.update(state=State.CANCELLED, reason="The email arrived in the meantime.")
    assert page.get(f"/notices/{mixed.pk}/").text.count(because) == 1


def test_figures_of_nothing_bear_no_colour(page, mixed):
    shown = page.get(f"/notices/{mixed.pk}/").text
    assert '<div class="failed"><dt>failed</dt><dd>1</dd>' in shown
    Delivery.objects.filter(state=State.FAILED).delete()
    assert "<div><dt>failed</dt><dd>0</dd>" in page.get(f"/notices/{mixed.pk}/").text


def test_pause_and_go_on(page, mixed):
    shown = page.post(f"/notices/{mixed.pk}/pause/", follow=True).text
    assert "Paused. Nothing more of it goes out until it goes on." in shown
    assert f"/notices/{mixed.pk}/resume/" in shown
    mixed.refresh_from_db()
    assert mixed.state == Notice.State.PAUSED
    again = page.post(f"/notices/{mixed.pk}/pause/", follow=True).text
    assert "Paused. Nothing more" in again
    shown = page.post(f"/notices/{mixed.pk}/resume/", follow=True).text
    assert "It goes on where it stopped." in shown
    mixed.refresh_from_db()
    assert mixed.state == Notice.State.SENDING
    assert django_rq.get_queue("default").get_job_ids()


def test_a_notice_that_paused_itself_says_why(page, mixed):
    states.pause(mixed.pk, "The provider did not answer in time.")
    shown = page.get(f"/notices/{mixed.pk}/").text
    assert "of five messages in a row nobody knows whether they arrived" in shown
    assert "The provider did not answer in time." in shown


def test_what_does_not_go_out_is_not_paused(page, staff):
    waiting = sent_now(staff)
    assert "Nothing was paused" in page.post(f"/notices/{waiting.pk}/pause/", follow=True).text


def test_cancel_by_a_link_does_nothing(page, mixed):
    assert page.get(f"/notices/{mixed.pk}/cancel/").status_code == 405
    assert Notice.objects.get().state == Notice.State.SENDING


def test_json_has_the_handles_of_operators(page, mixed):
    facts = page.get(f"/notices/{mixed.pk}.json").json()
    assert set(facts) == {"id", "state", "recipients", "counts", "started_at", "finished_at"}
    assert facts["recipients"] == sum(facts["counts"].values()) == 4
    assert facts["counts"]["queued"] == 2


def test_csv_has_a_row_for_each_delivery(page, mixed):
    Delivery.objects.filter(address="wang@example.com").update(name="=cmd()")
    response = page.get(f"/notices/{mixed.pk}.csv")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert {(row["address"], row["state"]) for row in rows} == {
        ("reception@example.com", "queued"), ("wang@example.com", "sent"),
        ("+8613900000001", "queued"), ("+8613900000002", "failed"),
    }  # fmt: skip
    assert next(row for row in rows if row["state"] == "sent")["name"] == "'=cmd()"


def test_csv_is_whole_though_each_part_is_read_by_another_connection(page, staff, monkeypatch):
    """As a pooler of connections deals them out, to each transaction another one."""
    monkeypatch.setattr(notices, "PART", 2)
    lines = [f"guest{n}@example.com" for n in range(9)] + [f"1390000{n:04d}" for n in range(9)]
    pasted = "\n".join(lines)
    new = sent_now(staff, channels=["email", "sms"], pasted=pasted)
    expand.start(new.pk)
    whole = b""
    for part in page.get(f"/notices/{new.pk}.csv"):
        whole += part
        connection.close()
    assert whole.startswith(b"\xef\xbb\xbfchannel,address,name,")
    rows = list(csv.DictReader(io.StringIO(whole.decode("utf-8-sig"))))
    assert [row["channel"] for row in rows] == ["email"] * 9 + ["sms"] * 9
    assert len({row["address"] for row in rows}) == 18


def test_list_of_nothing_but_mistakes_is_not_read_to_its_end(page):
    """A hundred thousand would hold a thread for seconds."""
    lines = "\n".join(f"1390000{n}" for n in range(1500))
    form = NoticeForm(GOOD | {"channels": ["sms"], "audience": "addresses", "addresses": lines})
    assert not form.is_valid()
    assert len(form.pasted.problems) == 1001
    assert form.pasted.problems[-1][0] == 1001
    assert "nothing was read" in form.pasted.problems[-1][2]


def test_list_shows_every_notice_newest_first(page, staff):
    for number in range(3):
        sent_now(staff, subject=f"Notice {number}")
    shown = page.get("/notices/").text
    assert shown.index("Notice 2") < shown.index("Notice 1") < shown.index("Notice 0")


def test_admin_shows_notices_and_deliveries_for_looking_only(admin_client, mixed):
    for model in ("notice", "delivery"):
        assert admin_client.get(f"/admin/notices/{model}/").status_code == 200
        first = {"notice": mixed, "delivery": mixed.deliveries.first()}[model]
        assert admin_client.get(f"/admin/notices/{model}/{first.pk}/change/").status_code == 200
        assert admin_client.get(f"/admin/notices/{model}/add/").status_code == 403


def post_json(client, body):
    return client.post("/notices/new/", body, content_type="application/json")


def test_notice_can_be_sent_as_json(page, staff):
    response = post_json(page, GOOD)
    new = Notice.objects.get()
    facts = response.json()
    assert (facts["code"], facts["errmsg"], facts["notice"]["id"]) == (0, "ok", new.pk)
    assert (new.author, new.state, new.channels) == (staff, Notice.State.WAITING, ["email"])


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_bad_notice_as_json_is_refused_with_the_same_sentence(page, change, sentence):
    response = post_json(page, GOOD | change)
    facts = response.json()
    assert (response.status_code, facts["code"]) == (400, 400)
    assert sentence in str(facts["errors"])
    assert not Notice.objects.exists()


@pytest.mark.parametrize("field", ["subject", "text", "channels", "audience", "addresses"])
@pytest.mark.parametrize("value", [None, 7, 1e999, True, {"a": 1}, [], [7], [["email"]]])
def test_wrong_type_in_json_is_refused(page, field, value):
    response = post_json(page, GOOD | {"audience": "addresses"} | {field: value})
    assert response.status_code == 400
    assert response.json()["errors"][field]
    assert not Notice.objects.exists()


@pytest.mark.parametrize("field", ["subject", "text", "channels", "audience"])
def test_missing_field_in_json_is_refused(page, field):
    response = post_json(page, {name: text for name, text in GOOD.items() if name != field})
    assert response.status_code == 400
    assert response.json()["errors"][field]


@pytest.mark.parametrize("body", [b" ", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b"[" * 100_000])
def test_body_that_is_no_json_object_is_refused(page, body):
    response = post_json(page, body)
    assert response.status_code == 400
    assert "JSON" in response.json()["errmsg"]


def test_json_tells_bad_lines_by_number(page):
    response = post_json(page, GOOD | {"audience": "addresses", "addresses": "a@b.cn\noops"})
    assert response.json()["errors"]["addresses"][1].startswith("Line 2, oops: This is neither")


def test_json_of_somebody_who_may_not_is_refused_as_json(client, visitor):
    for _ in range(2):
        response = post_json(client, GOOD)
        assert (response.status_code, response.json()["code"]) == (403, 403)
        client.force_login(visitor)
    assert not Notice.objects.exists()


def test_page_tells_the_truth_while_redis_is_away(page, staff, monkeypatch):
    from redis import Redis

    from local import embedded

    nowhere = Redis(port=embedded.free_port(), socket_connect_timeout=1, retry=None)
    monkeypatch.setattr("queueing.enqueue.bell", lambda: nowhere)
    response = page.post("/notices/new/", GOOD, follow=True)
    assert "Accepted. The queue is away: it will go out when the queue is back." in response.text
    assert Notice.objects.get().state == Notice.State.WAITING


def test_cancel_of_very_many_leaves_the_rest_to_the_sweep(page, staff, monkeypatch):
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(9)
    )
    new = sent_now(staff)
    expand.start(new.pk)
    monkeypatch.setattr(finish, "CHUNK", 4)
    monkeypatch.setattr(lifecycle, "AT_ONCE_SECONDS", 0)
    if connection.vendor == "postgresql":  # so it plans when it knows the table ill
        for way in ("hashjoin", "mergejoin", "material", "hashagg", "sort"):
            connection.cursor().execute(f"SET LOCAL enable_{way} = off")
    response = page.post(f"/notices/{new.pk}/cancel/", follow=True)
    assert "Cancelled: 10 deliveries were not sent." in response.text
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 4
    swept()
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 10


def test_large_notice_is_not_counted_anew_for_every_reader(page, mixed, monkeypatch):
    monkeypatch.setattr(progress, "LARGE", 0)
    monkeypatch.setattr(progress, "SHARE", 1e-6)
    address = f"/notices/{mixed.pk}/progress/"
    assert "2 of 4 settled" in " ".join(page.get(address).text.split())
    Delivery.objects.filter(state=State.QUEUED).update(state=State.SENT)
    assert "2 of 4 settled" in " ".join(page.get(address).text.split())
    Notice.objects.filter(pk=mixed.pk).update(state=Notice.State.FINISHED)
    assert "4 of 4 settled" in " ".join(page.get(address).text.split())


def test_other_threads_may_count_other_large_notices_meanwhile(mixed, monkeypatch):
    """The web process has eight threads."""

    class Until(float):
        def __lt__(self, other):
            progress.tallies[-2] = progress.tallies[-1]
            return False

    monkeypatch.setattr(progress, "LARGE", 0)
    monkeypatch.setattr(progress, "tallies", {-1: progress.Tally(Counter(), "sent", Until())})
    assert progress.tally(mixed).total() == 4


def test_search_shows_no_more_than_the_first_that_fit(page, mixed, monkeypatch):
    monkeypatch.setattr(notices, "FOUND", 1)
    shown = page.get(f"/notices/{mixed.pk}/?q=wang").context["page"]
    assert [row.address for row in shown] == ["wang@example.com"]


@pytest.mark.parametrize(
    ("query", "number"),
    [("q=wang%40", 1), ("q={pk}", 4), ("q=nobody", 0), ("message=code", 0), ("message=notice", 4)],
)
def test_deliveries_are_found_in_the_admin(page, mixed, query, number):
    User.objects.filter(username="reception").update(is_superuser=True)
    found = page.get(f"/admin/notices/delivery/?{query.format(pk=mixed.pk)}")
    assert found.context["cl"].result_count == number
