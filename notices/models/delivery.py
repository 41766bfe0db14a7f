"""The rows of record: what became of every message to every person. Redis only rings the bell."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import channels, rights
from notices.models.notice import Notice


class State(models.TextChoices):
    """Of a delivery. `SETTLED` below are the ones that nothing more will be done about."""

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("sending")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    FAILED = "failed", _("failed")
    UNCERTAIN = "uncertain", _("uncertain")
    CANCELLED = "cancelled", _("cancelled")
    SUPPRESSED = "suppressed", _("suppressed")
    EXPIRED = "expired", _("expired")
    NO_ADDRESS = "no_address", _("no address")


OPEN = (State.QUEUED, State.SENDING)
SETTLED = tuple(state for state in State if state not in OPEN)
# A person may have them sent again.
RESENDABLE = (State.UNCERTAIN, State.FAILED, State.BOUNCED, State.SENT, State.DELIVERED)


class Delivery(models.Model):
    """One message to one person by one channel: the row of record.

    A queued row with a token is claimed by the worker that has the token, until `lease_until` or,
    in a stream, until the stream's cursor is settled. Outside of a stream it becomes SENDING just
    before its own request leaves, so that a worker which dies leaves in doubt what its open
    requests hold. The record is written only with the same token.
    """

    message = models.CharField(_("message"), max_length=20)  # a name in messages.py
    # Its index is delivery_listed; that of `verification` is delivery_of_verification.
    notice = models.ForeignKey(
        Notice,
        models.CASCADE,
        null=True,
        related_name="deliveries",
        verbose_name=_("notice"),
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("user")
    )
    verification = models.ForeignKey(
        "signup.Verification", models.CASCADE, null=True, db_index=False
    )
    channel = models.CharField(_("channel"), max_length=20, choices=channels.choices)
    address = models.CharField(_("address"), max_length=254, blank=True)
    name = models.CharField(_("name"), max_length=150, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, default=settings.LANGUAGE_CODE)
    # Placeholder -> what stands there for this person, of those that the notice uses; null: none.
    values = models.JSONField(null=True)
    # https://host by which somebody asked for it: for links, where no PUBLIC_URL is set.
    origin = models.CharField(max_length=255, blank=True, default="")

    # A program tries the API: a provider that only plays one carries it.
    is_test = models.BooleanField(default=False, db_default=False)
    # A single message that nobody waits for: it is sent as notices are, behind codes.
    is_bulk = models.BooleanField(default=False, db_default=False)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=255, blank=True, default="")
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    token = models.CharField(max_length=32, null=True)
    lease_until = models.DateTimeField(null=True)
    provider = models.CharField(_("provider"), max_length=20, blank=True, default="")
    provider_ref = models.CharField(_("provider's number"), max_length=100, blank=True, default="")
    # Its provider may have it, and would not carry it twice: so long, it alone is asked again.
    doubt_until = models.DateTimeField(null=True)
    # Which version of its notice's text left last; 0: none, or before there were versions.
    version = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        permissions = rights.of(rights.ADDRESSES, rights.EXPORT)
        constraints = [
            # Listed twice, told once.
            models.UniqueConstraint(
                fields=["notice", "channel", "address"],
                condition=Q(notice__isnull=False) & ~Q(address=""),
                name="delivery_once_per_address",
            ),
            models.UniqueConstraint(
                fields=["notice", "channel", "user"],
                condition=Q(notice__isnull=False, user__isnull=False),
                name="delivery_once_per_user",
            ),
        ]
        # tests/delivery/test_plans.py says which query each of them is for.
        indexes = [
            models.Index(fields=["notice", "state", "channel", "id"], name="delivery_of_notice"),
            models.Index(fields=["notice", "channel", "id"], name="delivery_listed"),
            models.Index(
                fields=["verification"],
                condition=Q(verification__isnull=False),
                name="delivery_of_verification",
            ),
            models.Index(
                fields=["changed_at"],
                condition=Q(notice__isnull=True, state="queued"),
                name="delivery_alone",
            ),
            # Ten thousand that wait in bulk are not looked through for a code.
            *(
                models.Index(
                    fields=["channel", "id"],
                    condition=Q(notice__isnull=True, state="queued", is_bulk=is_bulk),
                    name=name,
                )
                for name, is_bulk in (("delivery_urgent", False), ("delivery_in_bulk", True))
            ),
            models.Index(
                fields=["created_at"], condition=Q(notice__isnull=True), name="delivery_to_purge"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(state="sending"), name="delivery_in_hand"
            ),
            models.Index(fields=["token"], condition=Q(token__isnull=False), name="delivery_token"),
            # A receipt names the provider and its number.
            models.Index(
                fields=["provider_ref", "provider"],
                condition=~Q(provider_ref=""),
                name="delivery_of_receipt",
            ),
            # Somebody asks what an address was told.
            models.Index(
                fields=["address", "id"], condition=~Q(address=""), name="delivery_of_address"
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"

    @property
    def host(self) -> str:
        """What its links begin with. Whoever asks for an email to somebody else chooses the Host
        header, so that is taken only where nothing better is known."""
        return settings.PUBLIC_URL or self.origin


class StreamCursor(models.Model):
    """A worker's position among the deliveries of a notice that it has claimed with this token and
    sends in the order of their ids (delivery/stream.py)."""

    token = models.CharField(max_length=32, primary_key=True)
    notice = models.ForeignKey(Notice, models.CASCADE)
    provider = models.CharField(max_length=20, default="")
    # The delivery whose request is leaving, or left last.
    position = models.BigIntegerField(default=0, db_column="at")
    lease_until = models.DateTimeField()
    version = models.PositiveSmallIntegerField(default=1, db_default=1)  # of the notice's text

    class Meta:
        db_table = "notices_slice"

    def __str__(self) -> str:
        return f"stream cursor {self.token}"


class FailedAttempt(models.Model):
    """An attempt that did not end with the provider's yes, and why. Those that did need no row."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="failed_attempts")
    at = models.DateTimeField(_("at"), default=timezone.now)
    provider = models.CharField(_("provider"), max_length=20, blank=True)
    reason = models.CharField(_("reason"), max_length=255)

    class Meta:
        db_table = "notices_try"
        verbose_name = _("failed try")
        verbose_name_plural = _("failed tries")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"failed attempt {self.pk}"
