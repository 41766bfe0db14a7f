"""manage.py import_users"""

import io
import json
import tracemalloc

import pytest
from django.core.management import CommandError, call_command

from signup import groups
from signup.batches import Batch
from signup.management.commands import import_users
from signup.models import Membership, User
from signup.people import read_person
from tests.support.workbooks import workbook

pytestmark = pytest.mark.django_db

HEAD = "username,email,mobile,language\n"


@pytest.fixture
def run(tmp_path):
    """Imports this text; what was told on stdout, what on stderr."""

    def run(text, head=HEAD, *options):
        path, out, err = tmp_path / "people.csv", io.StringIO(), io.StringIO()
        path.write_bytes((head + text).encode() if isinstance(text, str) else head.encode() + text)
        try:
            call_command("import_users", str(path), *options, stdout=out, stderr=err)
        except CommandError as problem:
            err.write(f"{problem}\n")
        return out.getvalue(), err.getvalue()

    return run


def people():
    return {
        user.username: (user.email, str(user.mobile or ""), user.language)
        for user in User.objects.all()
    }


def test_people_are_made_without_a_password(run):
    out, err = run("lin_mei,Lin@Example.com,138 0013 8000,zh-hans\nandre,a@example.com,,\n")
    assert err == ""
    assert "2 created" in out
    assert people() == {
        "lin_mei": ("lin@example.com", "+8613800138000", "zh-hans"),
        "andre": ("a@example.com", "", "en"),
    }
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_the_same_file_twice_changes_nothing(run):
    rows = "lin_mei,lin@example.com,13800138000,zh\nandre,,+447400123456,en\n"
    run(rows)
    before = list(User.objects.order_by("pk").values())
    out, err = run(rows)
    assert (out, err) == ("0 created, 0 updated, 2 unchanged.\n", "")
    assert list(User.objects.order_by("pk").values()) == before


def test_a_known_username_is_updated_where_cells_are_filled(run, visitor):
    out, _err = run("guest_wang,,+447400123456,\n")
    assert "1 updated" in out
    assert people() == {"guest_wang": ("wang@example.com", "+447400123456", "en")}
    visitor.refresh_from_db()
    assert visitor.check_password("let me in please")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("four,,,", "Use 5 to 20 letters"),
        (",,,zh", "Fill in a username, a mobile number or an email."),
        ("has space,,,", "Use 5 to 20 letters"),
        ("good_name,not an address,,", "valid email"),
        ("good_name,,12,", "Enter a mobile number"),
        ("good_name,,１３８００１３８０００,", "ordinary digits 0-9"),
        ("good_name,,010 6552 9988,", "cannot receive SMS"),
        ("good_name,,1.38E+10,", "A spreadsheet has changed this number"),
        ("good_name,,13800138000.0,", "A spreadsheet has changed this number"),
        ('good_name,,"13800138000;13800138001",', "Enter a mobile number: digits"),
        ('good_name,"""n24""@example.com",,', "Enter an email address such as"),
        ("Guest_Wang,,,", "another user has this username already"),
        ("guеst_wang,,,", "another user has this username already"),  # a Cyrillic letter
        ("13800138000,,,", "could be a phone number"),
        ("good_name,mailto:Wang@Example.com,,", "another user has this email already"),
        ('"good_name,a@example.com,,', "opens a quote and does not close it"),
        ("good_name,,,klingon", "language 'klingon' is not one of en, zh-hans"),
        ("good_name,wang@example.com,,", "another user has this email already"),
        ("good_name,,13900000002,", "another user has this mobile already"),
        ("good_name,,", "has 3 cells, not 4"),
        ("good_name,,,,", "has 5 cells, not 4"),
        ("good\0name,,,", "Use 5 to 20 letters"),
        (b"good_name,\xff\xfe@example.com,,", "email is not in UTF-8"),
        ("good_name," + "x" * 200_000 + ",,", "cannot be read: field larger"),
    ],
)
def test_a_bad_row_is_told_and_the_good_ones_kept(run, visitor, row, reason):
    row = row if isinstance(row, bytes) else row.encode()
    out, err = run(b"first_one,,,\n" + row + b"\nlast_one,,,\n")
    assert "2 created" in out
    assert err.startswith("row 3: ")
    assert reason in err.splitlines()[0]
    assert err.splitlines()[1] == "1 left out, see above."
    assert set(people()) == {"guest_wang", "first_one", "last_one"}


