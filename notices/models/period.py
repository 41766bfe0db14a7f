"""How long something is kept, where administrators have said so."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import rights


class Period(models.Model):
    """`kind`: a name in delivery/periods.py. `days`: 0 for as long as there is room."""

    kind = models.CharField(max_length=20, primary_key=True)
    days = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("retention period")
        verbose_name_plural = _("retention periods")
        default_permissions = ()
        permissions = rights.of(rights.RETENTION)

    def __str__(self) -> str:
        return self.kind
