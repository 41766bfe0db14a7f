"""What whoever is on call is told of."""

from django.db import models
from django.db.models import Q


class Alert(models.Model):
    """Something that needs somebody, from when it was found until it had been gone for a while
    (health/alerts.py). It is told once when it begins, and once when it has ended."""

    key = models.CharField(max_length=60)  # what is wrong, and with what
    words = models.CharField(max_length=400)
    advice = models.CharField(max_length=400, default="")
    path = models.CharField(max_length=100, default="")  # where more of it stands
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    tell_at = models.DateTimeField()  # if it is still there then
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_told_at = models.DateTimeField(null=True)
    # Sending it: somebody tries, or the last time nobody took it.
    try_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(ended_at__isnull=True), name="alert_open_once"
            )
        ]
        indexes = [models.Index(fields=["key", "-told_at"], name="alert_told_last")]

    def __str__(self) -> str:
        return f"alert {self.key}"
