"""What staff write becomes HTML, plain text and SMS."""

import re
from html import unescape
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from notices import channels
from notices.content import markup, messages, placeholders
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
        ("![a cat](https://example.com/cat.png)", "a cat (https://example.com/cat.png)"),
        ("![](https://example.com/line.png) x", "x"),
        ("[![Home](https://e.com/l.png)](https://e.com)", "Home (https://e.com)"),
        ("Not ~~Monday~~ Tuesday", "Not ~~Monday~~ Tuesday"),
        ("Write to <desk@example.com>", "Write to desk@example.com"),
        ("[desk@example.com](mailto:desk@example.com)", "desk@example.com"),
        ("[us](mailto:desk@example.com?subject=Lift)", "us (desk@example.com)"),
        ("[the desk](tel:+8613900000000)", "the desk (+8613900000000)"),
        ("[](https://e.com/x)", "https://e.com/x"),
        ("[https://e.com](https://e.com/)", "https://e.com"),
        ("<https://e.com/a%20b>", "https://e.com/a%20b"),
        (
            "| Day | Hour |\n|---|--:|\n| Monday | 9 |\n| all |\n\nx",
            "Day | Hour\nMonday | 9\nall\n\nx",
        ),
        # What is no link is no link: nothing of it is lost.
        (
            "[Lift]: closed\n\n[x](e.com) [y](ftp://e.com)",
            "[Lift]: closed\n\n[x](e.com) [y](ftp://e.com)",
        ),
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
    html = markup.to_email(attack)
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://e.com/a?x=_y_&z=1", ...),
        ("https://e.com/a?x=_y_", ...),
        ("https://e.com/*a*/**b**/~~c~~/`d", "https://e.com/*a*/**b**/~~c~~/"),
        ("HTTP://e.com/_a_", ...),
        ("https://e.com/?a[]=_1_&b[2]=3", ...),
        ("https://e.com/a_(b_c)", ...),
        (r"https://e.com/a\_b", "https://e.com/a_b"),
        ("https://e.com/a, and _b_", "https://e.com/a"),
        ("https://e.com/a...", "https://e.com/a"),
        ("(see https://e.com/a_b_)", "https://e.com/a_b_"),
        ("_https://e.com/a_", "https://e.com/a"),
        ("**https://e.com/a** _b_", "https://e.com/a"),
        ("请看https://e.com/_a_谢谢", "https://e.com/_a_"),
        ("（https://e.com/_a_），谢谢", "https://e.com/_a_"),
        ("https://例え.jp/路_a_路 x", "https://例え.jp/路_a_路"),
        ("www.e.com/_a_", "www.e.com/_a_"),
        ("xhttps://e.com/a", None),
        ("https:// x", None),
    ],
)
def test_bare_address_is_a_link_and_stays_as_it_was_typed(typed, address):
    address = typed if address is ... else address
    found = re.findall(
        "<a href=[^>]*>([^<]*)</a>", markup.to_email(f"{typed}").replace("&amp;", "&")
    )
    assert found == [address] * (address is not None)
    if address:
        assert address in markup.to_sms(typed)
        [href] = re.findall('<a href="([^"]*)"', markup.to_email(typed))
        assert urlsplit(href).scheme.lower() in ("http", "https")


@given(st.text("abhtpsw:/.?=&_*~()[]!,;'\\` \n谢，", max_size=60))
@example("https://e.com/" + ",)" * 1000)
@example("-www.a" * 2000)
def test_whatever_stands_in_a_bare_address_nothing_of_it_is_lost(text):
    typed = f"x https://e.com/{text.partition(' ')[0]}"
    assume(not set("\n`\\") & set(typed))
    for said in (markup.to_sms(typed), re.sub("<[^>]*>", "", unescape(markup.to_email(typed)))):
        assert said.replace("*", "").replace("_", "").strip() == (
            typed.replace("*", "").replace("_", "").strip()
        )


