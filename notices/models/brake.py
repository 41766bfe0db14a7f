"""Why a notice stopped its emails by itself."""

from django.db import models
from django.utils import timezone

from notices.models.notice import Notice


class Brake(models.Model):
    """Written once for a notice and a reason: who lets it go on has decided about that one
    (delivery/brake.py)."""

    class Kind(models.TextChoices):
        BOUNCES = "bounces"
        COMPLAINTS = "complaints"

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="brakes")
    kind = models.CharField(max_length=10, choices=Kind)
    number = models.PositiveIntegerField()  # of bounces or complaints
    among = models.PositiveIntegerField()  # emails
    at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "kind"], name="brake_once_per_reason")
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"brake {self.pk}"
