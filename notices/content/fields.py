"""What stands in the place of a placeholder for one person: in plain text, in HTML, in an address.

A notice as an email is one template for all, with fields for a person's own values. No wording and
no name can hold such a field.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

from notices.content import markup
from notices.content.placeholders import NAME, Placeholder, keyed
from notices.models import Delivery

__all__ = ["LINK", "Values", "called", "in_html", "in_plain", "in_sms", "in_title", "values_of"]

LINK, KEY = (f"f{uuid4().hex}" for _each in range(2))

Values = Mapping[str, str]  # field -> what stands there for one person


class Fields(NamedTuple):
    """Of one placeholder, by its key. Of a sentence also: where it stands alone in a paragraph, and
    where HTML takes no tags."""

    plain: str
    html: str
    address: str
    paragraph: str
    title: str


class Said(NamedTuple):
    plain: str
    html: str


@lru_cache(maxsize=100)
def fields(key: str) -> Fields:
    return Fields(*(f"f{sha256(f'{KEY}{kind}{key}'.encode()).hexdigest()}" for kind in range(5)))


@lru_cache(maxsize=64)
def among(*texts: str) -> tuple[Placeholder, ...]:
    return tuple({key: each for text in texts for key, each in keyed(text)[1].items()}.values())


def in_plain(text: str, source: str) -> str:
    """With fields in place of the keys. `source`: what staff wrote."""
    places = {each.key: fields(each.key) for each in among(source)}
    addresses = {f"%{key}": each.address for key, each in places.items()}
    return markup.fill(text, {key: each.plain for key, each in places.items()} | addresses)


def in_html(html: str, source: str) -> str:
    """The same. A sentence alone in its paragraph takes that along when it is not said."""
    places = {each.key: fields(each.key) for each in among(source)}
    for each in among(source):
        if each.sentence:
            alone = f"{markup.PARAGRAPH}(({each.key}))</p>"
            html = html.replace(alone, places[each.key].paragraph)
    addresses = {f"%{key}": each.address for key, each in places.items()}
    return markup.fill(html, {key: each.html for key, each in places.items()} | addresses)


def in_title(html: str, source: str) -> str:
    places = {each.key: (each, fields(each.key)) for each in among(source)}
    return markup.fill(
        html, {key: own.title if each.sentence else own.html for key, (each, own) in places.items()}
    )


def called(delivery: Delivery) -> str:
    return markup.for_text(delivery.name) or delivery.address


def encoded(value: str) -> str:
    """As it stands in an address, wherever in it: RFC 3986 has each other character escaped."""
    return quote(value, safe="")


def said(each: Placeholder, delivery: Delivery) -> Said:
    """Nothing is known of a pasted address: what nothing is known of stands for nothing."""
    values: Mapping[str, str] = delivery.values or {}
    known = delivery.name if each.name == NAME else values.get(each.name, "")
    value = markup.for_text(known)
    if not each.sentence:
        value = value or markup.for_text(each.default)
        value = value or (called(delivery) if each.name == NAME else "")
        return Said(value, escape(value))
    if not value:
        return Said("", "")
    within = {key: said(one, delivery) for key, one in each.within.items()}
    addresses = {f"%{key}": encoded(one.plain) for key, one in within.items()}
    words = {key: one.plain for key, one in within.items()} | addresses
    html = {key: one.html for key, one in within.items()} | addresses
    return Said(
        markup.for_header(markup.fill(markup.line_to_sms(each.sentence), words)),
        markup.fill(markup.line_to_email(each.sentence), html),
    )


def values_of(delivery: Delivery, *sources: str) -> Values:
    values: dict[str, str] = {}
    for each in among(*sources):
        place, own = fields(each.key), said(each, delivery)
        values |= {place.plain: own.plain, place.html: own.html, place.address: encoded(own.plain)}
        if each.sentence:
            values[place.paragraph] = f"{markup.PARAGRAPH}{own.html}</p>" if own.html else ""
            values[place.title] = escape(own.plain)
    return values


def in_sms(source: str, delivery: Delivery) -> str:
    """As one person reads it."""
    places = among(source)
    filled = {each.key: said(each, delivery).plain for each in places}
    filled |= {f"%{key}": encoded(value) for key, value in filled.items()}
    words = markup.fill(markup.to_sms(keyed(source)[0]), filled)
    return markup.tidy(words) if any(each.sentence for each in places) else words
