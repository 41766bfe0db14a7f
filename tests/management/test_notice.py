"""manage.py notice, which goes through the same form and the same code as the page."""

import json
import os
import subprocess
import sys

import pytest
import time_machine
from django.core.management import CommandError, call_command

from notices.delivery import expand
from notices.models import Delivery, Notice, State
from tests.support.processes import ROOT
from tests.support.workbooks import workbook
from tests.support.world import database_url, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("Dear ((name)), the lift is **out of order**.")
    return str(path)


def send(text, *more, **options):
    call_command("notice", "send", "--subject", "Lift", "--text", text, *more, **options)


def test_send_prints_the_number_and_leaves_time_to_undo(text, staff, capsys):
    send(text, "--channel", "email", "--everyone")
    new = Notice.objects.get()
    assert capsys.readouterr().out == f"{new.pk}\n"
    assert new.state == Notice.State.WAITING
    call_command("notice", "cancel", str(new.pk))
    assert Notice.objects.get().state == Notice.State.CANCELLED


def test_send_names_its_author(text, staff, visitor):
    send(text, "--channel", "email", "--everyone", "--as", "reception", "--key", "k")
    assert Notice.objects.get().author == staff
    for other in ("", "guest_wang", "nobody"):
        with pytest.raises(CommandError, match=r"--as|--key"):
            send(text, "--channel", "email", "--everyone", "--as", other, "--key", "k")
    staff.is_active = False
    staff.save()
    with pytest.raises(CommandError, match="There is no member of staff with the username recep"):
        send(text, "--channel", "email", "--everyone", "--as", "reception")
    assert Notice.objects.count() == 1


def test_send_without_undo_goes_at_once(text, staff, texts, burst):
    send(text, "--channel", "sms", "--everyone", "--no-undo")
    burst()
    assert texts == [("+8613900000001", "Dear reception, the lift is out of order.")]


def test_send_to_the_people_in_a_file_all_of_them_or_nobody(tmp_path, staff, texts, burst, capsys):
    text, people = tmp_path / "text.md", tmp_path / "people.xlsx"
    text.write_text("((name)): ((room))")
    rows = [["Mobile", "Name", "Room"], ["13800138000", "Ann", 7], ["138-0013-8000", "Bob", 8]]
    people.write_bytes(workbook(*rows, ["1.38E+10", "Carl", 9]))
    sending = (str(text), "--channel", "sms", "--upload", str(people), "--no-undo", "--key", "k")
    with pytest.raises(CommandError, match="Row 4, Mobile: A spreadsheet has changed"):
        send(*sending)
    people.write_bytes(workbook(*rows))
    for _again in range(2):
        send(*sending)
    burst()
    assert texts == [("+8613800138000", "Ann: 7")]
    assert "Row 3 repeats an address" in capsys.readouterr().err
    assert Notice.objects.count() == 1


def test_send_to_addresses_from_a_file(text, tmp_path, staff, texts, burst):
    people = tmp_path / "people.txt"
    people.write_text("\ufeffBob <bob@example.com>\n13900000077\n")
    send(text, "--channel", "email", "--channel", "sms", "--addresses", str(people), "--no-undo")
    burst()
    assert set(Delivery.objects.values_list("address", "state")) == {
        ("bob@example.com", State.SENT), ("+8613900000077", State.SENT),
    }  # fmt: skip


def test_bad_lines_are_told_and_nothing_is_sent(text, tmp_path):
    people = tmp_path / "people.txt"
    people.write_text("bob@example.com\nnonsense\n")
    with pytest.raises(
        CommandError, match=r"Nothing was sent\.[\s\S]*Line 2, nonsense: This is ne"
    ):
        send(text, "--channel", "email", "--addresses", str(people))
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_file_that_cannot_be_read_is_told(tmp_path, content, sentence):
    path = tmp_path / "text.md"
    if content:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=sentence):
        send(str(path), "--channel", "email", "--everyone")


def wait(text, staff, burst):
    """Runs `notice send --wait` as a process while the queues are worked off here."""
    command = [sys.executable, "manage.py", "notice", "send", "--subject", "Lift", "--text", text,
               "--channel", "sms", "--everyone", "--no-undo", "--wait"]  # fmt: skip
    environment = os.environ | {"DATABASE_URL": database_url()}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while process.poll() is None:
            burst()
        return process.returncode, *process.communicate(timeout=10)
    finally:
        process.kill()


