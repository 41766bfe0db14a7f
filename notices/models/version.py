"""What a notice said before it was corrected."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from notices.models.notice import Notice


class Version(models.Model):
    """`texts`: as delivery/corrections.py took them, when version `number` was replaced. Which one
    somebody got stands with the delivery."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    texts = models.JSONField()
    replaced_at = models.DateTimeField(default=timezone.now)
    replaced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["notice", "number"], name="version_once_per_number")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of notice {self.notice_id}"
