"""The high-water mark, and what is in question after a restore."""

from django.db import migrations, models


def since():
    return models.DateTimeField(editable=False, null=True)


class Migration(migrations.Migration):
    dependencies = [("notices", "0004_request_key")]

    operations = [
        migrations.CreateModel(
            "HighWater",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("found_at", models.DateTimeField(null=True)),
                ("database_at", models.DateTimeField(null=True)),
                ("known_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField("notice", "in_question_since", since()),
        migrations.AddField("notice", "settled_at", since()),
        migrations.AddField("schedule", "in_question_since", since()),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["in_question_since"],
                condition=models.Q(in_question_since__isnull=False),
                name="notice_in_question",
            ),
        ),
    ]
