"""Names of the field, a wider channel; tables and columns keep the names that they have.

0001 is what used to be 0001 to 0007: a database that ran all of those goes on from here.
"""

import django.db.models.deletion
from django.db import migrations, models

import notices.channels


def refuse_half(apps, schema_editor):
    """Before anything is changed: a database that stopped somewhere between 0001 and 0007."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "notices_delivery")
    if "delivery_to_purge" not in found:
        raise RuntimeError(
            "This database has only some of the migrations that were made into one. Run"
            " `manage.py migrate` with the version of Bellhop that it comes from, then with this."
        )


def channel():
    return models.CharField(
        choices=notices.channels.choices, max_length=20, verbose_name="channel"
    )


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial")]

    operations = [
        migrations.RunPython(refuse_half, migrations.RunPython.noop),
        migrations.AlterModelTable("try", "notices_try"),
        migrations.RenameModel("Try", "FailedAttempt"),
        migrations.AlterField(
            "failedattempt",
            "delivery",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="failed_attempts",
                to="notices.delivery",
            ),
        ),
        migrations.AlterModelTable("slice", "notices_slice"),
        migrations.RenameModel("Slice", "StreamCursor"),
        migrations.AlterField(
            "streamcursor", "at", models.BigIntegerField(db_column="at", default=0)
        ),
        migrations.RenameField("streamcursor", "at", "position"),
        migrations.AlterField(
            "notice",
            "rung_at",
            models.DateTimeField(db_column="rung_at", editable=False, null=True),
        ),
        migrations.RenameField("notice", "rung_at", "active_at"),
        migrations.AlterField("delivery", "channel", channel()),
        migrations.AlterField("receipt", "channel", channel()),
        migrations.AlterField("suppression", "channel", channel()),
    ]
