from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """As in the tutorials: Django's own, with a mobile."""

    mobile = models.CharField(max_length=16, unique=True)


class Code(models.Model):
    """One on its way."""

    objects: ClassVar[models.Manager["Code"]]  # the stubs do not know its app

    mobile = models.CharField(max_length=16)
    salt = models.CharField(max_length=32)
    state = models.CharField(max_length=10, default="queued")
    provider_ref = models.CharField(max_length=100, blank=True, default="")

    def __str__(self) -> str:
        return f"code {self.pk}"
