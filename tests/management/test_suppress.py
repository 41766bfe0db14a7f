"""manage.py suppress: a provider's own list of opt-outs, read as every list is."""

import io

import pytest
from django.core.management import CommandError, call_command

from notices.models import Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(tmp_path):
    def run(text, channel):
        path, out, err = tmp_path / "list.txt", io.StringIO(), io.StringIO()
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            call_command("suppress", str(path), "--channel", channel, stdout=out, stderr=err)
        except CommandError as problem:
            err.write(f"{problem}\n")
        return out.getvalue(), err.getvalue()

    return run


def listed():
    return set(Suppression.objects.values_list("channel", "address", "kind"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_addresses_are_listed_in_their_one_form_and_once(run, encoding):
    text = "Info@BÜCHER.example\ninfo@xn--bcher-kva.example\n\u200bmailto:wang@example.com\n"
    assert run(text.encode(encoding), "email") == ("2 are new on the list.\n", "")
    assert run(text, "email") == ("0 are new on the list.\n", "")
    assert listed() == {
        ("email", "info@bücher.example", "unsubscribed"),
        ("email", "wang@example.com", "unsubscribed"),
    }


def test_numbers_are_listed_in_their_one_form_and_what_is_none_is_told(run):
    out, err = run("\u202d0086 139-0000-0002\u202c\n13900000031;13900000032\n1.38E+10\n", "sms")
    assert out == "1 are new on the list.\n"
    assert err.startswith("2: 13900000031;13900000032: Write each address or number on a line")
    assert "3: 1.38E+10: A spreadsheet has changed this number." in err
    assert "2 lines were left out" in err
    assert listed() == {("sms", "+8613900000002", "stop")}


def test_a_list_of_many_mistakes_is_read_to_its_end(run):
    out, err = run("12345\n" * 1500 + "13900000002\n", "sms")
    assert out == "1 are new on the list.\n"
    assert "1500 lines were left out" in err


def test_a_file_in_another_encoding_is_refused(run):
    assert "is not UTF-8 text" in run("王小明 <wang@example.com>".encode("gb18030"), "email")[1]
    assert listed() == set()
