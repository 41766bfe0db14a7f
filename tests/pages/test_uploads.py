"""People from a file, by the page: dropped, its columns said, checked, added."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from notices import rights
from signup import groups, rates
from signup.models import Headings, Membership, Upload, User
from tests.support.workbooks import workbook
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)

BY = "姓名,联系电话（手机）,邮箱,楼栋,备注\n"
ROWS = '王小明,138 0013 8000,,B,"a\nb"\nAnn,1.38E+10,ann@,B,\n,,,B,\nBob,,bob@example.com,C,x\n'


@pytest.fixture
def send(client, staff, redis):
    client.force_login(staff)

    def send(data, name="people.csv", **fields):
        file = SimpleUploadedFile(name, data if isinstance(data, bytes) else data.encode())
        return client.post("/uploads/", {"file": file, **fields})

    return send


def people():
    found = User.objects.exclude(username="reception").order_by("pk")
    return [(each.name, str(each.mobile or ""), each.email, each.attributes) for each in found]


def test_good_rows_are_added_bad_ones_are_mended_and_sent_again(send, client, burst):
    groups.make_attribute("楼栋")
    page = send(BY + ROWS, group="Building B")["Location"]
    assert "being read" in client.get(page).text.lower()
    burst("default")
    assert Upload.objects.get().data is None
    text = client.get(page).text
    assert "王小明 · Ann" in text
    mapping = ["name", "mobile", "email", "attribute:楼栋", ""]
    assert Upload.objects.get().mapping == mapping
    chosen = {f"column-{place}": value for place, value in enumerate(mapping)}
    client.post(f"{page}act/", {"step": "judge", **chosen})
    burst("default")
    text = client.get(page).text
    cells = 'class="number">3</td><td data-label="Column">联系电话（手机）</td>'
    for words in ("Add 2 good rows", cells, "A spreadsheet has changed this number",
                  "Fill in a username"):  # fmt: skip
        assert words in text
    assert people() == []
    for _ in range(2):
        client.post(f"{page}act/", {"step": "add"})
        burst("default")
    added = [("王小明", "+8613800138000", "", {"楼栋": "B"}),
             ("Bob", "", "bob@example.com", {"楼栋": "C"})]  # fmt: skip
    assert people() == added
    assert Membership.objects.filter(group__name="Building B").count() == 2
    assert User.objects.get(name="Bob").changes.get().by.username == "reception"
    bad = b"".join(client.get(f"{page}bad.csv").streaming_content).decode()
    assert bad.count("\r\n") == 3
    assert "联系电话（手机）: A spreadsheet has changed" in bad
    again = send(bad.replace("1.38E+10,ann@", "+447400123456,ann@example.com"))["Location"]
    burst("default")
    assert "What to fix" in client.get(again).text
    client.post(f"{again}act/", {"step": "judge", **chosen})
    burst("default")
    client.post(f"{again}act/", {"step": "add"})
    burst("default")
    assert people() == [*added, ("Ann", "+447400123456", "ann@example.com", {"楼栋": "B"})]


def test_what_columns_were_said_to_mean_is_remembered(send, client, burst):
    for number in range(2):
        page = send("x,y\nwang@example.com,王\n")["Location"]
        burst("default")
        if number == 0:
            assert Upload.objects.get().mapping == ["", ""]
            answer = client.post(f"{page}act/", {"step": "judge", "column-1": "name"})
            assert answer.status_code == 400
            assert "Choose a column with usernames" in answer.text
            same = {"column-0": "email", "column-1": "email"}
            assert "mean the same" in client.post(f"{page}act/", {"step": "judge", **same}).text
            same["column-1"] = "name"
            client.post(f"{page}act/", {"step": "judge", **same})
    assert Upload.objects.latest("pk").mapping == ["email", "name"]
    assert len(Headings.objects.get().digest) == 64


def test_a_workbook_is_read_and_one_that_cannot_be_is_told(send, client, burst):
    page = send(workbook(["Email", "name"], ["a@example.com", "王"]), "a.csv")["Location"]
    burst("default")
    assert Upload.objects.get(state="mapping").mapping == ["email", "name"]
    for data in (b"PK\x03\x04", b"\0\1\2\3" * 100, "name\n", " \n"):
        page = send(data)["Location"]
        burst("default")
        assert 'class="flash error"' in client.get(page).text
    assert Upload.objects.filter(state="broken", data=None).count() == 4


def test_a_file_comes_in_at_that_door_only_and_by_who_may(staff, visitor):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = token = "x" * 32

    def send(path="/uploads/", **more):
        file = SimpleUploadedFile("a.csv", b"name\nx\n")
        return client.post(path, {"file": file, **more}).status_code

    for who in (None, visitor, with_rights(staff, rights.PEOPLE)):
        if who:
            client.force_login(who)
        assert send(csrfmiddlewaretoken=token) == 400
    client.force_login(with_rights(staff, rights.PEOPLE, rights.ADDRESSES))
    assert send("/groups/act/", csrfmiddlewaretoken=token) == 400
    assert send() == 403
    assert not Upload.objects.exists()
    assert send(csrfmiddlewaretoken=token) == 302
    with_rights(staff, rights.PEOPLE)
    for path in ("", "state/", "bad.csv"):
        assert client.get(f"/uploads/{Upload.objects.get().pk}/{path}").status_code == 403


def test_bad_requests_are_told(send, client, settings):
    assert "Choose a file" in client.post("/uploads/").text
    assert send("").status_code == 400
    assert send("name\nx\n", group="a\x00").status_code == 400
    assert client.post("/uploads/1/act/", {"step": "judge"}).status_code == 404
    page = send("name\nx\n")["Location"]
    assert client.post(f"{page}act/", {"step": "nonsense"}).status_code == 400
    assert send(b"x" * (10 * 1024 * 1024 + 1)).status_code == 413
    assert client.post(f"{page}act/", {"step": "remove"}).status_code == 302
    assert not Upload.objects.exists()
    for _ in range(int(rates.UPLOAD.partition("/")[0]) - 1):
        send("name\nx\n")
    refused = send("name\nx\n")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 60
