"""Who sends a POST again under the same Idempotency-Key gets the first answer, word for word, and
nothing is done twice.

The key's row is committed first, so that who comes meanwhile hears that it is in work. The answer
is stored in the transaction of what was made: a process that dies leaves neither, and after a while
another may take the key over."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _

from config import clock
from notices.api.bearer import Asked, with_limits
from notices.api.problems import Refused
from notices.models import Request
from notices.pages import idempotency

__all__ = ["as_json", "once", "text"]

IN_WORK = timedelta(seconds=60)  # after which whoever began is taken for dead

Operation = Callable[..., tuple[int, dict[str, Any]]]


def once(*, atomic: bool = True) -> Callable[[Operation], Callable[..., HttpResponse]]:
    """For an operation, which answers a status and facts. Without `atomic` it commits by itself:
    for what may be done again when a process died before its answer was kept."""

    def decorate(operation: Operation) -> Callable[..., HttpResponse]:
        @wraps(operation)
        def inner(request: Asked, *args: Any, **kwargs: Any) -> HttpResponse:
            key = request.headers.get("Idempotency-Key")
            if key is None:
                with transaction.atomic() if atomic else nullcontext():
                    status, facts = operation(request, *args, **kwargs)
                return as_json(request, status, text(facts))
            idempotency.check(key)
            own = digest(request.auth.pk, key)
            claimed = claim(own, digest_of(request))
            if isinstance(claimed, Request):
                assert claimed.status
                assert claimed.answer
                return as_json(request, claimed.status, claimed.answer)
            try:
                with transaction.atomic() if atomic else nullcontext():
                    status, facts = operation(request, *args, **kwargs)
                    keep(own, claimed, status, text(facts))
            except BaseException:  # it made nothing: the key may be used again
                mine(own, claimed).delete()
                raise
            return as_json(request, status, text(facts))

        return inner

    return decorate


def claim(key: str, what: str) -> datetime | Request:
    """When we took it, which is ours alone; or the row that has an answer. Raises Refused."""
    now = clock.now()
    try:
        with transaction.atomic():
            Request.objects.create(key=key, digest=what, started_at=now)
            return now
    except IntegrityError:
        found = Request.objects.filter(key=key).first()
    if found is None:  # refused at this moment
        raise in_work()
    if found.digest != what:
        raise Refused(
            "key_reused",
            _("This key was used for another request already. Use a new key for a new one."),
        )
    if found.answer is not None:
        return found
    dead = mine(key, found.started_at) if found.started_at <= now - IN_WORK else None
    if dead is None or not dead.update(started_at=now):
        raise in_work()
    return now


def mine(key: str, started_at: datetime) -> Any:
    return Request.objects.filter(key=key, started_at=started_at, answer=None)


def keep(key: str, started_at: datetime, status: int, answer: str) -> None:
    """Raises Refused when somebody took it over meanwhile: theirs is what is made."""
    if not mine(key, started_at).update(status=status, answer=answer):
        raise in_work()


def in_work() -> Refused:
    return Refused("in_work", _("A request with this key is in work. Ask again in a second."))


def text(facts: dict[str, Any]) -> str:
    return json.dumps(facts, cls=DjangoJSONEncoder)


def as_json(request: Asked, status: int, answer: str) -> HttpResponse:
    response = HttpResponse(answer, status=status, content_type="application/json")
    return with_limits(request, response)


def digest_of(request: Asked) -> str:
    try:
        body = json.loads(request.body or b"null")
    except (ValueError, RecursionError):  # the operation takes none, and did not look at it
        body = sha256(request.body).hexdigest()
    return digest(request.method, request.path, body)


def digest(*facts: Any) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
