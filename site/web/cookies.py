"""Cookies that we alone can have written and that no script reads."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

from web.answers import Response

__all__ = ["SignedCookie"]


@dataclass(frozen=True)
class SignedCookie:
    """`name`: without the prefix of the deployment."""

    name: str
    salt: str
    age: timedelta

    @property
    def key(self) -> str:
        return f"{settings.COOKIE_PREFIX}{self.name}"

    def read(self, request: HttpRequest) -> str:
        """Empty when there is none, or it is too old or not ours."""
        value = request.get_signed_cookie(self.key, "", salt=self.salt, max_age=self.age)
        return value or ""

    def write(self, response: Response, value: str) -> Response:
        response.set_signed_cookie(
            self.key,
            value,
            salt=self.salt,
            max_age=self.age,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response