def test_wait_stays_until_the_notice_ended_and_prints_the_counts(text, staff, texts, burst):
    status, out, err = wait(text, staff, burst)
    new = Notice.objects.get()
    assert (status, out.splitlines()) == (0, [str(new.pk), "sent=1"])
    assert "100 %  1 of 1" in err


def test_wait_ends_with_one_when_something_failed(text, staff, burst, monkeypatch):
    from notices.providers.errors import Refused
    from notices.providers.rehearsal.memory import Memory

    def refuse(self, delivery, wording):
        raise Refused("The number is not in service.")

    monkeypatch.setattr(Memory, "send", refuse)
    status, out, _ = wait(text, staff, burst)
    assert (status, out.splitlines()[1]) == (1, "failed=1")


def test_show_prints_the_counts_as_json_or_for_people(staff, capsys):
    new = sent_now(staff)
    expand.start(new.pk)
    call_command("notice", "show", str(new.pk), "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["id"], facts["state"], facts["recipients"]) == (new.pk, "sending", 1)
    assert facts["counts"]["queued"] == 1
    call_command("notice", "show", str(new.pk))
    assert capsys.readouterr().out.split() == [
        str(new.pk), "Lift", "out", "of", "order:", "sending", "1", "queued",
    ]  # fmt: skip


def test_notice_that_does_not_exist_is_told():
    for command in ("show", "cancel"):
        with pytest.raises(CommandError, match="There is no notice 77"):
            call_command("notice", command, "77")


def test_cancel_of_an_ended_notice_says_so(staff):
    new = sent_now(staff)
    Notice.objects.update(state=Notice.State.FINISHED)
    with pytest.raises(CommandError, match="had ended already"):
        call_command("notice", "cancel", str(new.pk))


# --key


def test_the_same_key_prints_the_same_number_and_makes_nothing(text, staff, capsys):
    for _ in range(2):
        send(text, "--channel", "email", "--everyone", "--key", "lift-7")
    assert capsys.readouterr().out == f"{Notice.objects.get().pk}\n" * 2
    send(text, "--channel", "email", "--everyone", "--key", "lift-8")
    send(text, "--channel", "email", "--everyone")
    assert Notice.objects.count() == 3


def test_the_same_key_when_its_time_is_over_prints_the_same_number(text, staff, capsys):
    words = ("--channel", "email", "--everyone", "--key", "k", "--at", "2026-12-01T09:00+08:00")
    for now in ("2026-12-01T00:00Z", "2026-12-01T02:00Z"):
        with time_machine.travel(now, tick=False):
            send(text, *words)
    assert capsys.readouterr().out == f"{Notice.objects.get().pk}\n" * 2


@pytest.mark.parametrize(
    "more", [["--in-quiet-hours"], ["--at", "2099-12-01T09:00Z"], ["--channel", "sms"]]
)
def test_a_key_that_stands_for_something_else_is_told(text, staff, more):
    words = ("--channel", "email", "--everyone", "--key", "k")
    send(text, *words)
    number = Notice.objects.get().pk
    with pytest.raises(CommandError, match=f"another request already.*number {number}"):
        send(text, *words, *more)
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
def test_what_cannot_be_a_key_is_told(text, staff, key):
    with pytest.raises(CommandError, match=r"--key: .* 1 to 255 printable"):
        send(text, "--channel", "email", "--everyone", "--key", key)
    assert not Notice.objects.exists()


def test_wait_with_the_key_of_an_earlier_run_waits_for_the_same_notice(text, staff, capsys):
    words = ("--channel", "sms", "--everyone", "--key", "k")
    send(text, *words)
    Notice.objects.update(state=Notice.State.FINISHED)
    send(text, *words, "--wait")
    assert capsys.readouterr().out.split() == [str(Notice.objects.get().pk)] * 2


def test_cancel_twice_is_told_twice(staff, capsys):
    new = sent_now(staff)
    for _ in range(2):
        call_command("notice", "cancel", str(new.pk))
    assert "is cancelled already" in capsys.readouterr().out
