"""A second person's word on what shall go."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices.models.notice import Notice
from notices.models.schedule import Schedule


class Approval(models.Model):
    """Of a notice or a schedule as it stood: `digest` is that of all that it says, to whom and when
    (delivery/approval.py). It is never changed once it was decided, and stays with the notice."""

    class Stage(models.TextChoices):
        ASKED = "asked", _("asked for")
        GIVEN = "given", _("approved")
        REFUSED = "refused", _("sent back")

    notice = models.ForeignKey(Notice, models.CASCADE, null=True, related_name="approvals")
    schedule = models.ForeignKey(Schedule, models.CASCADE, null=True, related_name="approvals")
    digest = models.CharField(max_length=64)
    people = models.PositiveIntegerField()  # of the audience, when it was asked for or decided
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.ASKED)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    note = models.CharField(max_length=255, blank=True, default="")  # why it was sent back

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Asked for by two at once, asked once.
            models.UniqueConstraint(
                fields=["notice", "digest"],
                condition=Q(stage="asked", notice__isnull=False),
                name="approval_asked_once",
            ),
            models.UniqueConstraint(
                fields=["schedule", "digest"],
                condition=Q(stage="asked", schedule__isnull=False),
                name="approval_of_schedule_asked_once",
            ),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk}"
