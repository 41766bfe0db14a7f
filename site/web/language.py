"""The language of the pages, and of what a person gets."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponseBase
from django.views import i18n

__all__ = ["set_language"]


def set_language(request: HttpRequest) -> HttpResponseBase:
    """As Django's: this browser's pages. Who is signed in gets messages in it from now on, too."""
    response = i18n.set_language(request)
    chosen = request.POST.get("language")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        get_user_model()._default_manager.filter(pk=request.user.pk).update(language=chosen)
    return response