@pytest.mark.parametrize(
    ("typed", "href"),
    [
        ("[pay](https://e.com/?n=((name))&x=1)", "https://e.com/?n={}&amp;x=1"),
        ("[pay](https://e.com/(( name ))/x)", "https://e.com/{}/x"),
        ("<https://e.com/#((name))>", "https://e.com/#{}"),
        ("https://e.com/?n=((name)).", "https://e.com/?n={}"),
        ("[pay][1]\n\n[1]: https://e.com/((name))", "https://e.com/{}"),
        ("[write](mailto:desk@e.com?subject=((name)))", "mailto:desk@e.com?subject={}"),
        ("![x](https://e.com/((name)).png)", "https://e.com/{}.png"),
    ],
)
@pytest.mark.parametrize(
    "name", ["Wang & Co", 'x" onclick="y', "javascript:alert(1)", "a/b?c#d%王", "//e"]
)
def test_name_in_an_address_is_encoded_for_it(typed, href, name):
    said, sms = (filled(typed, name, channel) for channel in ("email", "sms"))
    encoded = href.format(quote(name, safe=""))
    assert f'"{encoded}"' in said.html
    if not encoded.startswith("mailto"):
        assert unescape(encoded) in said.text
        assert unescape(encoded) in sms.text


@pytest.mark.parametrize(
    "typed",
    [
        "[x](((name)))",
        "[x](((name))://e.com)",
        "[x](https://((name)))",
        "[x](https://((name)).e.com/)",
        "[x](https://e.com((name))/)",
        "[x](//((name)))",
        "[x][1]\n\n[1]: ((name))",
        "![x](((name)))",
        "<((name)):x>",
        "https://((name))/",
    ],
)
@pytest.mark.parametrize("name", ["javascript:alert(1)", "evil.example", "https://evil.example/"])
def test_name_makes_neither_the_scheme_nor_the_host_of_an_address(typed, name):
    """It stays text."""
    html = filled(typed, name).html
    assert "<a" not in html
    assert "src=" not in html


def filled(text, name, channel="email"):
    notice = Notice(subject="x", text=text, channels=[channel])
    return messages.compose_notice(notice, Delivery(channel=channel, name=name))


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("![a cat](https://e.com/c.png)", '<img src="https://e.com/c.png" alt="a cat" style='),
        ("| a |\n|--:|\n| b |", 'text-align:right">b</td>'),
        ("~~x~~", "<s>x</s>"),
    ],
)
def test_what_markdown_has_beside_words_stands_in_an_email(text, tag):
    assert tag in markup.to_email(text)


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
        ("(()) (a) ((", []),
    ],
)
def test_unknown_placeholders_are_found(text, unknown):
    assert placeholders.unknown(text) == unknown


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
        ("]" * 153, 3),  # 76 in each
        ("😀" * 67, 3),  # 33 in each
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 151 + "€" + "a" * 153, 2),
        ("你" * 66 + "😀" + "你" * 66, 3),
    ],
)
def test_sms_parts_are_counted_as_the_networks_do(text, parts):
    assert channels.sms_parts(text) == parts


SHORT = st.sampled_from(["a", "]", "€", "é", "\n"])
PIECES = st.lists(st.tuples(SHORT | st.sampled_from(["你", "😀"]), st.integers(1, 160)), max_size=6)


@given(st.lists(st.tuples(SHORT, st.integers(1, 160)), max_size=6) | PIECES)
def test_sms_parts_are_those_that_a_phone_would_make(pieces):
    text = "".join(char * times for char, times in pieces)
    assert channels.sms_parts(text) == max(1, len(packed(text)))


GSM, ESCAPED = "aé\n", {"]": "\x1b>", "€": "\x1be"}


def packed(text):
    """The text as its SMS: of each the longest beginning that fits into it."""
    if all(char in GSM or char in ESCAPED for char in text):
        single, each = 160, 153

        def size(some):
            return len("".join(ESCAPED.get(char, char) for char in some))
    else:
        single, each = 70, 67

        def size(some):
            return len(some.encode("utf-16-be")) // 2

    parts = [text] if size(text) <= single else []
    rest = "" if parts else text
    while rest:
        end = next(n for n in range(min(each, len(rest)), 0, -1) if size(rest[:n]) <= each)
        parts.append(rest[:end])
        rest = rest[end:]
    return parts


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
