"""django-rq's dashboard, for those with the permission django_rq.admin only.

Its own pages ask for is_staff alone, but they show every job's arguments and can empty a queue.
"""

import logging
import re
from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import django_rq
from csp.decorators import csp_update
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError

log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

TEMPLATES = Path(django_rq.__file__).parent / "templates" / "django_rq"


def hashes(tag: str) -> list[str]:
    """For the policy: what stands inline in the package's own templates, which say no variable
    there, and nothing else. What they say in attributes (a row that is a link, too) is left out."""
    inline = re.compile(rf"<{tag}\b[^>]*>([^<]+)</{tag}>".encode())
    sources = [path.read_bytes() for path in TEMPLATES.glob("*.html")]
    found = {text for source in sources for text in inline.findall(source) if text.strip()}
    digests = sorted(b64encode(sha256(text).digest()).decode() for text in found)
    return [f"'sha256-{digest}'" for digest in digests]


CSP = {"script-src": hashes("script"), "style-src": hashes("style")}


def allowed(request: HttpRequest) -> bool:
    user = request.user
    return user.is_active and user.is_staff and user.has_perm("django_rq.admin")


def problem(request: HttpRequest, words: str, status: int) -> HttpResponseBase:
    context = {**admin.site.each_context(request), "title": _("Queues"), "words": words}
    return render(request, "health/dashboard_problem.html", context, status=status)


def answered(view: View) -> View:
    """The dashboard's page, or in words why there is none: its views raise whatever they meet."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (NoSuchJobError, IndexError, AssertionError):
            raise Http404 from None
        except InvalidJobOperation:
            words = _("This job is not in a state in which that can be done. Go back and reload.")
            return problem(request, words, 409)
        except (RedisError, OSError):
            words = _("Redis does not answer. The health page says what to do.")
            return problem(request, words, 503)
        except (DeserializationError, AttributeError, TypeError, ValueError):
            log.exception("The dashboard could not read a job.")
            words = _("What Redis holds of this job cannot be read. It was not run.")
            return problem(request, words, 422)

    return inner


class DashboardAdmin(QueueAdmin):
    def has_module_permission(self, request: HttpRequest) -> bool:
        return allowed(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request)

    def get_urls(self) -> list[URLPattern]:
        return [
            URLPattern(entry.pattern, self.guarded(entry.callback), entry.default_args, entry.name)
            for entry in super().get_urls()  # type: ignore[no-untyped-call]
        ]

    def guarded(self, view: View) -> View:
        """Also stats.json, which otherwise answers to any staff user or bearer token."""

        entered = self.admin_site.admin_view(answered(view))

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not allowed(request):
                raise PermissionDenied
            return entered(request, *args, **kwargs)

        return csp_update(CSP)(inner)


admin.site.unregister(Dashboard)
admin.site.register(Dashboard, DashboardAdmin)
