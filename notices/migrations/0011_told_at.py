from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("notices", "0010_saved_audiences")]
    operations = [
        migrations.AddField(
            model_name="receipt",
            name="told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
