"""The outbox page. It exists only on a developer's machine (config/urls.py), and only for who sits
at it: it shows the codes of everybody."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from config.addresses import is_elsewhere
from local import outbox as messages
from notices.providers.registry import LOOPBACK

# What a mail reader lets an email do: look as it likes, open links in a window of their own.
# No script, no form, no request to anybody.
EMAIL_POLICY = {
    "default-src": [NONE],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


View = Callable[..., HttpResponseBase]


def on_this_machine(view: View) -> View:
    """404 for who comes from elsewhere, by another name, or through a proxy."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = urlsplit(f"//{request.get_host()}").hostname or ""
        forwarded = {"X-Forwarded-For", "Forwarded"} & set(request.headers)
        origin = request.META.get("REMOTE_ADDR", "")
        if forwarded or name not in LOOPBACK or not origin or is_elsewhere(origin):
            raise Http404
        return view(request, *args, **kwargs)

    return inner


@on_this_machine
@require_safe
@csp_update({"frame-src": [SELF]})
def outbox(request: HttpRequest) -> HttpResponse:
    """Every SMS and email, the newest first. htmx asks again with `seen`, what it shows now, and
    gets 204 (leave the page alone) when nothing came."""
    query = request.GET.get("q", "").strip().replace("\0", "")[:254]
    version = messages.version(query)
    polled = "HX-Request" in request.headers
    if polled and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    context = {
        "q": query,
        "version": version,
        "sms": messages.newest_sms(query),
        "emails": messages.newest_emails(query),
        "sms_kept": bool(messages.sms_files()),
        "emails_kept": bool(messages.email_folder()),
        "shown": messages.SHOWN,
    }
    part = "outbox_messages" if polled else "outbox"
    return render(request, f"local/{part}.html", context)


@on_this_machine
@require_safe
@xframe_options_sameorigin
@csp(EMAIL_POLICY)  # type: ignore[arg-type]  # it is typed for views of one argument
def email_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of one email, for a frame: nothing in it runs, its links open outside the frame."""
    message = messages.read_email(name)
    if message is None or not message.html:
        raise Http404
    return HttpResponse(open_outside(message.html))


def open_outside(html: str) -> str:
    target = '<base target="_blank">'
    found = re.search(r"<head\b[^>]*>", html, re.IGNORECASE)
    return f"{html[: found.end()]}{target}{html[found.end() :]}" if found else target + html
