"""The staff's page of the API's tokens: making one, which is shown once, and revoking."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from notices import rights
from notices.api import tokens
from notices.models import Token
from notices.rights import demand, right_required
from web.access import StaffRequest
from web.problems import Problem

__all__ = ["listing", "revoke"]

SHOWN = 200


class TokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Who will use it.")
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), widget=forms.CheckboxSelectMultiple
    )
    is_test = forms.BooleanField(
        label=gettext_lazy("For tests: what it sends reaches nobody"), required=False
    )
    expires = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Empty: until it is revoked."),
    )
    networks = forms.CharField(
        label=gettext_lazy("Only from these networks"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy("Such as 203.0.113.0/24. Empty: from anywhere."),
    )

    def __init__(self, *args: object, allowed: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field: forms.MultipleChoiceField = self.fields["scopes"]  # type: ignore[assignment]
        field.choices = [(each, f"{_(tokens.SCOPES[each][0])} ({each})") for each in allowed]


@require_http_methods(["GET", "HEAD", "POST"])
@right_required(rights.TOKENS, rights.SEE_WHO_DID_WHAT)
@never_cache
def listing(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        demand(request, rights.TOKENS)
    form = TokenForm(request.POST or None, allowed=tokens.may_give(request.user))
    secret = made(request, form) if form.is_bound and form.is_valid() else ""
    if secret:
        form = TokenForm(allowed=tokens.may_give(request.user))
    rows = Token.objects.select_related("author").order_by("-id")[:SHOWN]
    context = {"form": form, "rows": rows, "secret": secret}
    return render(request, "notices/tokens.html", context, status=400 if form.errors else 200)


def made(request: StaffRequest, form: TokenForm) -> str:
    """The new token, or nothing and an error in the form. It is part of this answer and kept
    nowhere: not in a session, an address or a log."""
    facts = form.cleaned_data
    try:
        _row, secret = tokens.make(
            facts["name"],
            facts["scopes"],
            is_test=facts["is_test"],
            author=request.user,
            expires_at=end_of(facts["expires"]),
            networks=tokens.networks(facts["networks"]),
        )
    except Problem as problem:
        for name, sentences in problem.errors.items():
            form.add_error("expires" if name == "expires_at" else name, sentences)
        return ""
    return secret


def end_of(day: date | None) -> datetime | None:
    """In the reader's time zone."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time())) if day else None


@require_POST
@right_required(rights.TOKENS)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Token, pk=pk)
    tokens.revoke(row.pk)
    messages.success(request, _("Revoked. Whatever uses it is refused from now on."))
    return redirect("tokens")
