"""What mail servers see of the domain that emails come from: SPF, DKIM and DMARC, in the DNS."""

import time
from email.policy import SMTP
from typing import NamedTuple

import dns.exception
import dns.resolver
import idna
from django.conf import settings

__all__ = ["look"]

SECONDS = 1.5  # for all questions together
# Under which names services and servers publish their keys.
SELECTORS = (
    "default", "google", "selector1", "selector2", "s1", "s2", "k1", "mail", "dkim", "pm", "mx",
    "mandrill", "mailo", "krs", "brevo",
)  # fmt: skip
LOCAL = ("localhost", "local", "test", "example", "invalid", "internal")


class Seen(NamedTuple):
    """True: there. False: not. None: could not look."""

    domain: str
    spf: bool | None
    dkim: bool | None
    dmarc: bool | None


def sender_domain() -> str:
    header = SMTP.header_factory("From", settings.DEFAULT_FROM_EMAIL)
    return str(header.addresses[0].domain).lower()


def look(resolver: dns.resolver.Resolver | None = None) -> Seen:
    """Never raises, and takes no longer than SECONDS."""
    domain = sender_domain()
    try:
        resolver = resolver or dns.resolver.Resolver()
        name = idna.encode(domain, uts46=True).decode()
    except (dns.exception.DNSException, idna.IDNAError, OSError):
        return Seen(domain, None, None, None)
    if name.rpartition(".")[2] in LOCAL or "." not in name:
        return Seen(domain, None, None, None)
    until = time.monotonic() + SECONDS
    if not exists(resolver, name, until):
        return Seen(domain, None, None, None)
    selectors = settings.DKIM_SELECTORS or SELECTORS
    spf = said(resolver, name, "v=spf1", until)
    dmarc = None if spf is None else said(resolver, f"_dmarc.{name}", "v=DMARC1", until)
    dkim: bool | None = None if spf is None else False
    for selector in selectors if spf is not None else ():
        dkim = said(resolver, f"{selector}._domainkey.{name}", "p=", until)
        if dkim is not False:
            break
    return Seen(domain, spf, dkim, dmarc)


def exists(resolver: dns.resolver.Resolver, name: str, until: float) -> bool:
    """Whether anybody knows the domain at all: a network without a way out may say that none is."""
    try:
        resolver.resolve(name, "NS", lifetime=until - time.monotonic(), search=False)
    except dns.resolver.NoAnswer:
        return True  # a part of another one
    except (dns.exception.DNSException, OSError):
        return False
    return True


def said(resolver: dns.resolver.Resolver, name: str, begins: str, until: float) -> bool | None:
    """Whether a TXT record there has this in it; None when nobody answers in time."""
    left = until - time.monotonic()
    if left <= 0:
        return None
    try:
        found = resolver.resolve(name, "TXT", lifetime=left, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return False
    except (dns.exception.DNSException, OSError):
        return None
    texts = (b"".join(each.strings).decode("utf-8", "replace") for each in found)
    return any(begins.lower() in text.lower() for text in texts)
