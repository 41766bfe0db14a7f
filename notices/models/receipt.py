"""What providers report."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import channels


class Receipt(models.Model):
    """What a provider reported, stored before it is understood. The unique constraint makes a
    report that comes twice harmless."""

    class Kind(models.TextChoices):
        DEFERRED = "deferred", _("deferred")
        DELIVERED = "delivered", _("delivered")
        BOUNCED = "bounced", _("bounced")
        COMPLAINED = "complained", _("complained")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        STOP = "stop", _("STOP")
        START = "start", _("START")

    provider = models.CharField(_("provider"), max_length=20)
    ref = models.CharField(_("provider's number"), max_length=100, blank=True)
    # Another number of the message: ours, where a provider knows requests by one (Yuntongxun); the
    # provider's, where `ref` is that of an opt-out.
    own_ref = models.CharField(max_length=100, blank=True, default="")
    # Our own number of the delivery, when the provider gives it back; else 0.
    delivery_number = models.BigIntegerField(_("delivery"), default=0)
    channel = models.CharField(_("channel"), max_length=20, choices=channels.choices)
    address = models.CharField(_("address"), max_length=254, blank=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    dead = models.BooleanField(_("dead address"), default=False)  # told with a bounce
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    told_at = models.DateTimeField(null=True, editable=False)  # by the provider's clock, if it says
    # It may be here before its delivery knows the provider's number: then it is looked at again.
    looks = models.PositiveSmallIntegerField(_("looks"), default=0)
    due_at = models.DateTimeField(default=timezone.now)
    handled_at = models.DateTimeField(_("handled"), null=True)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "ref", "delivery_number", "kind", "address"],
                name="receipt_once",
            )
        ]
        indexes = [
            # In this order: of two that seem to cost as much, SQLite takes the one made last.
            models.Index(fields=["handled_at"], name="receipt_handled"),
            models.Index(
                fields=["id", "due_at"], condition=Q(handled_at__isnull=True), name="receipt_due"
            ),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
