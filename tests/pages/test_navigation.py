"""What a page leads to is there for the person who looks."""

import re

import pytest
from django.contrib.auth.models import Permission

from notices.templatetags.tables import labelled
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN = 'href="/admin/"'
PLACE = re.compile(r'<a href="([^"]+)"( aria-current="page")?>')


def side_bar(client, path):
    """Address -> whether it is marked as this page's."""
    text = client.get(path, follow=True).text
    bar = text[text.index('<header class="side">') : text.index('<nav class="own"')]
    return {address: bool(here) for address, here in PLACE.findall(bar)}


def test_admin_is_linked_for_those_whom_it_shows_something(client, staff):
    client.force_login(staff)
    assert ADMIN not in client.get("/settings/").text
    staff.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    assert ADMIN in client.get("/settings/").text
    staff.user_permissions.clear()
    staff.is_superuser = True
    staff.save()
    assert ADMIN in client.get("/settings/").text


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/notices/", "/notices/"), ("/notices/new/", "/notices/"),
        ("/notices/schedules/", "/notices/schedules/"), ("/search/?q=x", "/search/"),
        ("/notices/suppressed/", "/notices/suppressed/"), ("/groups/", "/people/"),
        ("/kinds/", "/settings/"), ("/account/", None),
    ],
)  # fmt: skip
def test_the_side_bar_says_where_one_is(client, staff, path, place):
    client.force_login(staff)
    places = side_bar(client, path)
    assert [each for each, here in places.items() if here] == ([place] if place else [])


def test_the_side_bar_and_the_settings_lead_only_where_one_may_go(client, django_user_model):
    guard = django_user_model.objects.create_user("night_guard", is_staff=True)
    client.force_login(guard)
    assert "/people/" not in side_bar(client, "/notices/")
    for known in ("/groups/", "/roles/", "/tokens/", "/audit/"):
        assert f'href="{known}"' not in client.get("/settings/").text
    with_rights(guard)
    places = side_bar(client, "/notices/")
    shown = re.findall(r'<dt><a href="([^"]+)"', client.get("/settings/").text)
    assert "/people/" in places
    assert {"/groups/", "/audit/", "/kinds/", "/retention/"} <= set(shown)
    for address in (*places, *shown):
        assert client.get(address).status_code == 200


def test_visitors_have_no_side_bar(client, visitor):
    client.force_login(visitor)
    assert 'class="side"' not in client.get("/account/").text


def test_each_cell_of_a_table_says_what_it_is():
    body = "<tr class='a'><td><b>1</b></td><th scope='row'>2</th><td>3</td></tr><tr><td>4</td></tr>"
    found = labelled(body, ["<a>Q &amp; A</a>", " ", "Now"])
    assert found == (
        "<tr class='a'><td data-label=\"Q &amp; A\"><b>1</b></td><th scope='row'>2</th>"
        '<td data-label="Now">3</td></tr><tr><td data-label="Q &amp; A">4</td></tr>'
    )


@pytest.mark.parametrize(
    ("path", "last"),
    [("/notices/schedules/", "Schedules"), ("/notices/suppressed/", "Suppression list")],
)
def test_crumbs_end_with_the_page(client, staff, path, last):
    client.force_login(staff)
    assert f'<a href="/notices/">Notices</a> / {last}</p>' in client.get(path).text
