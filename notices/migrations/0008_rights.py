"""What staff may do becomes rights of Django's. Whoever is staff keeps all that they could do until
now, by a group "Staff"; whoever comes later is put into it, or given less (docs/rights.md)."""

from django.conf import settings
from django.db import migrations

RIGHTS = {
    "notice": [
        ("send_notice", "Write, send and cancel notices"),
        ("send_to_everyone", "Send to everyone"),
    ],
    "schedule": [("manage_schedules", "Write, change and stop schedules")],
    "delivery": [
        ("see_addresses", "See addresses and numbers"),
        ("export_deliveries", "Download deliveries"),
    ],
    "suppression": [("lift_suppressions", "Lift suppressions")],
}


def keep(apps, schema_editor):
    """Django itself makes permissions only after all migrations, and then finds these."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Staff")
    for model, rights in RIGHTS.items():
        kind, _ = kinds.get_or_create(app_label="notices", model=model)
        for codename, name in rights:
            right, _ = permissions.get_or_create(
                content_type=kind, codename=codename, defaults={"name": name}
            )
            group.permissions.add(right)
    users = apps.get_model(settings.AUTH_USER_MODEL).objects
    group.user_set.add(*users.filter(is_staff=True).values_list("pk", flat=True))


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0007_international_addresses"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            "notice",
            {
                "ordering": ["-id"],
                "permissions": RIGHTS["notice"],
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
            },
        ),
        migrations.AlterModelOptions(
            "schedule",
            {
                "ordering": ["-id"],
                "permissions": RIGHTS["schedule"],
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
            },
        ),
        migrations.AlterModelOptions(
            "delivery",
            {
                "permissions": RIGHTS["delivery"],
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.AlterModelOptions(
            "suppression",
            {
                "ordering": ["-id"],
                "permissions": RIGHTS["suppression"],
                "verbose_name": "suppression",
                "verbose_name_plural": "suppressions",
            },
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
