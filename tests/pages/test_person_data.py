"""A person is erased on a page, by a command, in the admin and by themselves; and what is kept
about them is handed out."""

import io
import json

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from notices import rights
from notices.audience import suppression
from notices.models import Delivery, Erasure
from signup.models import User
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "let me in please"


@pytest.fixture
def told(visitor):
    Delivery.objects.create(
        message="welcome", channel="email", user=visitor, address="wang@example.com", state="sent"
    )
    return visitor


@pytest.fixture
def reception(client, staff):
    client.force_login(staff)
    return client


def manage(*words):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("person", *words, stdout=out, stderr=err)
    except SystemExit as code:
        return out.getvalue(), code.code
    return out.getvalue(), 0


def addresses():
    return set(Delivery.objects.values_list("address", flat=True))


def test_the_page_asks_erases_once_and_keeps_a_receipt(reception, told, staff):
    path = f"/people/{told.pk}/erase/"
    assert path in reception.get(f"/people/{told.pk}/").text
    assert "This cannot be undone." in reception.get(path).text
    assert User.objects.filter(pk=told.pk).exists()
    done = reception.post(path, follow=True)
    assert done.redirect_chain == [("/people/erased/", 302)]
    assert "Erased. What was removed stands below." in done.text
    assert addresses() == {""}
    again = reception.post(path, follow=True)
    assert "This person is erased already." in again.text
    receipt = Erasure.objects.get()
    assert (receipt.person, receipt.by, receipt.counts["messages"]) == (told.pk, staff, 1)
    assert "wang" not in again.text
    assert reception.get("/people/999/erase/").status_code == 404


def test_who_lacks_the_right_or_meets_staff_is_refused(client, told, django_user_model):
    guard = with_rights(
        django_user_model.objects.create_user("night_guard", is_staff=True), rights.SEE_PEOPLE
    )
    client.force_login(guard)
    path = f"/people/{told.pk}/erase/"
    assert path not in client.get(f"/people/{told.pk}/").text
    assert rights.WORDS[rights.ERASE] in client.post(path).text
    assert client.get(f"/people/{told.pk}/data.json").status_code == 403
    with_rights(guard, rights.ERASE)
    colleague = User.objects.create_user("a_colleague", is_staff=True)
    assert client.post(f"/people/{colleague.pk}/erase/").status_code == 403
    assert Erasure.objects.count() == 0


def test_the_last_administrator_is_told_why_they_stay(client, told):
    boss = User.objects.create_superuser("the_boss", "boss@example.com", PASSWORD)
    client.force_login(boss)
    refused = client.post(f"/people/{boss.pk}/erase/")
    assert refused.status_code == 400
    assert "This is the last administrator. Make another one first." in refused.text
    chosen = {"action": "delete_selected", "_selected_action": [boss.pk, told.pk], "post": "yes"}
    client.post("/admin/signup/user/", chosen)
    client.post(f"/admin/signup/user/{boss.pk}/delete/", {"post": "yes"})
    assert User.objects.filter(pk=boss.pk, is_active=True).exists()
    with pytest.raises(CommandError, match="last administrator"):
        manage("erase", str(boss.pk))


def test_a_user_who_is_deleted_in_the_admin_leaves_no_address(client, told):
    client.force_login(User.objects.create_superuser("the_boss", "boss@example.com", PASSWORD))
    other = User.objects.create_user("guest_li", email="li@example.com")
    client.post(f"/admin/signup/user/{other.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [told.pk], "post": "yes"}
    client.post("/admin/signup/user/", chosen)
    assert set(User.objects.values_list("username", flat=True)) == {"the_boss"}
    assert addresses() == {""}
    assert set(Erasure.objects.values_list("way", flat=True)) == {"admin"}
    assert not LogEntry.objects.filter(object_repr__contains="guest_").exists()


def test_by_oneself_it_is_the_same(client, told):
    client.force_login(told)
    client.post("/account/delete/", {"password": PASSWORD})
    assert addresses() == {""}
    receipt = Erasure.objects.get()
    assert (receipt.way, receipt.by) == ("own", None)


def test_the_command_erases_exports_and_says_who_is_not_there(told, staff):
    exported, _code = manage("export", str(told.pk), "--as", "reception")
    assert json.loads(exported)["account"]["email"] == "wang@example.com"
    first = manage("erase", str(told.pk), "--as", "reception")
    assert json.loads(first[0])["removed"]["account"] == 1
    assert manage("erase", str(told.pk)) == first
    with pytest.raises(CommandError, match="There is no person 999"):
        manage("erase", "999")


def test_staff_download_what_the_person_could(reception, told, client):
    theirs = reception.get(f"/people/{told.pk}/data.json")
    assert theirs["Content-Disposition"].startswith("attachment; ")
    client.force_login(told)
    own = client.get("/account/data.json").json()
    assert theirs.json() | {"sessions": [], "account": own["account"]} == own | {"sessions": []}


def test_the_suppression_list_shows_a_hash_as_nobody_and_lifts_it(reception, told):
    suppression.add("sms", str(told.mobile), "stop")
    reception.post(f"/people/{told.pk}/erase/")
    shown = reception.get("/notices/suppressed/")
    assert "somebody who was erased" in shown.text
    assert "#" not in shown.text.partition("<tbody>")[2].partition("</tbody>")[0]
    found = reception.get("/notices/suppressed/", {"q": "139 0000 0002"}).context["page"]
    [row] = found.object_list
    reception.post(f"/notices/suppressed/{row.pk}/", {"reason": "asked for it"})
    assert not suppression.active("sms", "+8613900000002").exists()
