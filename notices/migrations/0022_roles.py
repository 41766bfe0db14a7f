"""Six roles and the right to see addresses, as groups. Nobody gets one by this, and the group "Staff"
stays as it is. A group that has the name of a role already is left alone: who is in it was not meant
to have more."""

from django.db import migrations

# Of a permission: its model, and its name.
PERMISSIONS = {
    "write_drafts": ("notices", "notice", "Write drafts"),
    "send_notice": ("notices", "notice", "Write, send and cancel notices"),
    "approve_notice": ("notices", "notice", "Can approve a notice"),
    "send_to_everyone": ("notices", "notice", "Send to everyone"),
    "manage_schedules": ("notices", "schedule", "Write, change and stop schedules"),
    "see_addresses": ("notices", "delivery", "See addresses and numbers"),
    "export_deliveries": ("notices", "delivery", "Download deliveries"),
    "lift_suppressions": ("notices", "suppression", "Lift suppressions"),
    "see_people": ("notices", "savedaudience", "See people, and what they were told"),
    "manage_people": ("notices", "savedaudience", "Add and change people, groups and audiences"),
    "manage_tokens": ("notices", "token", "Make and revoke tokens of the API"),
    "erase_people": ("notices", "erasure", "Erase people, and all that is kept about them"),
    "manage_retention": ("notices", "period", "Say how long things are kept"),
    "view_audit": ("signup", "user", "See who did what"),
    "manage_roles": ("signup", "user", "Give and take roles"),
}
ROLES = {
    "Writer": ["write_drafts"],
    "Sender": [
        "write_drafts", "send_notice", "send_to_everyone", "manage_schedules", "export_deliveries",
    ],
    "Approver": ["approve_notice"],
    "People manager": ["see_people", "manage_people", "see_addresses", "lift_suppressions"],
    "Address viewer": ["see_addresses"],
    "Auditor": ["see_people", "view_audit", "export_deliveries"],
    "Administrator": list(PERMISSIONS),
}  # fmt: skip


def make(apps, schema_editor):
    """Django itself makes permissions only after all migrations, and then finds these."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    rows = {}
    for codename, (app, model, name) in PERMISSIONS.items():
        kind, _ = kinds.get_or_create(app_label=app, model=model)
        rows[codename], _ = permissions.get_or_create(
            content_type=kind, codename=codename, defaults={"name": name}
        )
    for name, codenames in ROLES.items():
        role, made = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        if made:
            role.permissions.set([rows[codename] for codename in codenames])


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0021_the_people_in_a_file"),
        ("signup", "0013_roles"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterModelOptions(
            "notice",
            {
                "ordering": ["-id"],
                "permissions": [
                    (codename, PERMISSIONS[codename][2])
                    for codename in (
                        "write_drafts", "send_notice", "approve_notice", "send_to_everyone",
                    )  # fmt: skip
                ],
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
            },
        ),
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
