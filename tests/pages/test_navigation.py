"""What a page leads to is there for the person who looks."""

import pytest
from django.contrib.auth.models import Permission

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN = 'href="/admin/"'


def test_admin_is_linked_for_those_whom_it_shows_something(client, staff):
    client.force_login(staff)
    assert ADMIN not in client.get("/notices/").text
    staff.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    assert ADMIN in client.get("/notices/").text
    staff.user_permissions.clear()
    staff.is_superuser = True
    staff.save()
    assert ADMIN in client.get("/notices/").text


@pytest.mark.parametrize(
    ("path", "last"),
    [("/notices/schedules/", "Schedules"), ("/notices/suppressed/", "Suppression list")],
)
def test_crumbs_end_with_the_page(client, staff, path, last):
    client.force_login(staff)
    assert f'<a href="/notices/">Notices</a> / {last}</p>' in client.get(path).text