def test_a_name_as_nobody_may_choose_it_any_more_is_still_updated(run, visitor):
    User.objects.filter(pk=visitor.pk).update(username="13800138009", name_key="13800138009")
    assert run("13800138009,new@example.com,,\n") == ("0 created, 1 updated, 0 unchanged.\n", "")


def test_a_name_that_looked_like_anothers_before_is_still_updated(run, visitor):
    twin = User.objects.create_user("twin_guest")
    User.objects.filter(pk=twin.pk).update(username="GUEST_WANG", name_key=f"guest_wang:{twin.pk}")
    assert run("GUEST_WANG,new@example.com,,\n") == ("0 created, 1 updated, 0 unchanged.\n", "")
    assert people()["GUEST_WANG"][0] == "new@example.com"
    assert people()["guest_wang"][0] == "wang@example.com"


def test_rows_are_read_however_people_write_them(run):
    out, err = run(
        "\u200blin_mei\xa0,\u200bLin@xn--bcher-kva.example,\u202d138-0013-8000\u202c,\n"
        "andre,,'0086 13800138001,\n"
    )
    assert (out, err) == ("2 created, 0 updated, 0 unchanged.\n", "")
    assert people() == {
        "lin_mei": ("lin@bücher.example", "+8613800138000", "en"),
        "andre": ("", "+8613800138001", "en"),
    }


def test_rows_behind_an_open_quote_are_kept(run):
    rows = "".join(f"person_{n},p{n}@example.com,,en\n" for n in range(58))
    out, err = run('first_one,"first@example.com,,en\n' + rows)
    assert out == "58 created, 0 updated, 0 unchanged.\n"
    assert err == "row 2: opens a quote and does not close it.\n1 left out, see above.\n"


def test_a_column_that_is_there_twice_is_refused_before_anybody_changes(run, visitor):
    head = "username,email,mobile,language,mobile\n"
    _out, err = run("guest_wang,,13900000011,,13900000012\n", head=head)
    assert "The first row names mobile twice." in err
    visitor.refresh_from_db()
    assert str(visitor.mobile) == "+8613900000002"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_of_excel_is_read(tmp_path, encoding):
    path, out = tmp_path / "people.txt", io.StringIO()
    text = "username\temail\tmobile\tlanguage\r\n王小明王小明\t\t13800138000\tzh\r\n"
    path.write_bytes(text.encode(encoding))
    call_command("import_users", str(path), stdout=out)
    assert "1 created" in out.getvalue()
    assert people() == {"王小明王小明": ("", "+8613800138000", "zh-hans")}


def test_a_workbook_is_read_as_a_csv_file_is_and_the_counts_are_json(tmp_path):
    path, out = tmp_path / "people.xlsx", io.StringIO()
    path.write_bytes(workbook(["username", "email", "mobile", "language"],
                              ["andre", "a@example.com", 13800138000, "zh"]))  # fmt: skip
    call_command("import_users", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "created": 1, "updated": 0, "unchanged": 0, "bad": 0, "problems": []
    }  # fmt: skip
    assert people() == {"andre": ("a@example.com", "+8613800138000", "zh-hans")}
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CommandError, match="This workbook cannot be read"):
        call_command("import_users", str(path))


def test_as_json_a_bad_row_is_told_with_its_column(tmp_path):
    path, out = tmp_path / "people.csv", io.StringIO()
    path.write_text(HEAD + "good_name,nobody,12,\n")
    with pytest.raises(SystemExit) as ended:
        call_command("import_users", str(path), "--json", stdout=out)
    assert ended.value.code == 1
    problems = json.loads(out.getvalue())["problems"]
    assert [(each["row"], each["column"]) for each in problems] == [(2, "email"), (2, "mobile")]
    assert "valid email" in problems[0]["problem"]


