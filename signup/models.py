"""Who people are, and the proof that a mobile is theirs."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import models as auth
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from config import clock
from signup import emails, names, usernames
from signup.audit.models import Entry
from signup.groups import Attribute, Change, Group, Membership
from signup.uploads.models import Headings, Part, Upload

__all__ = [
    "CODE_LIFETIME", "CODE_MINUTES", "CODE_TRIES", "STRANGERS_TRIES", "Attribute", "Change",
    "ContactChange", "Entry", "Group", "Headings", "Membership", "Part", "Passkey", "Purpose",
    "SignedIn", "Upload", "User", "Verification", "code_deadline", "default_time_zone",
    "reachable",
]  # fmt: skip

CODE_MINUTES = 5
CODE_LIFETIME = timedelta(minutes=CODE_MINUTES)
CODE_TRIES = 5
STRANGERS_TRIES = 2  # of those five, by whoever did not ask for the code
# `users` have these addresses from now on, and were saved in another way than by save().
reachable = Signal()


def default_time_zone() -> str:
    return str(settings.TIME_ZONE_DEFAULT)


def check_time_zone(name: str) -> None:
    if name not in settings.TIME_ZONES:
        raise ValidationError(_("Choose a time zone by its name, such as Asia/Shanghai."))


def code_deadline() -> datetime:
    return clock.now() + CODE_LIFETIME


class UserManager(auth.UserManager["User"]):
    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> "User":
        """By the name itself; else by one that differs by case only or looks alike. So nobody signs
        in, or is made, beside somebody of the same name."""
        exact = self.filter(username=username).first()
        return exact or self.get(name_key=usernames.key(username or ""))


class User(AbstractUser):
    """`mobile` is E.164 or null, `email` as emails.py keeps it or empty; both unique if given."""

    username = models.CharField(
        _("username"),
        max_length=20,
        unique=True,
        validators=[
            RegexValidator(r"^\w{5,20}\Z", _("Use 5 to 20 letters, digits or underscores."))
        ],
        error_messages={"unique": _("This username is taken. Choose another.")},
    )
    # usernames.key(), so that no two names look alike. Of those that did when this began, all but
    # one have their number behind it. Null: written by the version before.
    name_key = models.CharField(max_length=100, unique=True, null=True, editable=False)
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    # What they are called, in any script (names.py); empty: nobody said.
    name = models.CharField(
        _("name"), max_length=names.LONGEST, blank=True, default="", db_default=""
    )
    email = models.EmailField(_("email"), blank=True, default="")
    mobile = PhoneNumberField(
        _("mobile"),
        unique=True,
        null=True,
        blank=True,
        error_messages={"unique": _("This mobile number belongs to an account already.")},
    )
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default=default_time_zone, validators=[check_time_zone]
    )
    wants_email = models.BooleanField(_("wants notices by email"), default=True)
    wants_sms = models.BooleanField(_("wants notices by SMS"), default=True)
    # Name of an attribute -> this person's; null: none. Groups are in groups.Membership.
    attributes = models.JSONField(_("attributes"), null=True, blank=True, editable=False)

    objects = UserManager()  # type: ignore[misc]  # the stubs call it a class variable

    REQUIRED_FIELDS = []  # createsuperuser asks for the username only

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [  # in words: notices/rights.py
            ("view_audit", "See who did what"),
            ("manage_roles", "Give and take roles"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="user_email_unique",
                violation_error_message=_("This email address belongs to an account already."),
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = emails.canonical(self.email)  # also createsuperuser's
        key, known = usernames.key(self.username), self.name_key or ""
        if self._state.adding or (known and known.partition(":")[0] != key):
            self.name_key = key
            if (only := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*only, "name_key"}
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        """What messages call them."""
        return self.name or self.username

    get_short_name = get_full_name


class Purpose(models.TextChoices):
    """What a code is for. One for another purpose is no code at all."""

    SIGN_UP = "sign_up", _("signing up")
    SIGN_IN = "sign_in", _("signing in")
    PASSWORD = "password", _("a new password")
    MOBILE = "mobile", _("another number")
    PROGRAM = "program", _("another program")  # it says what for: notices/models/message.py

    @classmethod
    def of_nobodys(cls) -> "tuple[Purpose, ...]":
        """Those for which the number must not have an account yet."""
        return cls.SIGN_UP, cls.MOBILE


class Verification(models.Model):
    """One attempt to prove that a mobile is the visitor's, of the browser that asked for a code.
    The code is derived from this row (signup/codes.py), so it is never stored, and a code sent
    again has the same digits."""

    mobile = PhoneNumberField(_("mobile"))
    purpose = models.CharField(
        _("purpose"),
        max_length=10,
        choices=Purpose,
        default=Purpose.SIGN_UP,
        db_default=Purpose.SIGN_UP,
    )
    salt = models.CharField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=code_deadline)
    tries = models.PositiveSmallIntegerField(default=0)
    # How many of these came without the cookie of who asked: a few of them, so that the others
    # are left to the person.
    strangers_tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    used_at = models.DateTimeField(null=True)
    # By which signup/budget.py counts: how many SMS took this code, the first digits of the number,
    # and a digest of the network that asked, for a day.
    sent = models.PositiveSmallIntegerField(default=1, db_default=1)
    prefix = models.CharField(max_length=16, default="", db_default="")
    network = models.CharField(max_length=16, default="", db_default="")

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        indexes = [
            models.Index(fields=["mobile", "-id"], name="verification_of_mobile"),
            models.Index(fields=["created_at"], name="verification_to_purge"),
            models.Index(fields=["prefix", "created_at"], name="verification_of_prefix"),
            models.Index(fields=["network", "created_at"], name="verification_of_network"),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"


class ContactChange(models.Model):
    """Of the number or the address of an account. For a while, whoever has the one before can take
    it back (signup/account/undo.py)."""

    class Field(models.TextChoices):
        MOBILE = "mobile", _("mobile")
        EMAIL = "email", _("email")

    user = models.ForeignKey(User, models.CASCADE, related_name="contact_changes")
    field = models.CharField(max_length=10, choices=Field)
    before = models.CharField(max_length=254, blank=True)
    made_at = models.DateTimeField(default=timezone.now, db_index=True)
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"contact change {self.pk}"


class SignedIn(models.Model):
    """A browser in which somebody is signed in: its session, which may be over by now."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    browser = models.CharField(max_length=60, blank=True)
    since = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"session {self.pk}"

    @classmethod
    def end(cls, rows: models.QuerySet["SignedIn"]) -> int:
        """Signs out there, now; how many."""
        keys = list(rows.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        cls.objects.filter(session_key__in=keys).delete()
        return len(keys)


class Passkey(models.Model):
    """A second factor of staff (signup/passkeys.py): the public half of it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=50)
    credential_id = models.CharField(max_length=1400, unique=True)  # base64url of 1,023 bytes
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"passkey {self.pk}"


class BudgetRelease(models.Model):
    """A prefix or a network that staff let have codes for a while, however many stay unused."""

    subject = models.CharField(max_length=16, unique=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject
