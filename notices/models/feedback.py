"""What comes back: receipts of providers, and who is not to be told any more."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import channels


class Suppression(models.Model):
    """An address that gets no notices until this is lifted; a dead one gets nothing at all.

    An address may stand here more than once, each time for another reason: who answers START
    takes back their STOP, and a bounce of the same address stays.
    """

    class Kind(models.TextChoices):
        BOUNCED = "bounced", _("an email to it came back")
        DEAD = "dead", _("the provider says that it does not exist")
        COMPLAINED = "complained", _("complained about spam")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        STOP = "stop", _("answered STOP")

    channel = models.CharField(_("channel"), max_length=20, choices=channels.choices)
    address = models.CharField(_("address"), max_length=254)  # lower-case email or E.164
    kind = models.CharField(_("why"), max_length=12, choices=Kind)
    since = models.DateTimeField(_("since"), default=timezone.now)
    note = models.CharField(_("note"), max_length=255, blank=True, default="")
    lifted_at = models.DateTimeField(_("lifted"), null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("lifted by")
    )
    lift_reason = models.CharField(_("why lifted"), max_length=255, blank=True, default="")

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address", "kind"],
                condition=Q(lifted_at__isnull=True),
                name="suppression_once",
            )
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"


# What is dead gets nothing. Who opted out gets no notices, but what they themselves ask for.
DEAD = (Suppression.Kind.BOUNCED, Suppression.Kind.DEAD)


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
            models.Index(
                fields=["id", "due_at"], condition=Q(handled_at__isnull=True), name="receipt_due"
            ),
            models.Index(fields=["handled_at"], name="receipt_handled"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
