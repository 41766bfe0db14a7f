"""The page from which everything is found that is set once and seldom changed."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from web.access import StaffRequest, staff_required

__all__ = ["settings"]


@require_GET
@staff_required
def settings(request: StaffRequest) -> HttpResponse:
    return render(request, "notices/settings.html")
