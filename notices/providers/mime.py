"""An email as it leaves, for every way that email can go."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

import idna
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext_noop as _

from notices.content.markup import for_header
from notices.content.messages import CAN_BE_LEFT, Wording
from notices.models import Delivery
from notices.providers.errors import Refused
from notices.providers.registry import LOOPBACK
from web import characters

__all__ = ["addressee", "build", "clean", "common", "message", "own", "reachable", "sender"]

LINE_END = re.compile(r"\r\n?")
# Most are of these shapes, about which the email package has nothing to say.
PLAIN_NAME = re.compile(r"\w+(?: \w+)*", re.ASCII)
PLAIN_ADDRESS = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+", re.ASCII)


def message(delivery: Delivery, wording: Wording) -> EmailMultiAlternatives:
    """Raises Refused for an address that email cannot reach."""
    link = wording.unsubscribe
    return build(wording, [delivery], common(delivery, link) | own(delivery, link))


def build(
    wording: Wording, deliveries: Sequence[Delivery], headers: dict[str, str]
) -> EmailMultiAlternatives:
    said = clean(wording)
    to = [addressee(delivery) for delivery in deliveries]
    mail = EmailMultiAlternatives(said.subject, said.text, to=to, headers=headers)
    if said.html:
        mail.attach_alternative(said.html, "text/html")
    return mail


def clean(wording: Wording) -> Wording:
    """Nothing that ends a header early, or that a mail server need not take."""
    return replace(
        wording,
        subject=for_header(wording.subject),
        text=body(wording.text),
        html=body(wording.html),
    )


def common(delivery: Delivery, link: str) -> dict[str, str]:
    """Headers that all emails of a notice share. `link`: to unsubscribe, or empty."""
    if delivery.message not in CAN_BE_LEFT:
        return {"Auto-Submitted": "auto-generated"}
    # RFC 3834: what a person wrote must not be called auto-generated. Automatic answers stay away
    # from a notice all the same: its List- headers tell them to.
    return {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if one_click(link) else {}


def own(delivery: Delivery, link: str) -> dict[str, str]:
    """Headers that are this delivery's alone. Sent again, it is the same message."""
    domain = sender(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2]
    headers = {"Message-ID": f"<bellhop-{delivery.pk}@{domain}>"}
    if one_click(link):
        headers["List-Unsubscribe"] = f"<{link}>"
    return headers


@lru_cache(maxsize=1)
def sender(from_header: str) -> str:
    """The address alone, in ASCII."""
    local, _at, domain = parseaddr(from_header)[1].rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def one_click(link: str) -> bool:
    """RFC 8058 wants https; on one's own machine the link shall be seen, too."""
    if link.startswith("https://"):
        return True
    parts = urlsplit(link)
    return parts.scheme == "https" or (settings.DEBUG and parts.hostname in LOOPBACK)


def addressee(delivery: Delivery) -> str:
    """The To header: with the name, if there is one."""
    address, name = reachable(delivery.address), delivery.name
    if PLAIN_NAME.fullmatch(name):
        return f"{name} <{address}>"
    local, _at, domain = address.rpartition("@")
    return str(Address(for_header(name), local, domain))


def reachable(address: str) -> str:
    """The address in ASCII: an international domain has such a form, the part before it none."""
    if PLAIN_ADDRESS.fullmatch(address):
        return address
    local, _at, domain = address.rpartition("@")
    if not local.isascii():
        raise Refused(_("Email cannot carry the letters before the @ of this address."))
    with suppress(ValueError, IndexError, HeaderParseError):  # idna's and the email package's
        plain = f"{local}@{ascii_domain(domain)}"
        if local and domain and Address(addr_spec=plain).addr_spec == plain:
            return plain
    raise Refused(_("This is not an email address."))


def ascii_domain(domain: str) -> str:
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def body(text: str) -> str:
    return characters.clean(LINE_END.sub("\n", text))
