"""Whom to tell, kept under a name: conditions about people, judged anew each time it is used."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices import rights
from signup.groups import LONGEST_GROUP


class SavedAudience(models.Model):
    """`conditions`: a list of alternatives, each a list of what all has to be true of a person
    (audience/conditions.py). `key`: the same for names that differ by case only."""

    name = models.CharField(_("name"), max_length=LONGEST_GROUP)
    key = models.CharField(max_length=2 * LONGEST_GROUP, unique=True, editable=False)
    conditions = models.JSONField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("saved audience")
        verbose_name_plural = _("saved audiences")
        default_permissions = ()
        permissions = rights.of(rights.SEE_PEOPLE, rights.PEOPLE)
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("audience", args=[self.pk])
