"""An email as a mail server gets it: its headers, and that nothing can add to them."""

from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notices.content import markup, messages
from notices.content.messages import Wording
from notices.models import Delivery, Notice
from notices.providers.errors import Refused
from notices.providers.mime import message, reachable
from notices.providers.smtp import Email

pytestmark = pytest.mark.once

LINK = "https://bellhop.example/u/abc:def/"
NOTICE_HEADERS = {
    "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
    "List-Unsubscribe", "List-Unsubscribe-Post",
}  # fmt: skip


def to(address="wang@example.com", message="notice", **facts):
    return Delivery(pk=7, message=message, channel="email", address=address, **facts)


def parsed(delivery, said):
    raw = message(delivery, said).message().as_bytes(linesep="\r\n")
    return message_from_bytes(raw, policy=default)


TEXTS = st.text(max_size=150) | st.text(
    '\r\n\0\x0b\x1b\x85\u2028 :=?,;"\\<>@()aBcc王é', max_size=80
)


@given(TEXTS, TEXTS, TEXTS)
@example("Hello\r\nBcc: all@example.com", "Wang\nBcc: all@example.com", "x\r\n.\r\nQUIT\r\n")
@example("=?utf-8?b?DQpCY2M6IHhAeS56?=", "=?utf-8?q?=0D=0ABcc:_x=40y.z?=", "")
@example("王" * 150, "王小明，" * 37, "长" * 2000)
@example("é" * 150, 'O\'Brien, "Pat" <x@y.z>\\', "a" * 2000)
def test_whatever_is_said_the_headers_are_ours_and_all_of_it_arrives(subject, name, text):
    mail = parsed(to(name=name), Wording(f"x{text}", subject, f"<p>{text}</p>", unsubscribe=LINK))
    assert set(mail.keys()) == NOTICE_HEADERS
    assert len(mail.keys()) == len(NOTICE_HEADERS)
    assert words(mail["Subject"]) == words(cleaned(subject))
    assert not CONTROL & set(str(mail["Subject"]) + str(mail["To"]))
    [person] = mail["To"].addresses
    assert person.addr_spec == "wang@example.com"
    assert words(person.display_name) == words(cleaned(name))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    plain = mail.get_body(["plain"]).get_content()
    assert not set(map(chr, range(32))) - set("\r\n\t") & set(plain)
    assert words(plain) == words(cleaned(f"x{text}"))


CONTROL = {chr(code) for code in (*range(32), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029)}


def cleaned(text):
    """What is left of it by eye."""
    return text.translate({ord(char): " " for char in CONTROL}).replace("=?", "= ?")


def words(text):
    """Without white space, which a header may be folded at."""
    return "".join(cleaned(text).split())


def test_headers_of_a_notice():
    mail = parsed(to(name="王小明"), Wording("x", "你好", "<p>x</p>", unsubscribe=LINK))
    assert mail["List-Unsubscribe"] == f"<{LINK}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == "<bellhop-7@example.com>"
    assert mail["Auto-Submitted"] is None
    assert mail["Subject"] == "你好"
    assert mail["To"].addresses[0].display_name == "王小明"
    assert "=?utf-8?" in mail.as_string().split("To:")[1].split("\n")[0]


@pytest.mark.parametrize("message", ["welcome", "password_reset"])
def test_what_nobody_wrote_says_so(message):
    mail = parsed(to(message=message), Wording("x", "y", "<p>x</p>"))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("link", "debug", "told"),
    [
        (LINK, False, True),
        ("http://bellhop.example/u/x/", True, False),
        ("http://127.0.0.1:8000/u/x/", True, True),
        ("http://127.0.0.1:8000/u/x/", False, False),
        ("", True, False),
    ],
)
def test_one_click_is_offered_over_https_only(settings, link, debug, told):
    settings.DEBUG = debug
    mail = parsed(to(), Wording("x", "y", "<p>x</p>", unsubscribe=link))
    assert (mail["List-Unsubscribe"] is not None) == told
    assert (mail["List-Unsubscribe-Post"] is not None) == told


@pytest.mark.parametrize(
    ("address", "ascii_form"),
    [
        ("wang@example.com", "wang@example.com"),
        ("wang@例え.jp", "wang@xn--r8jz45g.jp"),
        ("wang@straße.de", "wang@xn--strae-oqa.de"),
    ],
)
def test_international_domain_has_an_ascii_form(address, ascii_form):
    assert reachable(address) == ascii_form


def test_letters_before_the_at_are_named_as_the_reason():
    with pytest.raises(Refused, match="before the @"):
        message(to("王@example.com"), Wording("x", "y"))


@pytest.mark.parametrize(
    "address",
    ["王@example.com", "a@b\r\nBcc: x@y.z", "a\nb@example.com", "@", "", "wang", "a@\u2028.com"],
)
def test_address_that_email_cannot_carry_is_refused_in_plain_words(mailserver, address):
    with Email() as provider:
        provider.open()
        with pytest.raises(Refused, match="address"):
            provider.send(to(address), Wording("x", "y"))
    assert mailserver.messages == []


def test_name_and_international_domain_over_smtp(mailserver):
    with Email() as provider:
        provider.open()
        provider.send(to("wang@例え.jp", name="王小明, Dr."), Wording("x", "y", "<p>x</p>"))
    [(address, mail)] = mailserver.messages
    assert address == "wang@xn--r8jz45g.jp"
    assert mail["To"].addresses[0].display_name == "王小明, Dr."


@pytest.mark.parametrize(
    "name", ["Acme, Inc.", 'Acme "A" <x@y.z>, B', "王小明, Ltd", "a" * 70 + ", b"]
)
def test_sender_with_a_comma_or_quotes_in_the_name_is_one_mailbox(settings, mailserver, name):
    settings.DEFAULT_FROM_EMAIL = str(Address(name, "hello", "example.com"))
    with Email() as provider:
        provider.open()
        provider.send(to(name=name), Wording("x", "y", unsubscribe=LINK))
    [(_address, mail)] = mailserver.messages
    for header in ("From", "To"):
        [one] = mail[header].addresses
        assert one.display_name == name
    assert mail["From"].addresses[0].addr_spec == "hello@example.com"
    assert mail["Message-ID"] == "<bellhop-7@example.com>"
    assert mailserver.senders == ["hello@example.com"]


# What a notice says


def said(text, link="", name="Wang", language="en"):
    from unittest.mock import patch

    notice = Notice(subject="Lift <b> ((name))", text=text, channels=["email"])
    delivery = to(name=name, language=language, notice=notice)
    with patch("notices.audience.preferences.unsubscribe_url", return_value=link):
        return messages.compose(delivery)


MARKDOWN = """# Lift

Dear ((name)), it is **out of order**:

- one
- [two](https://example.com/two)

> quoted `code`

1. first
"""


def test_every_tag_bears_its_own_style():
    html = said(MARKDOWN, LINK).html
    for tag in ("h1", "p", "ul", "li", "a", "blockquote", "code", "ol"):
        assert f"<{tag} " in html
        assert f"<{tag}>" not in html
    assert "<style" not in html


def test_no_colour_is_named_so_that_dark_mode_can_choose():
    html = said(MARKDOWN, LINK).html
    assert 'name="color-scheme" content="light dark"' in html
    styles = html.replace("color-scheme", "")
    assert "color:" not in styles
    assert "background" not in styles


def test_staff_cannot_bring_a_style_of_their_own():
    html = said('<p style="top:0">x</p>\n\n[x](https://e.example "a\\" style=\\"y")').html
    found = Styles(convert_charrefs=True)
    found.feed(html)
    assert set(found.styles) <= {*markup.STYLES.values(), *found.of_the_page}


class Styles(HTMLParser):
    """`styles`: of the tags within the page's own <div>."""

    def __init__(self, **options):
        super().__init__(**options)
        self.styles, self.of_the_page = [], []

    def handle_starttag(self, tag, attrs):
        own = self.of_the_page if tag in ("body", "div") else self.styles
        own += [text for name, text in attrs if name == "style"]


def test_text_part_holds_the_words_alone():
    assert said(MARKDOWN).text.startswith(
        "Lift\n\nDear Wang, it is out of order:\n\n- one\n- two (https://example.com/two)\n"
    )


@pytest.mark.parametrize(
    ("language", "words"), [("en", "I do not want them any more"), ("zh-hans", "")]
)
def test_notice_ends_with_the_way_out(language, words):
    both = said("Hello", LINK, language=language)
    assert both.text.rstrip().endswith(LINK)
    assert f'href="{LINK}"' in both.html
    assert words in both.html
    assert both.unsubscribe == LINK


def test_without_a_link_nothing_is_said_of_it():
    both = said("Hello")
    assert both.text == "Hello"
    assert "<hr" not in both.html


def test_name_brings_no_html_into_the_title():
    both = said("Hello", name="</title><script>")
    assert "<script>" not in both.html
    assert "<title>Lift &lt;b&gt; &lt;/title&gt;&lt;script&gt;</title>" in both.html
