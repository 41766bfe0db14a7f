"""Which of a notice's texts one person reads: that of their language, else the first."""

from typing import NamedTuple

from notices.models import Content, Message

__all__ = ["languages_of", "sources", "written"]


class Written(NamedTuple):
    """`sms`: its own text; empty when an SMS says what the email does."""

    subject: str
    text: str
    sms: str = ""


def in_other_languages(of: Content | Message) -> dict[str, dict[str, str]]:
    """Language -> subject, text and perhaps sms."""
    return {} if isinstance(of, Message) else of.texts or {}


def written(of: Content | Message, language: str) -> Written:
    if isinstance(of, Message):
        return Written(of.subject, of.text)
    if other := in_other_languages(of).get(language):
        return Written(**other)
    return Written(of.subject, of.text, of.sms_text)


def languages_of(of: Content | Message) -> list[str]:
    """The first, and the others; none when it is written in one only."""
    others = in_other_languages(of)
    return [of.language, *others] if others and isinstance(of, Content) else []


def sources(of: Content | Message) -> tuple[str, ...]:
    """All that its placeholders may stand in."""
    others = in_other_languages(of).values()
    return tuple(
        text for each in (written(of, ""), *(Written(**one) for one in others)) for text in each
    )
