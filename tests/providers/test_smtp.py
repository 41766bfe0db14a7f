"""What is said in one go to a mail server that allows it, and what comes of each answer."""

import socket
import threading
from contextlib import contextmanager

import pytest

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.errors import Away, Refused, TryLater, Unknown
from notices.providers.smtp import Email

HELLO = Wording("Hello\n.\n..two", "Hello")
ALLOWS = b"250-scripted\r\n250-SIZE 1000000\r\n250 PIPELINING\r\n"


@contextmanager
def scripted(settings, *answers, greeting=ALLOWS):
    """A mail server that gives these answers, each to whatever it is told next in one piece; what
    it was told. An empty answer hangs up."""
    told, server = [], socket.create_server(("127.0.0.1", 0))

    def talk():
        line, _ = server.accept()
        with line:
            line.sendall(b"220 here\r\n")
            for answer in (greeting, *answers):
                piece = line.recv(2**16)
                told.append(piece)
                if not piece or not answer:
                    return
                line.sendall(answer)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    settings.EMAIL_BACKEND = "notices.providers.smtp_client.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
    settings.EMAIL_TIMEOUT = 3
    yield told
    thread.join(5)
    server.close()


def send(*addresses):
    with Email() as provider:
        for address in addresses:
            provider.open()
            provider.send(Delivery(pk=7, channel="email", address=address), HELLO)


def test_a_message_takes_two_turns(settings):
    go = b"250 OK\r\n250 OK\r\n354 Go on\r\n"
    with scripted(settings, go, b"250 OK\r\n", go, b"250 OK\r\n", b"221 Bye\r\n") as told:
        send("wang@example.com", "li@example.com")
    _ehlo, envelope, text, second, _text, _quit = told
    assert [line.partition(b":")[0] for line in envelope.split(b"\r\n")] == [
        b"MAIL FROM", b"RCPT TO", b"DATA", b"",
    ]  # fmt: skip
    assert b"<bellhop@example.com> size=" in envelope
    assert b"RCPT TO:<wang@example.com>\r\n" in envelope
    assert b"RCPT TO:<li@example.com>\r\n" in second
    assert text.endswith(b"\r\n.\r\n")
    assert b"Hello\r\n..\r\n...two\r\n" in text


def test_who_does_not_allow_it_is_told_one_thing_after_the_other(settings):
    answers = b"250 OK\r\n", b"250 OK\r\n", b"354 Go on\r\n", b"250 OK\r\n", b"221 Bye\r\n"
    with scripted(settings, *answers, greeting=b"250 scripted\r\n") as told:
        send("wang@example.com")
    assert [piece[:4] for piece in told[1:4]] == [b"mail", b"rcpt", b"data"]


@pytest.mark.parametrize("pipelines", [True, False])
@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("words", ["Hello", "你好，Größe\n.\n..two = 20=3D", "你" * 2000])
def test_eight_bits_go_where_they_are_taken_and_are_announced(
    mailserver, words, eight_bit, pipelines
):
    mailserver.pipelines, mailserver.eight_bit = pipelines, eight_bit
    with Email() as provider:
        provider.open()
        for address in ("wang@example.com", "li@example.com"):
            delivery = Delivery(pk=7, channel="email", address=address, name="王小明")
            provider.send(delivery, Wording(words, "你好", f"<p>{words}</p>"))
    assert len(mailserver.messages) == 2
    for content, options in zip(mailserver.contents, mailserver.options, strict=True):
        announced = any(option.upper() == "BODY=8BITMIME" for option in options)
        assert content.isascii() == (not announced)
        assert eight_bit or not announced
    for _address, mail in mailserver.messages:
        said = mail.get_body(["plain"]).get_content().replace("\r\n", "\n").rstrip("\n")
        assert said == words
        assert words in mail.get_body(["html"]).get_content().replace("\r\n", "\n")
        assert mail["Subject"] == "你好"
        assert mail["To"].addresses[0].display_name == "王小明"


