"""What staff write becomes HTML, plain text and SMS."""

import pytest

from notices import channels
from notices.content import markup, messages
from notices.models import Delivery, Notice
from signup.models import User, Verification


@pytest.mark.parametrize(
    ("text", "sms"),
    [
        ("Dear ((name)), **all** is _well_.", "Dear ((name)), all is well."),
        ("# Lift\n\nIt is out.", "Lift\n\nIt is out."),
        ("- one\n- two", "- one\n- two"),
        ("3. one\n4. two\n\n> said\n\nlast", "3. one\n4. two\n\nsaid\n\nlast"),
        ("```\nblock\n```\nlast", "block\n\nlast"),
        ("[the page](https://example.com/x)", "the page (https://example.com/x)"),
        ("<https://example.com/x>", "https://example.com/x"),
        ("one\ntwo", "one\ntwo"),
        ("a < b & c", "a < b & c"),
        ("`code` and\n\n```\nblock\n```", "code and\n\nblock"),
        ("![a cat](https://example.com/cat.png)", "a cat"),
    ],
)
def test_sms_holds_the_words_alone(text, sms):
    assert markup.to_sms(text) == sms


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        '<img src=x onerror="alert(1)">',
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
    ],
)
def test_html_holds_nothing_that_runs(attack):
    html = markup.to_html(attack)
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_name_cannot_bring_html_into_an_email():
    notice = Notice(subject="Hi ((name))", text="Dear ((name))", channels=["email"])
    said = messages.compose_notice(notice, Delivery(channel="email", name="<b>Bob</b>\nBcc: x@y.z"))
    assert "&lt;b&gt;Bob" in said.html
    assert "<b>Bob" not in said.html
    assert said.subject == "Hi <b>Bob</b> Bcc: x@y.z"


def test_name_is_filled_in_and_not_read_as_markdown_or_placeholder():
    notice = Notice(subject="x", text="Dear ((name)), hi", channels=["email"])
    said = messages.compose_notice(notice, Delivery(channel="email", name="**((name))**"))
    assert "Dear **((name))**, hi" in said.html
    assert said.text == "Dear **((name))**, hi"


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("((name)) (( name ))", []),
        ("((nmae)) and ((code))", ["nmae", "code"]),
        ("(()) (a) ((", [""]),
    ],
)
def test_unknown_placeholders_are_found(text, unknown):
    assert markup.unknown_placeholders(text) == unknown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("你" * 70, 1),
        ("你" * 71, 2),
        ("你" * 135, 3),
        ("🔔" * 35, 1),
        ("🔔" * 36, 2),
    ],
)
def test_sms_parts_are_counted_as_the_networks_do(text, parts):
    assert channels.sms_parts(text) == parts


@pytest.fixture
def guest(db):
    return User.objects.create_user("guest_wang", email="wang@example.com", password="x")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    ("name", "channel"),
    [("code", "sms"), ("account_exists", "sms"), ("welcome", "email"), ("password_reset", "email")],
)
def test_each_message_can_be_said_in_each_language(guest, name, channel, language):
    said = messages.compose(
        Delivery(
            message=name,
            channel=channel,
            user=guest,
            language=language,
            origin="https://bellhop.example",
            verification=Verification.objects.create(mobile="+8613900000011", salt="x"),
        )
    )
    assert said.text.strip()
    assert bool(said.subject and said.html) == (channel == "email")
    if language == "zh-hans":
        assert any("\u4e00" <= char <= "\u9fff" for char in said.text)


def test_reset_email_links_to_the_page_that_takes_it(guest, client):
    said = messages.compose(
        Delivery(message="password_reset", channel="email", user=guest, origin="http://testserver")
    )
    link = next(word for word in said.text.split() if word.startswith("http://testserver/"))
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    assert page.status_code == 200
    assert page.context["validlink"]
    assert link in said.html
