"""The harness of bin/bench, and Bellhop through it; the peers need bench/.venv."""

import smtplib
import socket
from http.client import HTTPConnection
from types import SimpleNamespace
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from bench import __main__, against, enumeration, picture, place, report
from bench.bulk import Contender, Contest, last
from bench.bulk_email import OURS, SINK
from bench.contenders import bellhop, floor
from bench.figures import Figure, Result, Target, interleaved
from bench.guests import check, guest, html, plain

pytestmark = pytest.mark.once

SVG = "{http://www.w3.org/2000/svg}"


def result():
    ours = Figure("an <email> to each", "Bellhop", "recipients/s", [1000, 3000, 2000])
    theirs = Figure("an <email> to each", "somebody else & co", "recipients/s", [100, 100, 250])
    return Result(
        "Email", [ours, theirs], [Target("ratio", ours.over(theirs), 10, unit="×")], ["N."]
    )


def test_a_ratio_is_of_runs_side_by_side():
    [ours, theirs] = result().figures
    assert ours.median == 2000
    assert ours.over(theirs) == 10  # 10, 30 and 8; the ratio of the medians would be 20


def test_two_checkouts_are_compared_by_what_each_prints():
    printed = f"{report.section(result())}\n(email: 3 s)\n"
    rows = dict(against.read(printed))
    ours = ("an <email> to each", "Bellhop", "recipients/s")
    assert rows[ours] == 2000
    assert len(rows) == 2, "targets are none"
    before, after = (
        Figure(*ours[:2], ours[2], [1000, 500]),
        Figure(*ours[:2], ours[2], [2000, 2000]),
    )
    table = against.table("v1", {ours: before}, {ours: after})
    assert "| 750 (500-1,000) | 2,000 (2,000-2,000) | recipients/s | 3 | 2 |" in table


def test_an_unknown_commit_is_told():
    with pytest.raises(SystemExit, match="--against: fatal: not a valid object name"):
        against.compare("no-such-commit", ["request"], 1)


def test_a_target_is_met_from_its_own_side():
    assert Target("", 10, 10).met
    assert not Target("", 9.99, 10).met
    assert Target("", 3, 3, at_least=False).met
    assert not Target("", 3.01, 3, at_least=False).met


def test_contenders_take_turns():
    turns = []
    figures = interleaved(
        {name: lambda name=name: turns.append(name) or len(turns) for name in "ab"}, 2, "", ""
    )
    assert turns == ["a", "b", "a", "b"]
    assert figures["b"].runs == [2, 4]


@pytest.mark.parametrize(
    ("known", "unknown", "share"),
    [([3, 4], [1, 2], 1), ([1, 2], [3, 4], 0), ([1, 2], [1, 2], 0.5), ([2, 2], [1, 3], 0.5)],
)
def test_how_often_a_known_one_takes_longer(known, unknown, share):
    assert enumeration.auc(known, unknown) == share


def test_the_report_says_how_much_and_whether_it_is_enough():
    text = report.page([result()], "SQLite")
    assert "| an <email> to each | Bellhop | 2,000 | 1,000 | 3,000 | recipients/s | 3 |" in text
    assert "| ratio | ≥ 10 × | 10 × | yes |" in text
    assert "- N." in text
    assert "Django 5" in text


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (12345, "12,300"), (12.34, "12.3"), (0.01234, "0.0123")]
)
def test_numbers_have_three_digits(value, shown):
    assert report.number(value) == shown


def test_the_picture_is_svg_whose_words_are_beside_each_other():
    root = ElementTree.fromstring(picture.draw([result(), result()]))
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = []
    for words in root.iter(f"{SVG}text"):
        x, y = float(words.get("x")), float(words.get("y"))
        boxes.append((x, x + len(words.text) * picture.LETTER, y))
        assert boxes[-1][1] <= width
        assert y < height
    for number, (left, right, y) in enumerate(boxes):
        for other_left, other_right, other_y in boxes[number + 1 :]:
            assert right <= other_left or other_right <= left or abs(y - other_y) >= 16


def test_bars_of_one_question_stand_together():
    [ours, theirs] = result().figures
    other = Figure("memory", "Bellhop", "MB", [1.0])
    drawn = picture.draw([Result("Email", [ours, other, theirs])])
    assert drawn.count("an &lt;email&gt; to each") == 1
    assert drawn.index("somebody else") < drawn.index("memory")


