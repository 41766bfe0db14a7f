from typing import ClassVar

from django.conf import settings
from django.db import models


class Message(models.Model):
    """A code on its way."""

    objects: ClassVar[
        models.Manager["Message"]
    ]  # its app is not among the apps that the stubs know

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    mobile = models.CharField(max_length=20)
    salt = models.CharField(max_length=32)
    state = models.CharField(max_length=10, default="queued")
    provider_ref = models.CharField(max_length=100, blank=True, default="")

    def __str__(self) -> str:
        return f"message {self.pk}"
