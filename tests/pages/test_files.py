"""A file with people as the audience of one notice: dropped on its form, checked, told."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from notices import rights
from notices.delivery import expand, retention
from notices.models import Delivery, Notice, Suppression
from signup.models import Upload, User
from signup.uploads import steps
from signup.uploads.recipients import rows
from tests.support.workbooks import workbook
from tests.support.world import notice, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

LIST = (
    "姓名,Mobile,E-Mail,Room No.,Due\n"
    "王小明,138 0013 8000,,12,<b>5</b>\n"
    ",1.38E+10,,3,1\n"
    "Ann,,ann@example.com,13,6\n"
    "Ann,,Ann@Example.com,13,6\n"
    "Bob,+86 138-0013-8000,bob@example.com,14,7\n"
    ",,,15,8\n"
)
WORDS = {
    "subject": "Rent of ((Room No.))",
    "text": "Dear ((name)),\n\n[pay](https://e.com/?r=((room no.))) ((due))",
}
PLAIN = {"subject": "x", "text": "x", "channels": ["email"], "audience": "upload"}


@pytest.fixture
def drop(client, staff, redis, burst):
    client.force_login(staff)

    def drop(data=LIST, **fields):
        file = SimpleUploadedFile("rent.csv", data if isinstance(data, bytes) else data.encode())
        written = WORDS | {"channels": ["email", "sms"]} | fields
        answer = client.post("/notices/new/file/", written | {"dropped": file})
        burst("default")
        return answer

    return drop


@pytest.fixture
def judged(drop, client, burst):
    def judged(data=LIST, **mapping):
        drop(data)
        upload = Upload.objects.latest("pk")
        chosen = {f"column-{place}": each for place, each in enumerate(upload.mapping)}
        page = f"/uploads/{upload.pk}/"
        assert client.post(f"{page}act/", {"step": "judge", **chosen, **mapping}).status_code == 302
        burst("default")
        upload.refresh_from_db()
        return upload

    return judged


def post(client, **facts):
    return client.post("/notices/new/", json.dumps(facts), content_type="application/json")


def told(pk):
    found = Delivery.objects.filter(notice=pk).order_by("pk")
    return [(each.address, each.name, each.state, each.values) for each in found]


def test_a_dropped_file_is_checked_kept_by_the_draft_and_told(drop, judged, client, burst):
    upload = judged()
    draft = Notice.objects.get()
    assert (draft.state, draft.upload, draft.text) == ("draft", upload, WORDS["text"])
    assert upload.mapping == ["name", "mobile", "email", "value", "value"]
    text = client.get(f"/uploads/{upload.pk}/").text
    for words in (
        "A spreadsheet has changed this number", "Fill in a mobile number or an email.",
        "2 rows repeat an address that stands above them: 5, 6.", "<code>((room no.))</code>",
        "Write to the 3 good rows", f'href="/notices/new/?draft={draft.pk}"',
    ):  # fmt: skip
        assert words in text
    form = client.get(f"/notices/new/?draft={draft.pk}&key=x").text
    assert f'<option value="{upload.pk}" selected>rent.csv</option>' in form
    sent = WORDS | {"channels": ["email", "sms"], "audience": "upload", "upload": upload.pk}
    sent |= {"draft": draft.pk, "version": draft.draft_version}
    shown = client.post("/notices/new/", sent | {"preview": "1"}).text
    assert "As 王小明 would get it" in shown
    assert "(https://e.com/?r=13)" in shown
    assert "Rent of 13" in shown
    page = client.post("/notices/new/", sent)["Location"]
    Notice.objects.update(start_at=timezone.now())
    expand.start(draft.pk)
    due = [{"Room No.": room, "room no.": room, "due": rent}
           for room, rent in (("12", "<b>5</b>"), ("13", "6"), ("14", "7"))]  # fmt: skip
    assert told(draft.pk) == [
        ("+8613800138000", "王小明", "queued", due[0]),
        ("ann@example.com", "Ann", "queued", due[1]),
        ("bob@example.com", "Bob", "queued", due[2]),
    ]
    assert "The people in a file: rent.csv" in client.get(page).text


def test_what_a_placeholder_lacks_is_told_by_row_before_anything_is_sent(judged, client):
    upload = judged("email,room\nann@example.com,1\nbob@example.com, \n")
    sent = {"channels": ["email"], "audience": "upload", "upload": upload.pk, "subject": "Hello"}
    for text, words in (
        ("((groups)) ((room))", "no placeholder ((groups)). You can use: ((name)), ((room))."),
        ("((Room))", "Row 3 has nothing for ((Room)). Fill in that cell."),
    ):
        answer = post(client, **sent, text=text)
        assert answer.status_code == 400
        assert words in str(answer.json()["errors"])
    by_sms = post(client, **sent | {"channels": ["sms"]}, text="x").json()["errors"]
    assert "Nobody in this file has an address" in by_sms["upload"][0]
    repeat = post(client, **sent, text="x", when="repeat", every="day", time="09:00")
    assert "A file is for one notice" in str(repeat.json()["errors"]["when"])
    assert not Notice.objects.exclude(state="draft").exists()
    assert post(client, **sent, text="x").status_code == 200


def test_a_known_person_is_told_as_they_wish_whichever_address_the_file_has(
    judged, client, visitor
):
    visitor.wants_email = False
    visitor.save()
    by_stop = User.objects.create(
        username="by_stop", email="s@example.com", mobile="+8613900000009"
    )
    Suppression.objects.create(channel="sms", address=str(by_stop.mobile), kind="stop")
    upload = judged(
        f"email,mobile\nother@example.com,{visitor.mobile}\ns@example.com,13900000008\n"
    )
    new = notice(None, channels=["email", "sms"], text="x", audience="upload", upload=upload)
    new.save()
    expand.start(new.pk)
    found = Delivery.objects.filter(notice=new).values_list("address", "state", "user")
    assert sorted(found) == [
        (str(visitor.mobile), "queued", visitor.pk),
        ("+8613900000008", "suppressed", None),
        ("other@example.com", "suppressed", None),
        ("s@example.com", "queued", by_stop.pk),
    ]


def test_after_a_kill_both_go_on_where_they_were_and_tell_nobody_twice(drop, monkeypatch):
    monkeypatch.setattr("signup.uploads.steps.PART", 2)
    drop("email,n\n" + "".join(f"p{n % 5}@example.com,{n}\n" for n in range(9)))
    Upload.objects.update(state="judging")
    upload = Upload.objects.get()
    while steps.step(upload.pk):
        pass  # each by another worker
    upload.refresh_from_db()
    assert [len(rows(part)) for part in upload.parts.order_by("number")] == [2, 2, 1, 0, 0]
    new = notice(None, text="((n))", audience="upload", upload=upload)
    new.save()
    assert expand.start(new.pk) == ["email"]
    assert [each[3]["n"] for each in told(new.pk)] == list("01234")
    Delivery.objects.filter(address__gt="p1").delete()
    Notice.objects.update(state="preparing", prepared_upto=0)
    expand.start(new.pk)
    assert [each[3]["n"] for each in told(new.pk)] == list("01234")


def test_by_json_the_rows_come_with_the_notice_or_nothing_is_sent(client, staff, redis):
    client.force_login(staff)
    facts = {"subject": "x", "text": "((room))", "channels": ["email"], "audience": "upload"}
    bad = post(client, **facts, rows="email,room\nann@,1\n")
    assert bad.status_code == 400
    assert bad.json()["errors"]["rows"][0].startswith("Row 2, email: This is not a valid email.")
    assert not Upload.objects.exists()
    for _again in range(2):
        header = {"Idempotency-Key": "a"}
        body = json.dumps({**facts, "rows": "email,room\na@e.com,1\n"})
        good = client.post("/notices/new/", body, "application/json", headers=header)
        assert good.status_code == 200, good.json()
    assert Notice.objects.get().upload == Upload.objects.get()


def test_a_file_stays_while_somebody_is_to_be_told_and_goes_then(judged, client):
    upload = judged()
    sent = WORDS | {"channels": "email", "audience": "upload", "upload": upload.pk}
    page = client.post("/notices/new/", sent)["Location"]
    Notice.objects.filter(state="draft").delete()
    for step in ("remove", "judge"):
        chosen = {f"column-{place}": each for place, each in enumerate(upload.mapping)}
        refused = client.post(f"/uploads/{upload.pk}/act/", {"step": step, **chosen})
        assert "is for the people in this file" in refused.text
    Upload.objects.update(made_at=timezone.now() - timedelta(days=2))
    retention.run()
    assert Upload.objects.exists()
    again = client.get(f"/notices/new/?again={Notice.objects.get().pk}&key=x").text
    assert "rent.csv, is still there" in again
    Notice.objects.update(state="finished")
    retention.run()
    assert not Upload.objects.exists()
    assert (
        "is not there any more"
        in client.get(f"/notices/new/?again={page.split('/')[2]}&key=x").text
    )


def test_who_dropped_a_file_sees_it_and_others_need_to_see_addresses(judged, client, staff):
    upload = judged(workbook(["email", "n"], ["ann@example.com", 1]))
    with_rights(staff, rights.SEND)
    sent = PLAIN | {"upload": upload.pk}
    assert client.get(f"/uploads/{upload.pk}/").status_code == 200
    other = with_rights(User.objects.create(username="other", is_staff=True), rights.SEND)
    client.force_login(other)
    assert client.get(f"/uploads/{upload.pk}/").status_code == 403
    assert post(client, **sent).status_code == 403
    client.force_login(staff)
    assert post(client, **sent).status_code == 200


def test_what_is_no_file_is_told_and_what_was_written_stays(drop, client):
    refused = drop("")
    assert refused.status_code == 400
    assert "Choose a file that is not empty." in refused.text
    assert "Rent of ((Room No.))" in refused.text
    page = drop(b"\0\1\2\3" * 100)["Location"]
    assert 'class="flash error"' in client.get(page).text
    upload = Upload.objects.get()
    sent = PLAIN | {"upload": upload.pk}
    assert "is not checked yet" in post(client, **sent).json()["errors"]["upload"][0]
