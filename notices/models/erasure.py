"""What was removed of somebody who asked for it, or of whom nothing was to be kept any more."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import rights


class Erasure(models.Model):
    """Asked for, and done when `done_at` says so. It tells of whom by the number alone, which leads
    nowhere then. `counts`: what (delivery/erasure.py, WORDS) -> how many."""

    class Way(models.TextChoices):
        OWN = "own", _("their account")
        PAGE = "page", _("the people's page")
        ADMIN = "admin", _("the admin")
        COMMAND = "command", _("a command")
        API = "api", _("the API")

    person = models.BigIntegerField()
    way = models.CharField(max_length=10, choices=Way)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        default_permissions = ()
        permissions = rights.of(rights.ERASE)
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=models.Q(done_at=None), name="erasure_once"
            )
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"
