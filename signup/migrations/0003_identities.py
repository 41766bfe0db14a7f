"""One identity each for the people who are there: the key of their names, and email addresses with
the domain in its own letters. Who looks like somebody earlier keeps name and address as they are."""

from django.db import migrations

from signup import emails, usernames

BATCH = 500


def identify(apps, schema_editor):
    User = apps.get_model("signup", "User")
    last = 0
    unknown = User.objects.filter(name_key=None).order_by("pk")
    while people := list(unknown.filter(pk__gt=last)[:BATCH]):
        last = people[-1].pk
        keys = {usernames.key(each.username) for each in people}
        taken = set(User.objects.filter(name_key__in=keys).values_list("name_key", flat=True))
        for each in people:
            each.name_key = usernames.key(each.username)
            if each.name_key in taken:
                each.name_key += f":{each.pk}"
            taken.add(each.name_key)
        User.objects.bulk_update(people, ["name_key"])
    for each in User.objects.filter(email__contains="xn--"):
        address = emails.canonical(each.email)
        if not User.objects.filter(email__iexact=address).exclude(pk=each.pk).exists():
            User.objects.filter(pk=each.pk).update(email=address)


class Migration(migrations.Migration):

    atomic = False  # no lock on the people while it goes on; it may be run again
    dependencies = [("signup", "0002_name_key")]
    operations = [migrations.RunPython(identify, migrations.RunPython.noop, elidable=True)]
