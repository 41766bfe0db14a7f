"""Who is not to be told any more."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import channels, rights


class Suppression(models.Model):
    """An address that gets no notices until this is lifted; a dead one gets nothing at all.

    In place of the address of somebody who was erased there is its hash (audience/hashes.py).

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
        permissions = rights.of(rights.LIFT)
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

    @property
    def is_hashed(self) -> bool:
        return self.address.startswith("#")


# What is dead gets nothing. Who opted out gets no notices, but what they themselves ask for.
DEAD = (Suppression.Kind.BOUNCED, Suppression.Kind.DEAD)
