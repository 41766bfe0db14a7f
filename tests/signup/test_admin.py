"""The admin gives nobody more rights than those who have them all give."""

import pytest
from django.contrib.auth.models import Group, Permission
from django_otp.plugins.otp_totp.models import TOTPDevice

from signup.models import User

pytestmark = pytest.mark.django_db(transaction=True)

RIGHTS = {"is_staff": "on", "is_superuser": "on", "is_active": "on"}


@pytest.fixture
def personnel(client):
    """Who may do with people and groups all that Django has a permission for; no superuser."""
    user = User.objects.create_user("hr_staff", email="hr@example.com", is_staff=True)
    codenames = [f"{do}_{what}" for do in ("add", "change", "view", "delete")
                 for what in ("user", "group")]  # fmt: skip
    codenames.append("see_addresses")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def boss():
    return User.objects.create_superuser("the_boss", "boss@example.com", "let me in please")


def change(client, user, **fields):
    written = {
        "username": user.username, "email": user.email, "language": "en", "time_zone": "UTC",
        "is_active": "on", "date_joined_0": "2026-11-26", "date_joined_1": "08:00:00",
    }  # fmt: skip
    return client.post(f"/admin/signup/user/{user.pk}/change/", written | fields)


def rights_of(user):
    user = User.objects.get(pk=user.pk)
    return user.is_staff, user.is_superuser, user.groups.count(), user.user_permissions.count()


def test_nobody_makes_themself_or_another_superuser(client, personnel, visitor):
    everything = {
        "groups": [Group.objects.create(name="all").pk],
        "user_permissions": list(Permission.objects.values_list("pk", flat=True)),
    }
    for user in (personnel, visitor):
        before = rights_of(user)
        done = change(client, user, **RIGHTS, **everything, email="new@x.example")
        assert done.status_code == 302
        assert rights_of(user) == before
        assert User.objects.get(pk=user.pk).email == "new@x.example"  # the rest is theirs to change
        User.objects.filter(pk=user.pk).update(email="")


def test_an_account_of_staff_is_changed_by_superusers_alone(client, personnel, boss, staff):
    for user in (boss, staff):
        assert change(client, user, email="mine@example.com").status_code == 403
        path = f"/admin/signup/user/{user.pk}/password/"
        new = {"password1": "brand new horse", "password2": "brand new horse"}
        assert client.post(path, new | {"usable_password": "true"}).status_code == 403
        path = f"/admin/signup/user/{user.pk}/delete/"
        assert client.post(path, {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        client.post("/admin/signup/user/", chosen)
        kept = User.objects.get(pk=user.pk)
        assert kept.email == user.email
        assert kept.check_password("let me in please")
    assert client.get(f"/admin/signup/user/{boss.pk}/change/").status_code == 200  # to look at


def test_people_who_are_not_staff_are_theirs_to_help(client, personnel, visitor):
    path = f"/admin/signup/user/{visitor.pk}/password/"
    new = {"password1": "brand new horse", "password2": "brand new horse"}
    assert client.post(path, new | {"usable_password": "true"}).status_code == 302
    assert User.objects.get(pk=visitor.pk).check_password("brand new horse")
    assert change(client, visitor, is_active="").status_code == 302
    assert not User.objects.get(pk=visitor.pk).is_active


def test_a_group_is_changed_by_superusers_alone(client, personnel, boss):
    group = Group.objects.create(name="hr")
    personnel.groups.add(group)
    body = {"name": "hr", "permissions": list(Permission.objects.values_list("pk", flat=True))}
    assert client.post(f"/admin/auth/group/{group.pk}/change/", body).status_code == 403
    assert client.post("/admin/auth/group/add/", body | {"name": "x"}).status_code == 403
    assert not group.permissions.exists()
    client.force_login(boss)
    assert client.post(f"/admin/auth/group/{group.pk}/change/", body).status_code == 302
    assert group.permissions.exists()


def test_superusers_give_rights_but_do_not_change_their_own(client, boss, visitor):
    client.force_login(boss)
    assert change(client, visitor, is_staff="on").status_code == 302
    assert rights_of(visitor)[0] is True
    assert change(client, boss, is_active="").status_code == 302
    assert rights_of(boss)[:2] == (True, True)
    assert User.objects.get(pk=boss.pk).is_active


def test_tables_of_people_are_for_who_sees_addresses(client, personnel, visitor):
    """A filter or a search would tell one digit after the other, too."""
    paths = ["", f"{visitor.pk}/change/", f"{visitor.pk}/password/", "?q=0002"]
    for path in paths:
        assert client.get(f"/admin/signup/user/{path}").status_code == 200
    personnel.user_permissions.remove(Permission.objects.get(codename="see_addresses"))
    personnel.user_permissions.add(Permission.objects.get(codename="view_verification"))
    for path in paths:
        assert client.get(f"/admin/signup/user/{path}").status_code in (302, 403)
    assert change(client, visitor, email="new@example.com").status_code == 403
    assert client.get("/admin/signup/verification/").status_code == 403


def test_devices_are_not_searched_by_email(client, personnel, visitor):
    TOTPDevice.objects.create(user=visitor, name="app")
    personnel.user_permissions.set(Permission.objects.filter(codename="view_totpdevice"))
    assert "guest_wang" in client.get("/admin/otp_totp/totpdevice/?q=guest").text
    assert "guest_wang" not in client.get("/admin/otp_totp/totpdevice/?q=example.com").text
