"""Addresses with an international domain, in its own letters: those on the suppression list, and
those of the notices that still go out. What was sent is a record and stays as it is."""

from django.db import IntegrityError, migrations, transaction

from signup import emails

UNFINISHED = ("waiting", "preparing", "sending", "paused")


def canonical(apps, schema_editor):
    suppressions = apps.get_model("notices", "Suppression").objects
    deliveries = apps.get_model("notices", "Delivery").objects
    for each in suppressions.filter(channel="email", address__contains="xn--").order_by("pk"):
        if not rename(each):  # it stands there in its own letters already
            each.delete()
    unfinished = deliveries.filter(notice__state__in=UNFINISHED, state="queued", channel="email")
    for each in unfinished.filter(address__contains="xn--"):
        rename(each)


def rename(row):
    """False when there is such a row."""
    row.address = emails.canonical(row.address)
    try:
        with transaction.atomic():
            row.save(update_fields=["address"])
    except IntegrityError:
        return False
    return True


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("notices", "0006_paused")]
    operations = [migrations.RunPython(canonical, migrations.RunPython.noop, elidable=True)]
