"""The language of the pages, and of what a person gets."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views import i18n

__all__ = ["remember_language", "set_language"]


def set_language(request: HttpRequest) -> HttpResponseBase:
    """As Django's: this browser's pages. Who is signed in gets messages in it from now on, too."""
    response = i18n.set_language(request)
    chosen = request.POST.get("language")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        get_user_model()._default_manager.filter(pk=request.user.pk).update(language=chosen)
    return response


def remember_language(response: HttpResponse, language: str) -> HttpResponse:
    """Has this browser's pages in it, as the footer's switch does."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return response