def test_every_benchmark_is_found_by_its_name():
    assert {"email", "esp", "sms", "scale"} <= set(__main__.benchmarks())
    for module in __main__.benchmarks().values():
        assert module.TITLE
        assert callable(module.run)


@pytest.mark.parametrize(
    "reached",
    [
        [("a@x", "a")],
        [("a@x", "a"), ("b@x", "b"), ("b@x", "b")],
        [("a@x", "a"), ("b@x", "a")],
        [("a@x", "a"), ("b@x", "b"), ("c@x", "c")],
    ],
)
def test_who_is_not_reached_once_by_name_is_noticed(reached):
    wanted = {"a@x": "a", "b@x": "b"}
    check(list(wanted.items()), wanted)
    with pytest.raises(AssertionError):
        check(reached, wanted)


def test_the_mail_server_reads_what_smtplib_and_a_pipeline_say():
    with place.opened() as here:
        sink = here.asked(*SINK)
        with smtplib.SMTP("127.0.0.1", sink.port) as line:
            for number in range(2):
                message = f"Subject: x\n\nDear {number},\n.\n.hidden\n"
                line.sendmail("a@example.com", f"{number}@example.com", message)
        with socket.create_connection(("127.0.0.1", sink.port)) as line:
            said = line.makefile("rb")
            line.sendall(b"EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<2@example.com>\r\nDATA\r\n")
            assert [said.readline()[:3] for _ in range(8)][-1] == b"354"
            line.sendall(b"S: x\r\n\r\nDear 2,\r\n.\r\nQUIT\r\n")
            assert [said.readline()[:3] for _ in range(2)] == [b"250", b"221"]
        last(sink, 3)
        assert sink.ask("list")["people"] == [[f"{n}@example.com", str(n)] for n in range(3)]


def test_the_provider_fills_in_what_is_a_persons_own():
    own = '{"a@example.com": {"n": "Ann"}, "b@example.com": {"n": "Bo"}}'
    form = {"to": ["a@example.com", "B <b@example.com>"], "text": "Dear %recipient.n%, hello"}
    with place.opened() as here:
        esp = here.asked("bench.processes.provider", "mailgun", "0")
        line = HTTPConnection("127.0.0.1", esp.port)
        line.request(
            "POST", "/v3/x/messages", urlencode(form | {"recipient-variables": own}, doseq=True)
        )
        assert line.getresponse().status == 200
        line.close()
        assert esp.ask("list")["people"] == [["a@example.com", "Ann"], ["b@example.com", "Bo"]]


def test_peers_send_as_much_as_bellhop_does():
    contenders = {
        "Bellhop": Contender(300, bellhop("email", OURS)),
        "floor": Contender(300, floor("email")),
    }
    contest = Contest(SINK, "email", contenders)
    figures = contest.hold(1, "an email to each")
    assert all(figure.median > 0 for figure in figures.values())
    assert contest.sizes["Bellhop"] == pytest.approx(contest.sizes["floor"], rel=0.2)
    assert contest.cpu["Bellhop"][0] > 0
    assert contest.lines["floor"] == 2
    assert contest.notes("floor")[0].startswith("floor ÷ others")
    assert guest(0).username in plain(guest(0).username)
    assert guest(0).username in html(guest(0).username)


def test_a_benchmark_that_fails_costs_no_other_its_result(tmp_path, monkeypatch, capsys):
    def fail(_runs, _full):
        raise AssertionError("wrong")

    good = Result("Good", [Figure("x", "Bellhop", "1/s", [1.0])])
    fine = SimpleNamespace(TITLE="fine", run=lambda _runs, _full: good)
    broken = SimpleNamespace(TITLE="broken", run=fail)
    monkeypatch.setattr(__main__, "benchmarks", lambda: {"broken": broken, "fine": fine})
    monkeypatch.setattr(__main__, "RESULTS", tmp_path / "results")
    with pytest.raises(SystemExit, match="Failed: broken"):
        __main__.main([])
    assert "## Good" in (tmp_path / "results" / "table.md").read_text()
    assert (tmp_path / "results" / "picture.svg").exists()
