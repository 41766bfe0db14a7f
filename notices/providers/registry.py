"""SMS_URLS: what an address holds, and what is wrong with one. Settings read it before anything of
Django is there. No sentence repeats any part of an address: each part may hold a secret.

    twilio://SID:TOKEN@+15550001111?rate=10/second&endpoint=https://…

What is not a plain letter or digit inside a part is percent-encoded: a comma is %2C, an @ is %40.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from limits import parse

__all__ = [
    "LOOPBACK", "PROVIDERS", "REPORTING", "SCHEMES", "Address", "address", "email_name",
    "is_endpoint", "read",
]  # fmt: skip

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HTTP = ("endpoint", "rate")  # options of every HTTP provider but the webhook
TEMPLATES = (
    "code_template", "account_exists_template", "mobile_changed_template", "notice_template",
)  # fmt: skip


class Shape(NamedTuple):
    """Where its class is, what its address must hold (in the words of the provider), what it may
    hold behind the question mark. A provider without `place` is not looked at closer."""

    path: str
    user: str = ""
    secret: str = ""
    place: str = ""
    options: tuple[str, ...] = ()


PROVIDERS = {
    "console": Shape("notices.providers.rehearsal.console.Console"),
    "file": Shape("notices.providers.rehearsal.file.File"),
    "memory": Shape("notices.providers.rehearsal.memory.Memory"),
    "simulate": Shape("notices.providers.rehearsal.simulate.Simulate", options=("rate",)),
    "twilio": Shape(
        "notices.providers.twilio.Twilio", "account SID", "token", "sender (+number or MG…)", HTTP
    ),
    "yuntongxun": Shape(
        "notices.providers.yuntongxun.Yuntongxun",
        "account SID", "token", "app ID", (*HTTP, *TEMPLATES),
    ),
    "webhook+https": Shape("notices.providers.gateway.Gateway"),
    "webhook+http": Shape("notices.providers.gateway.Gateway"),  # loopback only
}  # fmt: skip
# Those that report, by the name in the address to which they do, and how SMS_URLS calls them.
SCHEMES = {
    "twilio": ("twilio",),
    "yuntongxun": ("yuntongxun",),
    "webhook": ("webhook+https", "webhook+http"),
}
REPORTING = {name: PROVIDERS[schemes[0]] for name, schemes in SCHEMES.items()}


# Django's backend of an email provider -> the name by which rows have it.
EMAIL_NAMES = {
    "notices.providers.smtp_client.EmailBackend": "smtp",
    "notices.providers.rehearsal.email_file.EmailBackend": "emailfile",
    "notices.providers.rehearsal.simulate_email.EmailBackend": "simulate_email",
    "django.core.mail.backends.console.EmailBackend": "console",
    "django.core.mail.backends.locmem.EmailBackend": "locmem",
}


def email_name(backend: str) -> str:
    """An email service has the name that EMAIL_URL and Anymail give it: anymail.backends.NAME."""
    return EMAIL_NAMES.get(backend) or backend.split(".")[-2]


class Address(NamedTuple):
    """One of SMS_URLS, decoded."""

    provider: str
    user: str
    secret: str
    place: str  # what stands where other addresses have the host
    options: dict[str, str]


def read(text: str) -> list[str]:
    """The addresses in their order. Raises ValueError with a sentence that says what is wrong."""
    urls = [url.strip() for url in text.split(",") if url.strip()]
    for number, url in enumerate(urls, 1):
        scheme = url.partition(":")[0]
        name = f" ({scheme})" if scheme in PROVIDERS else ""
        try:
            problem = wrong(urlsplit(url))
        except ValueError:  # its own text repeats the address
            problem = "cannot be understood; write special characters percent-encoded"
        if problem:
            raise ValueError(f"the {ordinal(number)} address{name} {problem}.")
    return urls


def ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{ends.get(number, 'th')}"


def wrong(parts: SplitResult) -> str:
    """What is wrong with an address: the end of a sentence, or nothing."""
    shape = PROVIDERS.get(parts.scheme)
    if shape is None:
        return "names no provider that there is (a comma inside an address is written %2C)"
    if parts.scheme.startswith("webhook"):
        return wrong_webhook(parts)
    options = parse_qsl(parts.query, keep_blank_values=True)
    if not shape.place:
        return wrong_options(options, shape.options) if shape.options else ""
    if parts.fragment or parts.path.strip("/"):
        return "holds a / or # that must be percent-encoded (%2F, %23)"
    address = decode(parts)
    for value, what in (
        (address.user, shape.user),
        (address.secret, shape.secret),
        (address.place, shape.place),
    ):
        if not value:
            return f"has no {what}"
    return wrong_options(options, shape.options)


def wrong_webhook(parts: SplitResult) -> str:
    # Without an @ before the first / what was meant as the key would be taken for the host.
    unescaped = "@" in f"{parts.path}{parts.query}" and "@" not in parts.netloc
    if parts.fragment or parts.password is not None or unescaped:
        return "holds a /, #, ? or : in its KEY that must be percent-encoded (%2F, %23, %3F, %3A)"
    if not parts.hostname or parts.port == 0:
        return "has no host"
    if parts.scheme == "webhook+http" and parts.hostname not in LOOPBACK:
        return "is for this machine only; use webhook+https:"
    rates = [value for name, value in parse_qsl(parts.query) if name == "rate"]
    return wrong_options((("rate", rate) for rate in rates), ("rate",))


def wrong_options(options: Iterable[tuple[str, str]], known: tuple[str, ...]) -> str:
    for name, value in options:
        if name not in known:
            return f"has an option that it does not know; it knows {', '.join(known)}"
        if name == "endpoint" and not is_endpoint(value):
            return "has an endpoint that is neither https://HOST nor http:// on this machine"
        if name == "rate" and not is_rate(value):
            return "has a rate that is not like 10/second"
        if name in TEMPLATES and not value.isalnum():
            return f"has a {name} that is not a template's number"
    return ""


def is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return whole and plain and safe


def is_rate(text: str) -> bool:
    try:
        return parse(text).amount > 0
    except ValueError:
        return False


def decode(parts: SplitResult) -> Address:
    # Not `hostname`: that is in small letters, and an app ID is not.
    login, _at, place = parts.netloc.rpartition("@")
    user, _colon, secret = login.partition(":")
    options = dict(parse_qsl(parts.query))
    return Address(parts.scheme, unquote(user), unquote(secret), unquote(place), options)


def address(url: str) -> Address:
    return decode(urlsplit(url))
