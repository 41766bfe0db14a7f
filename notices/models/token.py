"""By which another program shows who it is."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import clock
from notices import rights


class Token(models.Model):
    """Shown once, when it is made; only its digest is kept."""

    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # Its first characters, by which people tell one from another.
    prefix = models.CharField(_("begins with"), max_length=16)
    is_test = models.BooleanField(_("for tests"), default=False)  # what it sends goes nowhere
    scopes = models.JSONField(_("may"), default=list)  # names in api/tokens.py
    networks = models.JSONField(_("from networks"), default=list)  # CIDR; none: from anywhere
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("author")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)  # to the minute
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        permissions = rights.of(rights.TOKENS)
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"token {self.pk}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and not self.is_expired