@pytest.mark.parametrize(
    ("answers", "error", "words", "next_said"),
    [
        (b"250 OK\r\n550 5.1.1 No such user\r\n503 No\r\n", Refused, "550 5.1.1", b"quit"),
        (b"250 OK\r\n450 Later\r\n503 No\r\n", TryLater, "450 Later", b"quit"),
        (b"250 OK\r\n550 Nobody\r\n354 Go on\r\n", Refused, "550 Nobody", b".\r\n"),
        (b"550 Not you\r\n503 No\r\n503 No\r\n", Away, "550 Not you", b"quit"),
        (b"250 OK\r\n250 OK\r\n451 Full\r\n", TryLater, "451 Full", b"quit"),
        (b"250 OK\r\n421 Too many\r\n", Away, "421 Too many", b""),
        (b"421 Good night\r\n", Away, "421 Good night", b""),
        (b"550 Not you\r\n421 Too many errors\r\n", Away, "550 Not you", b""),
        (b"What?\r\n", TryLater, "before the message left", b""),
    ],
)
def test_each_refusal_before_the_text_is_understood(settings, answers, error, words, next_said):
    with (
        scripted(settings, answers, b"250 OK\r\n", b"250 OK\r\n") as told,
        pytest.raises(error, match=words),
    ):
        send("bob@example.com")
    assert told[2].startswith(next_said)
    assert not any(b"Hello" in piece for piece in told)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"554 Spam\r\n", Refused),
        (b"452 Full\r\n", TryLater),
        (b"", Unknown),
        (b"What?\r\n", Unknown),
        (b"250 " + b"x" * 9000 + b"\r\n", Unknown),
    ],
)
def test_what_comes_after_the_text_decides(settings, answer, error):
    go = b"250 OK\r\n250 OK\r\n354 Go on\r\n"
    with scripted(settings, go, answer, b"250 OK\r\n", b"221 Bye\r\n"), pytest.raises(error):
        send("bob@example.com")


def test_line_that_breaks_amid_the_first_answers_is_no_doubt(settings):
    with scripted(settings, b""), pytest.raises(TryLater, match="before the message left"):
        send("bob@example.com")


@pytest.mark.parametrize("greeting", [b"", b"421 Too many\r\n", b"550 No\r\n"])
def test_server_that_breaks_off_at_the_greeting_is_away(settings, greeting):
    with scripted(settings, b"550 No\r\n", greeting=greeting), Email() as provider:
        with pytest.raises(TryLater, match="mail server"):
            provider.open()
        assert provider.backend.connection is None


def test_what_follows_a_refused_one_begins_anew(settings):
    refused = b"250 OK\r\n550 Nobody\r\n503 No\r\n"
    with scripted(settings, refused, b"421 Good night\r\n") as told, Email() as provider:
        for reason in ("550 Nobody", "421 Good night"):
            provider.open()
            with pytest.raises((Refused, TryLater), match=reason):
                provider.send(Delivery(pk=7, channel="email", address="bob@example.com"), HELLO)
        assert provider.backend.connection is None
    assert told[2].startswith(b"RSET\r\nMAIL FROM")


GO, OK = b"250 OK\r\n250 OK\r\n354 Go on\r\n", b"250 OK\r\n"


@pytest.mark.parametrize(
    ("refused", "then"),
    [
        (b"250 OK\r\n550 Nobody\r\n503 No\r\n", OK + GO),
        (b"250 OK\r\n250 OK\r\n554 No\r\n", OK + GO),
    ],
)
def test_the_answers_to_the_next_are_not_taken_for_those_to_a_refused_one(settings, refused, then):
    bob = Delivery(pk=7, channel="email", address="bob@example.com")
    with scripted(settings, refused, then, OK, b"221 Bye\r\n") as told, Email() as provider:
        provider.open()
        with pytest.raises(Refused):
            provider.send(bob, HELLO)
        provider.send(bob, HELLO)
    assert b"Hello" in told[3]


def test_line_that_breaks_after_one_that_was_accepted_leaves_the_next_in_no_doubt(settings):
    with (
        scripted(settings, GO, OK, b""),
        pytest.raises(TryLater, match="before the message left"),
    ):
        send("wang@example.com", "li@example.com")
