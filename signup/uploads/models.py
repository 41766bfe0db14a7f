"""Files with people, between dropping one and having everybody in it, or having told them. They go
after a day, or when no notice needs them any more (notices/delivery/retention.py)."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """`data`: the file, until its rows are kept in parts. `columns`: its first row. `mapping`: for
    each of them what it means, or "" (columns.py). `active_at`: when a job last worked on it."""

    class State(models.TextChoices):
        READING = "reading", _("being read")
        MAPPING = "mapping", _("waits for you: what do its columns mean?")
        JUDGING = "judging", _("being checked")
        JUDGED = "judged", _("checked: waits for you")
        IMPORTING = "importing", _("being added")
        FINISHED = "finished", _("done")
        BROKEN = "broken", _("cannot be used")

    class Purpose(models.TextChoices):
        PEOPLE = "people", _("people to add")
        NOTICE = "notice", _("whom one notice is for")

    purpose = models.CharField(
        max_length=10, choices=Purpose, default=Purpose.PEOPLE, db_default=Purpose.PEOPLE
    )
    # Null: a command.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, db_index=True)
    name = models.CharField(max_length=100)
    language = models.CharField(max_length=10)  # of what is said about its cells
    state = models.CharField(max_length=10, choices=State, default=State.READING)
    problem = models.TextField(default="")
    data = models.BinaryField(null=True)
    digest = models.CharField(max_length=64, default="", db_default="")  # of the file
    columns = models.JSONField(default=list)
    mapping = models.JSONField(default=list)
    group = models.CharField(max_length=100, default="")  # all get into it
    new_groups = models.JSONField(default=list)
    active_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name or f"upload {self.pk}"


WORKED_ON = (Upload.State.READING, Upload.State.JUDGING, Upload.State.IMPORTING)


class Part(models.Model):
    """Some rows of a file. `rows`: each as its number and its cells, or why it has none.
    `problems`: each bad cell as row, column by place or null, and a sentence. `state`: how far it
    is, as the upload's that has done it last. Of one for a notice: `recipients`, what was read of
    each good row (recipients.py), and `repeated`, the numbers of those with an address from
    above."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    rows = models.JSONField()
    problems = models.JSONField(default=list)
    state = models.CharField(max_length=10, default=Upload.State.READING)
    size = models.PositiveIntegerField()
    bad = models.PositiveIntegerField(default=0)  # rows
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    recipients = models.JSONField(null=True)
    repeated = models.JSONField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["upload", "number"], name="part_of_upload_once")
        ]

    def __str__(self) -> str:
        return f"part {self.pk}"


class Headings(models.Model):
    """What the columns of a file were said to mean, for the next one with the same first row."""

    digest = models.CharField(max_length=64, unique=True)
    mapping = models.JSONField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"headings {self.pk}"
