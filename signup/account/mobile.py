"""Another number for one's own account, by a code that goes to it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from signup.account import by_code, changes, page
from signup.accounts import base_address
from signup.forms import TypedCodeForm
from signup.models import Purpose, User
from web import answers
from web.access import own_account

mobile_code = own_account(by_code.asks(by_code.MOBILE))


def change(request: HttpRequest, form: TypedCodeForm) -> User:
    """Raises Problem."""
    user: User = request.user  # type: ignore[assignment]
    page.count(request)
    verification = by_code.proven(request, form.checked(), Purpose.MOBILE)
    changes.change_mobile(user, verification, base_address(request))
    return user


def change_by_json(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    change(request, TypedCodeForm.from_json(body))
    return answers.ok()


@never_cache
@own_account
@answers.form_or_json(change_by_json)
@require_http_methods(["GET", "HEAD", "POST"])
def mobile(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("account_mobile_code")
    return by_code.answer(request, by_code.MOBILE, change)
