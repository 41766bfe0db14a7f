"""Settings that name hosts: what is wrong with one, in a sentence that repeats no part of it. Any
part may hold a secret, as soon as a character in it is not percent-encoded.
"""

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

ENCODE = (
    "write what is special in a name or password percent-encoded (/ is %2F, # %23, ? %3F, @ %40)"
)
HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?", re.ASCII)
NAME = re.compile(r"\.?[\w-]+(\.[\w-]+)*", re.ASCII)
LOCAL = ("", "localhost")


def split(url: str) -> SplitResult:
    """Its parts. Raises ValueError with the end of a sentence."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"cannot be understood; {ENCODE}.") from None
    behind = f"{parts.path}{parts.query}{parts.fragment}"
    if parts.fragment or (parts.netloc and "@" in behind and "@" not in parts.netloc):
        raise ValueError(f"cannot be understood; {ENCODE}.")
    for place in places(parts):
        check_place(place)
    return parts


def places(parts: SplitResult) -> list[str]:
    """HOST or HOST:PORT; PostgreSQL may have several."""
    netloc = parts.netloc.rpartition("@")[2]
    return [each for each in netloc.split(",") if each]


def check_place(place: str) -> None:
    literal, bracket, rest = place.rpartition("]")
    host, colon, port = rest.partition(":")
    if colon and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise ValueError(f"has a port that is none; {ENCODE}.")
    if bracket:
        host = "" if not host and is_ip(literal.removeprefix("[")) else "?"
    # A socket's folder is percent-encoded in place of a host, too.
    if host and not HOST.fullmatch(host) and not host.lower().startswith("%2f"):
        raise ValueError(f"has a host that is none; {ENCODE}.")


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def is_elsewhere(host: str) -> bool:
    """Whether the way there leaves this machine."""
    name = host.strip("[]").lower()
    if name in LOCAL or name.startswith(("/", "%2f")):
        return False
    if not is_ip(name):
        return True
    found = ipaddress.ip_address(name.partition("%")[0])
    return not (getattr(found, "ipv4_mapped", None) or found).is_loopback


def check_hosts(hosts: list[str]) -> None:
    """Raises ValueError with a sentence: a host in ALLOWED_HOSTS is a name, and nothing else."""
    for number, host in enumerate(hosts, 1):
        which = f"host {number} of {len(hosts)}"
        if "://" in host:
            raise ValueError(f"{which} has a scheme (https://): write the name alone.")
        if "/" in host:
            raise ValueError(f"{which} has a path (/): write the name alone.")
        if host == "*" or (host.startswith("[") and host.endswith("]") and is_ip(host[1:-1])):
            continue
        if ":" in host:
            raise ValueError(f"{which} has a port (:), or is an IPv6 address without its brackets.")
        if not NAME.fullmatch(host):
            raise ValueError(
                f"{which} is no host name. Put commas between them; other letters than English "
                "ones are written xn--….",
            )


def with_ca(url: str, ca: str) -> str:
    """The address of a rediss:// server whose certificate is signed by `ca`: PEM, or a file of it.
    Raises ValueError with the end of a sentence."""
    if "-----BEGIN CERTIFICATE-----" in ca:
        option = f"ssl_ca_data={quote(ca, safe='')}"
    elif Path(ca).is_file():
        option = f"ssl_ca_certs={quote(ca, safe='')}"
    else:
        raise ValueError("is neither a certificate (-----BEGIN CERTIFICATE-----) nor a file.")
    return f"{url}{'&' if '?' in url else '?'}{option}"
