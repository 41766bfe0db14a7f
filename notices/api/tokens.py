"""Tokens of the API: made, found, revoked. What each may do are its scopes."""

import ipaddress
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from config import clock
from notices import rights
from notices.models import Token
from signup import security
from signup.models import User
from web import characters
from web.problems import Invalid

__all__ = ["SCOPES", "admits", "find", "make", "may_give", "networks", "revoke", "used"]

# Scope -> what it opens, and the right that whoever gives it has to have.
SCOPES = {
    "messages:send": (gettext_noop("Send messages, and cancel them"), rights.SEND),
    "verifications:write": (gettext_noop("Send codes to numbers, and check them"), rights.SEND),
    "notices:read": (gettext_noop("See notices and schedules"), rights.TOKENS),
    "notices:write": (gettext_noop("Write drafts of notices"), rights.SEND),
    "notices:send": (gettext_noop("Send, pause and cancel notices"), rights.SEND),
    "notices:everyone": (gettext_noop("Send to everyone, too"), rights.EVERYONE),
    "schedules:write": (gettext_noop("Write and stop schedules"), rights.SCHEDULE),
    "deliveries:read": (gettext_noop("See what became of every message"), rights.SEE_PEOPLE),
    "deliveries:export": (gettext_noop("Download deliveries"), rights.EXPORT),
    "people:read": (gettext_noop("See people, groups and audiences"), rights.SEE_PEOPLE),
    "people:write": (gettext_noop("Add and change people, groups and audiences"), rights.PEOPLE),
    "addresses:read": (gettext_noop("See addresses in full"), rights.ADDRESSES),
    "suppressions:read": (gettext_noop("See who gets nothing any more"), rights.SEE_PEOPLE),
    "suppressions:write": (gettext_noop("Add and lift suppressions"), rights.LIFT),
    "health:read": (gettext_noop("See how every part is"), rights.TOKENS),
}
LIVE, TEST = "bh_live_", "bh_test_"
SHOWN = 12  # characters of a token that may be seen: its kind and four of its secret
NETWORKS_AT_MOST = 50
EVERY = timedelta(minutes=1)


def digest(text: str) -> str:
    """A token is random, so one quick round is enough: there is nothing to guess."""
    return sha256(text.encode()).hexdigest()


def make(
    name: str,
    scopes: Collection[str],
    *,
    is_test: bool = False,
    author: User | None = None,
    expires_at: datetime | None = None,
    networks: Collection[str] = (),
) -> tuple[Token, str]:
    """The row, and the token itself, which nobody can read again. Raises Invalid."""
    name = characters.one_line(name)
    if not 0 < len(name) <= 100:
        raise Invalid.field("name", _("Give it a name of 1 to 100 characters."))
    if not scopes:
        raise Invalid.field("scopes", _("Choose what it may do."))
    if unknown := sorted(set(scopes) - set(SCOPES)):
        sentence = _("There is no scope “%(name)s”. There are: %(all)s.")
        raise Invalid.field("scopes", sentence % {"name": unknown[0], "all": ", ".join(SCOPES)})
    if expires_at and expires_at <= clock.now():
        raise Invalid.field("expires_at", _("Choose a day in the future."))
    secret = (TEST if is_test else LIVE) + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = Token.objects.create(
            name=name, digest=digest(secret), prefix=secret[:SHOWN], is_test=is_test, author=author,
            scopes=[scope for scope in SCOPES if scope in scopes], expires_at=expires_at,
            networks=list(networks),
        )  # fmt: skip
        security.tell("token-made", token=row.pk)
    return row, secret


def may_give(user: User) -> list[str]:
    """The scopes that open nothing which the user may not do."""
    return [scope for scope, (_words, right) in SCOPES.items() if user.has_perm(right)]


def networks(text: str) -> list[str]:
    """Of what people write: addresses and networks between commas, blanks or line ends. Raises
    Invalid."""
    found = [each for each in re.split(r"[\s,;，；、]+", characters.clean(text)) if each]
    if len(found) > NETWORKS_AT_MOST:
        raise Invalid.field("networks", _("Name at most %d networks.") % NETWORKS_AT_MOST)
    for each in found:
        try:
            ipaddress.ip_network(each, strict=False)
        except ValueError:
            sentence = _("“%s” is no network. Write 203.0.113.0/24 or 2001:db8::/32.")
            raise Invalid.field("networks", sentence % each[:60]) from None
    return [str(ipaddress.ip_network(each, strict=False)) for each in dict.fromkeys(found)]


def find(text: str) -> Token | None:
    """Whose token it is, also when it holds no more."""
    return Token.objects.filter(digest=digest(text)).first() if text.isascii() else None


def admits(token: Token, client: ipaddress.IPv4Address | ipaddress.IPv6Address | str) -> bool:
    """Whether it may be used from there."""
    if not token.networks:
        return True
    return not isinstance(client, str) and any(
        client in ipaddress.ip_network(each) for each in token.networks
    )


def used(token: Token) -> None:
    """Kept to the minute: a write for every request would cost more than what it asks for."""
    now = clock.now()
    if token.last_used_at is None or token.last_used_at <= now - EVERY:
        old = Q(last_used_at=None) | Q(last_used_at__lte=now - EVERY)
        Token.objects.filter(old, pk=token.pk).update(last_used_at=now)


def revoke(token_id: int) -> bool:
    """From now on nothing more is done for it; False when somebody else did."""
    with transaction.atomic():
        if not Token.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=clock.now()):
            return False
        security.tell("token-revoked", token=token_id)
    return True
