from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("signup", "0012_files_of_notices"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("view_audit", "See who did what"),
                    ("manage_roles", "Give and take roles"),
                ],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
    ]
