"""Who asks for the same notice or schedule twice gets the first one."""

from django.db import migrations, models


def fields(model):
    digest = {"max_length": 64, "null": True, "editable": False}
    return [
        migrations.AddField(model, "request_key", models.CharField(**digest)),
        migrations.AddField(model, "request_digest", models.CharField(**digest)),
        migrations.AddField(
            model, "request_answer", models.TextField(null=True, editable=False)
        ),
        migrations.AddConstraint(
            model,
            models.UniqueConstraint(
                fields=["request_key"],
                condition=models.Q(request_key__isnull=False),
                name=f"{model}_once_per_request",
            ),
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("notices", "0003_prepared_upto")]

    operations = [*fields("notice"), *fields("schedule")]
