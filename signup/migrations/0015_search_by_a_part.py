"""An index by which PostgreSQL finds people by a part of a name, an address or a number. It needs an
extension that comes with PostgreSQL, which a provider may forbid: without it all people are read, as
on SQLite."""

import logging

from django.db import DatabaseError, migrations, transaction

log = logging.getLogger(__name__)


def make(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(
                "CREATE INDEX IF NOT EXISTS user_by_a_part ON signup_user USING gin (UPPER(name ||"
                " chr(10) || username || chr(10) || email || chr(10) || COALESCE(mobile, ''))"
                " gin_trgm_ops)"
            )
    except DatabaseError as problem:
        log.warning("People are searched without an index: %s", problem)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS user_by_a_part")


class Migration(migrations.Migration):
    dependencies = [
        ("signup", "0014_audit"),
    ]

    operations = [migrations.RunPython(make, remove)]
