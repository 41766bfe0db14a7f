from django.db import migrations, models


class BesideWriters(migrations.AddIndex):
    """On PostgreSQL the notices that go out meanwhile go on. What an interrupted one left is made
    again: it would not be used."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
        schema_editor.add_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("notices", "0011_told_at")]
    operations = [
        BesideWriters(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("address", ""), _negated=True),
                fields=["address", "id"],
                name="delivery_of_address",
            ),
        ),
    ]
