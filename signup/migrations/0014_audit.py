"""Who did what. The database itself refuses to change a row, and to remove one of the last 30 days
(signup/audit/models.py, MIN_DAYS)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import config.clock

SAID = "The audit log is only added to."
POSTGRESQL = f"""
CREATE FUNCTION signup_audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '{SAID}' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER signup_audit_is_kept BEFORE UPDATE OR DELETE ON signup_audit
FOR EACH ROW EXECUTE FUNCTION signup_audit_is_kept();
"""
# flushing() is of our own connections (config/sqlite3): another program removes nothing at all.
SQLITE = [
    f"""
CREATE TRIGGER signup_audit_is_not_changed BEFORE UPDATE ON signup_audit
BEGIN SELECT RAISE(ABORT, '{SAID}'); END
""",
    f"""
CREATE TRIGGER signup_audit_is_kept BEFORE DELETE ON signup_audit
WHEN NOT flushing() AND OLD.at >= datetime('now', '-30 days')
BEGIN SELECT RAISE(ABORT, '{SAID}'); END
""",
]


def keep(apps, schema_editor):
    for statement in [POSTGRESQL] if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def let_go(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION signup_audit_is_kept() CASCADE")


class Migration(migrations.Migration):

    dependencies = [
        ("signup", "0013_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=config.clock.now, verbose_name='when')),
                ('verb', models.CharField(max_length=30, verbose_name='what')),
                ('doer', models.CharField(db_default='', default='', max_length=100)),
                ('door', models.CharField(choices=[('page', 'page'), ('api', 'API'), ('command', 'command'), ('job', 'by itself')], max_length=10)),
                ('origin', models.CharField(db_default='', default='', max_length=50)),
                ('kind', models.CharField(choices=[('account', 'person'), ('notice', 'notice'), ('schedule', 'schedule'), ('suppression', 'suppression'), ('audience', 'audience'), ('upload', 'file'), ('token', 'token'), ('group', 'role')], db_default='', default='', max_length=15)),
                ('number', models.BigIntegerField(null=True)),
                ('facts', models.JSONField(default=dict)),
                ('by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'signup_audit',
                'ordering': ['-id'],
                'default_permissions': (),
                'indexes': [models.Index(fields=['at'], name='audit_at'), models.Index(fields=['verb', '-id'], name='audit_of_verb'), models.Index(fields=['kind', 'number', '-id'], name='audit_of_object')],
            },
        ),
        migrations.RunPython(keep, let_go),
    ]