def test_a_row_that_repeats_an_email_or_mobile_is_told(run):
    out, err = run("first_one,a@example.com,13800138000,\nsecond_one,A@example.com,13800138000,\n")
    assert "1 created" in out
    assert "row 3: another user has this email and mobile already." in err


def test_a_later_row_of_the_same_username_is_an_update(run):
    out, _err = run("first_one,a@example.com,,\nfirst_one,b@example.com,,\n")
    assert "1 created, 1 updated" in out
    assert people()["first_one"][0] == "b@example.com"


def test_a_mark_at_the_start_columns_in_any_order_and_empty_rows_are_fine(run):
    out, err = run("en,lin_mei,,\n\n,,,\n", head="\ufeffLanguage, username ,mobile,email\r\n")
    assert err == ""
    assert "1 created" in out


def test_a_missing_column_is_named(run):
    _out, err = run("lin_mei\n", head="username,email\n")
    assert "does not name mobile, language" in err
    assert not people()


def test_an_empty_file_and_a_missing_one_are_told(run, tmp_path):
    assert "does not name username" in run("", head="")[1]
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_users", str(tmp_path / "nowhere.csv"))
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        call_command("import_users", str(tmp_path))


def test_who_registers_at_this_moment_costs_one_row_only(monkeypatch):
    batch = Batch()
    for number, name in enumerate(["first_one", "second_one"], 2):
        cells = {"username": name, "email": f"{name}@example.com", "mobile": "", "language": ""}
        batch.add(read_person(number, cells))
    saving = batch.plan

    def plan():
        yield from list(saving())
        User.objects.create_user("quick_one", "first_one@example.com")

    monkeypatch.setattr(batch, "plan", plan)
    first, second = batch.save()
    assert "taken a moment ago" in str(first[1])
    assert second[1] == "created"


def test_the_same_file_twice_at_this_moment_is_no_mistake(monkeypatch):
    cells = {"username": "first_one", "email": "first@example.com", "mobile": "", "language": ""}
    batch = Batch()
    batch.add(read_person(2, cells))
    saving = batch.plan

    def plan():
        yield from list(saving())
        monkeypatch.setattr(batch, "plan", saving)
        assert [outcome for _, outcome in batch.save()] == ["created"]

    monkeypatch.setattr(batch, "plan", plan)
    assert [outcome for _, outcome in batch.save()] == ["unchanged"]
    assert User.objects.count() == 1


def test_many_people_take_few_statements_and_little_memory(run, django_assert_max_num_queries):
    rows = "".join(f"person_{n},p{n}@example.com,,\n" for n in range(5_000))
    tracemalloc.start()
    with django_assert_max_num_queries(200):
        out, err = run(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (out, err) == ("5000 created, 0 updated, 0 unchanged.\n", "")
    assert peak < 40 * 1024 * 1024


def test_the_help_says_what_becomes_of_known_people(capsys):
    with pytest.raises(SystemExit):
        call_command("import_users", "--help")
    assert "an empty cell leaves what is there" in capsys.readouterr().out
    assert import_users.BATCH <= 1000


def test_people_come_with_attributes_and_into_a_group(run, visitor, tmp_path):
    groups.make_attribute("building")
    head = "username,email,mobile,language,Building,other\n"
    assert run("guest_wang,,,,B,x\nnew_one,,,,C,y\nno,,,,,\n", head, "--group", "House B")[0]
    assert dict(User.objects.values_list("username", "attributes")) == {
        "guest_wang": {"building": "B"}, "new_one": {"building": "C"}
    }  # fmt: skip
    out, _err = run("guest_wang,,,,,x\nnew_one,,,,C,y\n", head, "--group", "house b")
    assert out == "0 created, 0 updated, 2 unchanged.\n"
    in_it = Membership.objects.filter(group__name="House B").values_list(
        "user__username", flat=True
    )
    assert set(in_it) == {"guest_wang", "new_one"}
    assert [each.fields for each in visitor.changes.all()] == [["attributes"]]
    assert "--group: Leave out characters" in run("", head, "--group", "a\x00")[1]
