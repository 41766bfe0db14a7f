"""What staff tell many people."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from config import clock
from notices import rights
from notices.channels import CHANNELS
from notices.models.audience import SavedAudience
from notices.models.kind import Kind
from signup.models import default_time_zone


class Audience(models.TextChoices):
    EVERYONE = "everyone", _("Everyone")
    ADDRESSES = "addresses", _("Pasted addresses")
    GROUP = "group", _("A group")
    SAVED = "saved", _("A saved audience")
    UPLOAD = "upload", _("The people in a file")


class Content(models.Model):
    """What staff write: wording, channels and audience. A notice has them, and a schedule, which
    hands them on to the notices that it makes."""

    subject = models.CharField(_("subject"), max_length=150)
    text = models.TextField(_("text"), max_length=20_000)
    # The language of that text, once there are others: language -> subject, text, perhaps sms.
    language = models.CharField(_("language"), max_length=10, blank=True, default="", db_default="")
    texts = models.JSONField(null=True, blank=True)
    # What an SMS says instead; empty: the same.
    sms_text = models.TextField(
        _("text of the SMS"), max_length=20_000, blank=True, default="", db_default=""
    )
    channels = models.JSONField(_("channels"))  # a list of names in channels.py, in that order
    audience = models.CharField(_("audience"), max_length=10, choices=Audience)
    addresses = models.TextField(_("addresses"), blank=True, default="")  # one a line, normalised
    Audience = Audience

    # Null although the audience says so: it was deleted, and nobody is told.
    group = models.ForeignKey(
        "signup.Group", models.SET_NULL, null=True, blank=True, verbose_name=_("group")
    )
    saved = models.ForeignKey(
        SavedAudience, models.SET_NULL, null=True, blank=True, verbose_name=_("saved audience")
    )
    # Of a notice alone: a file goes when that was prepared (delivery/retention.py).
    upload = models.ForeignKey(
        "signup.Upload", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Null: the one that is always there for it.
    kind = models.ForeignKey(Kind, models.PROTECT, null=True, blank=True, verbose_name=_("kind"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("author")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # Minutes after the last email until those whom it did not reach get an SMS; null: never.
    escalate_minutes = models.PositiveSmallIntegerField(_("SMS after minutes"), null=True)
    zone = models.CharField(_("time zone"), max_length=64, default=default_time_zone)
    in_quiet_hours = models.BooleanField(_("also in the quiet hours"), default=False)
    # Who asks again gets this row (pages/idempotency.py): digests of who asked under which key, and
    # of what for; and the first answer, if that was JSON: as text, since a database may put a JSON
    # value in another order. Null: nobody named a key.
    request_key = models.CharField(max_length=64, null=True, editable=False)
    request_digest = models.CharField(max_length=64, null=True, editable=False)
    request_answer = models.TextField(null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.subject

    def get_channels_display(self) -> str:
        comma = pgettext("between the channels of a notice", ", ")
        return comma.join(str(CHANNELS[name].label) for name in self.channels)

    def get_audience_in_words(self) -> str:
        """With the name of its group, saved audience or file, if that is still there."""
        names = {"group": self.group, "saved": self.saved, "upload": self.upload}
        if named := names.get(self.audience):
            return f"{self.get_audience_display()}: {named}"
        return str(self.get_audience_display())


def once_per_request(name: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(
        fields=["request_key"],
        condition=Q(request_key__isnull=False),
        name=f"{name}_once_per_request",
    )


LONG_FIELDS = ("addresses", "text", "sms_text", "texts")  # that a list does not read
TEXT_FIELDS = ("subject", "text", "sms_text", "language", "texts")
CONTENT_FIELDS = (
    *TEXT_FIELDS, "kind", "channels", "audience", "group",
    "saved", "upload", "addresses", "escalate_minutes",
)  # fmt: skip


class Notice(Content):
    """What staff tell many people, once. `zone`: where its times were chosen."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")  # still being written: what it lacks is not asked for yet
        WAITING = "waiting", _("waiting")
        AWAITING = "awaiting", _("waits for approval")  # its time has come, and nobody approved it
        CHANGING = "changing", _("held: being changed")  # does not start while somebody edits it
        PREPARING = "preparing", _("preparing")
        SENDING = "sending", _("sending")
        PAUSED = "paused", _("paused")
        FINISHED = "finished", _("finished")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("expired")  # its time was over before it could start

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    start_at = models.DateTimeField(_("start"), default=timezone.now)
    not_after = models.DateTimeField(_("not after"), null=True, blank=True)
    # The end of the quiet hours that stopped it: until then nothing starts and nothing is sent.
    held_until = models.DateTimeField(_("held until"), null=True, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)
    escalated_at = models.DateTimeField(_("escalated"), null=True, editable=False)
    # How far its deliveries are prepared: a user's pk, or lines of pasted addresses.
    prepared_upto = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    # Somebody paused it, or it paused itself and says why: nothing of it is prepared or sent.
    paused_from = models.CharField(max_length=10, null=True, editable=False)  # its state before
    paused_at = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=255, default="", db_default="", editable=False)
    # Of its text: 1 until it is corrected on its way (delivery/corrections.py).
    version = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    # How many people a provider said to have called it spam (receipts/apply.py).
    complaints = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # Of a draft: who saves it says which version they saw.
    draft_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # The version that was checked and may be sent; 0 while nothing is asked to be.
    checked_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # When it was to start, as its writer chose; null: at once.
    planned_for = models.DateTimeField(null=True, editable=False)
    saved_at = models.DateTimeField(null=True, editable=False)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    # When it was found in a database that had been restored (delivery/restored.py): nothing of it
    # goes out until staff decide. `settled_at`: they decided that nothing more shall.
    in_question_since = models.DateTimeField(null=True, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    # By delivery/retention.py: of all its deliveries, and the pasted ones; the text.
    addresses_removed_at = models.DateTimeField(null=True, editable=False)
    text_removed_at = models.DateTimeField(null=True, editable=False)
    # When a worker last took a slice of it or was told to: the sweep rings for what is silent.
    active_at = models.DateTimeField(null=True, editable=False, db_column="rung_at")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        permissions = rights.of(rights.WRITE, rights.SEND, rights.APPROVE, rights.EVERYONE)
        ordering = ["-id"]
        constraints = [once_per_request("notice")]
        indexes = [
            # Not partial: SQLite does not see that `state IN (…)` is the condition, and a table of
            # notices holds long texts, which make it slow to read.
            models.Index(fields=["state", "finished_at"], name="notice_by_state"),
            models.Index(
                fields=["finished_at"],
                condition=Q(escalate_minutes__isnull=False, escalated_at__isnull=True),
                name="notice_to_escalate",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False, addresses_removed_at__isnull=True),
                name="notice_with_addresses",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False, text_removed_at__isnull=True),
                name="notice_with_text",
            ),
            models.Index(
                fields=["in_question_since"],
                condition=Q(in_question_since__isnull=False),
                name="notice_in_question",
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("notice", args=[self.pk])

    @property
    def is_held(self) -> bool:
        unfinished = self.state in (self.State.WAITING, self.State.SENDING)
        return unfinished and self.held_until is not None and self.held_until > clock.now()


# Its audience is still asked for.
UNPREPARED = (
    Notice.State.WAITING, Notice.State.AWAITING, Notice.State.CHANGING, Notice.State.PREPARING,
    Notice.State.PAUSED,
)  # fmt: skip
NOT_STARTED = (Notice.State.WAITING, Notice.State.AWAITING, Notice.State.CHANGING)
# What goes on by itself when its time has come.
UNDER_WAY = (Notice.State.WAITING, Notice.State.PREPARING, Notice.State.SENDING)
# Something of it may still go out.
UNFINISHED = (*UNDER_WAY, Notice.State.AWAITING, Notice.State.CHANGING, Notice.State.PAUSED)
