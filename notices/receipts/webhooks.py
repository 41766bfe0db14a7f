"""The door by which SMS providers report, the same for all: bounded, checked, stored, answered,
rung for. Nothing else, since ten thousand may come at once. What a request says is read in its
provider's own file; what is stored is applied by apply.py.

Forged: 403. Too large: 413. The database is away: 503 (web/middleware.py), and the provider
tries again. Redis is away: stored all the same; the sweep rings.
"""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import jobs
from notices.models import Receipt
from notices.providers import router
from notices.providers.reporting import MAX_BYTES
from notices.receipts import apply
from web.problems import Problem

__all__ = ["door", "keep", "receive"]

View = Callable[..., HttpResponse]


def door(largest: int) -> Callable[[View], View]:
    """For providers: POST without cookies, of at most `largest` bytes (web/bodies.py)."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def inner(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, **kwargs)
            except PermissionDenied:
                return HttpResponse(status=403)
            except Problem as problem:
                return HttpResponse(status=problem.status)

        inner.largest_body = largest  # type: ignore[attr-defined]
        return inner

    return decorate


@door(MAX_BYTES)
@require_POST
def receive(request: HttpRequest, name: str, rest: str = "") -> HttpResponse:
    """/receipts/NAME/REST"""
    provider = router.reporting(name)
    if provider is None:
        raise Http404
    receipts, answer = provider.receive(request, rest)
    keep(receipts)
    return answer


def keep(receipts: Collection[Receipt]) -> None:
    if receipts:
        apply.store(receipts)
        jobs.ring_for_receipts()
