"""Who asks for the same thing twice gets one of it, and the first answer: a form that is sent
twice, JSON that is retried, a command that runs again.

Each request has a key, which its row keeps; the database takes a key once. What was refused made
no row: it may be sent again under the same key.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django import forms
from django.db import IntegrityError
from django.http import HttpRequest
from django.middleware.csrf import CSRF_TOKEN_LENGTH
from django.utils.translation import gettext as _

from notices.models import Notice, Schedule
from web.problems import Invalid, Problem

__all__ = ["Key", "KeyReused", "asked", "check", "key_of_page", "new_key"]

MOST = 255  # characters
Made = Notice | Schedule


class KeyReused(Problem):
    """The key made something else: `made`."""

    status = 422

    def __init__(self, made: Made) -> None:
        self.made = made
        super().__init__(
            _("This key was used for another request already. Use a new key for a new one.")
        )


def check(key: str) -> None:
    """Raises Invalid for what a machine may not choose as a key."""
    if not (0 < len(key) <= MOST and key.isascii() and key.isprintable()):
        raise Invalid(_("The idempotency key has to be 1 to %d printable ASCII characters.") % MOST)


def new_key() -> str:
    return uuid4().hex


def key_of_page(request: HttpRequest, facts: Mapping[str, Any]) -> str | None:
    """For a form that was sent without its key: each time that a page is made its CSRF token is
    masked anew, so who sends this one twice with the same `facts` means it once. None when the
    token tells no page from another, as the cookie's own does."""
    token = request.POST.get("csrfmiddlewaretoken", "")
    return digest(token, facts) if len(token) == CSRF_TOKEN_LENGTH else None


def digest(*facts: Any) -> str:
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def asked(*given: forms.BaseForm) -> dict[str, Any]:
    """What was filled in, as it came: an hour later it may be no longer valid, and what it made
    then is the answer all the same. A field that is empty is as good as none."""
    facts = {name: form[name].data for form in given for name in form.fields}
    return {name: value for name, value in facts.items() if value not in (None, "", [], False)}


@dataclass(frozen=True)
class Key:
    """`stored`: as the row has it; None when nobody named a key, and every request is a new one.
    `digest`: of what is asked for."""

    stored: str | None
    digest: str | None

    @classmethod
    def of(cls, whose: str, key: str | None, facts: Mapping[str, Any]) -> "Key":
        """`whose`: nobody meets another's key. It is part of the digest, and no column beside it:
        a unique pair would take any number of rows whose author is null, as a command's is and
        that of a user who was removed."""
        if not key:
            return cls(None, None)
        return cls(digest(whose, key), digest(facts))

    @property
    def columns(self) -> dict[str, str | None]:
        return {"request_key": self.stored, "request_digest": self.digest}

    def made(self) -> Made | None:
        """What it made before. Raises KeyReused when something else was asked for then."""
        if self.stored is None:
            return None
        found: Made | None = Schedule.objects.filter(request_key=self.stored).first()
        found = found or Notice.objects.filter(request_key=self.stored).first()
        if found and found.request_digest != self.digest:
            raise KeyReused(found)
        return found

    def once(self, make: Callable[[], Made]) -> Made:
        """What `make` saves with `columns`. When somebody does at this moment, the database has
        us wait for them, and refuses ours: theirs is the answer."""
        try:
            return make()
        except IntegrityError:
            if found := self.made():
                return found
            raise

    def answer(self, made: Made, facts: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The first answer, word for word; kept before it is given."""
        if made.request_answer is None:
            made.request_answer = json.dumps(facts())
            if self.stored:
                rows = type(made)._default_manager.filter(pk=made.pk)
                rows.update(request_answer=made.request_answer)
        answer: dict[str, Any] = json.loads(made.request_answer)
        return answer
