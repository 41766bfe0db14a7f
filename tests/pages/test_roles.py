"""Roles: what each opens by every door, and giving and taking them."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.urls import get_resolver

from notices import rights
from notices.models import Notice
from signup import roles
from signup.models import User
from tests.support.processes import ROOT
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)

W, S, AP, PM, AV, AU, AD = (
    "Writer", "Sender", "Approver", "People manager", "Address viewer", "Auditor", "Administrator",
)  # fmt: skip
ALL = {W, S, AP, PM, AV, AU, AD}
WRITE, PEOPLE, SEE_PEOPLE = {W, S, AD}, {PM, AD}, {PM, AU, AD}
N = 987654  # of nothing that there is
# Address -> who gets no 403 by GET and by POST; None: there is nothing to ask for by that.
DOORS = {
    "/notices/": (ALL, None),
    "/notices/new/": (WRITE, {S, AD}),
    "/notices/new/draft/": (None, WRITE),
    "/notices/new/draft/delete/": (None, WRITE),
    "/notices/new/file/": (None, {S, AD}),
    "/notices/new/when/": (None, ALL),
    "/notices/suppressed/": (ALL, None),
    f"/notices/suppressed/{N}/": (None, PEOPLE),
    f"/notices/{N}/": (ALL, None),
    f"/notices/{N}/edit/": ({S, AD}, {S, AD}),
    f"/notices/{N}/hold/": (None, {S, AD}),
    f"/notices/{N}/go-on/": (None, {S, AD}),
    f"/notices/{N}/check/": ({S, AP, AD}, {S, AP, AD}),  # who approves looks, and cannot send
    "/notices/check/sender/": (ALL, None),
    f"/notices/{N}/approval/": (None, {S, AP, AD}),
    f"/notices/{N}/test/": (None, {S, AD}),
    f"/notices/{N}/undo/": (None, {S, AD}),
    f"/notices/{N}/correct/": ({S, AD}, {S, AD}),
    f"/notices/{N}/pause/": (None, {S, AD}),
    f"/notices/{N}/resume/": (None, {S, AD}),
    f"/notices/{N}/start/": (None, {S, AD}),
    f"/notices/{N}/progress/": (ALL, None),
    f"/notices/{N}/cancel/": (None, {S, AD}),
    f"/notices/{N}/again/": ({S, AD}, {S, AD}),
    f"/notices/{N}.json": (ALL, None),
    f"/notices/{N}.csv": ({AD}, None),  # it takes two roles, or all
    "/notices/schedules/": (ALL, None),
    f"/notices/schedules/{N}/": (ALL, None),
    f"/notices/schedules/{N}/edit/": ({S, AD}, {S, AD}),
    f"/notices/schedules/{N}/act/": (None, {S, AD}),
    f"/notices/schedules/{N}/approval/": (None, {S, AP, AD}),
    f"/messages/{N}/": (ALL, None),
    "/search/": (ALL, None),
    "/people/": (SEE_PEOPLE, None),
    "/people/new/": (PEOPLE, PEOPLE),
    f"/people/{N}/": (SEE_PEOPLE, None),
    f"/people/{N}/edit/": (PEOPLE, PEOPLE),
    f"/people/{N}/active/": (None, PEOPLE),
    f"/people/{N}/data.json": ({PM, AD}, None),
    f"/people/{N}/erase/": ({AD}, {AD}),
    "/people/erased/": (SEE_PEOPLE, None),
    "/retention/": (ALL, {AD}),
    "/desk/": (ALL, None),
    "/settings/": (ALL, None),
    "/kinds/": (ALL, None),
    "/kinds/act/": (None, PEOPLE),
    "/audit/": ({AU, AD}, None),
    "/audit.csv": ({AU, AD}, None),
    "/roles/": ({AU, AD}, None),
    "/roles/act/": (None, {AD}),
    "/tokens/": ({AU, AD}, {AD}),
    f"/tokens/{N}/revoke/": (None, {AD}),
    "/groups/": (SEE_PEOPLE, None),
    "/groups/act/": (None, PEOPLE),
    "/uploads/": (PEOPLE, PEOPLE),
    f"/uploads/{N}/": (PEOPLE, None),
    f"/uploads/{N}/state/": (PEOPLE, None),
    f"/uploads/{N}/act/": (None, PEOPLE),
    f"/uploads/{N}/bad.csv": (PEOPLE, None),
    "/audiences/": (SEE_PEOPLE, None),
    "/audiences/new/": (PEOPLE, PEOPLE),
    "/audiences/count/": (None, PEOPLE),
    f"/audiences/{N}/": (SEE_PEOPLE, None),
    f"/audiences/{N}/delete/": (None, PEOPLE),
    "/health/": (ALL, ALL),
    "/health/alerts/": (None, ALL),
    "/health/restored/": (None, {S, AD}),
    "/health/codes/": (None, {S, AD}),
    # The admin's tables are for superusers, and for whom they give its own rights.
    "/admin/": (ALL, None),
    "/admin/signup/user/": (set(), set()),
    "/admin/signup/verification/": (set(), set()),
    "/admin/auth/group/": (set(), set()),
    "/admin/notices/notice/": (set(), set()),
    "/admin/notices/delivery/": (set(), set()),
    "/admin/notices/suppression/": (set(), set()),
    "/admin/otp_totp/totpdevice/": (set(), set()),
    "/admin/django_rq/dashboard/": (set(), None),
}
# For other people than staff, with doors and tests of their own.
ELSEWHERE = re.compile(
    "$|signup|login|logout|password|account|u/|receipts|anymail|healthz|readyz|language|outbox|"
    "admin|static|api"
)


@pytest.fixture
def made():
    """The roles as the migration makes them."""
    import_module("notices.migrations.0022_roles").make(apps, None)


def with_role(name, username="night_guard"):
    user = User.objects.create_user(username, is_staff=True)
    if name:
        user.groups.add(Group.objects.get(name=name))
    return user


def addresses(resolver=None, start=""):
    for each in (resolver or get_resolver()).url_patterns:
        path = start + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from addresses(each, path)
        elif not ELSEWHERE.match(path):
            yield f"/{path.replace('<int:pk>', str(N))}"


def test_every_door_of_staff_stands_in_the_table():
    assert set(addresses()) - set(DOORS) == set(), "add it to DOORS"


@pytest.mark.parametrize("role", [*sorted(ALL), ""])
def test_each_role_opens_what_the_table_says_by_page_and_by_json(client, made, role):
    client.force_login(with_role(role))
    for path, doors in DOORS.items():
        for method, may in zip(("get", "post"), doors, strict=True):
            if may is None:
                continue
            opens = role in may or (not role and may == ALL)
            answer = getattr(client, method)(path, {"subject": "Lift"})
            if path.startswith("/admin/") and not opens:
                assert answer.status_code in (302, 403), path
                continue
            assert (answer.status_code != 403) == opens, (method, path, answer.status_code)
            if not opens:
                assert "For this you need the right" in answer.text, path
    said = client.post("/notices/new/", {}, "application/json")
    assert (said.status_code != 403) == (role in (S, AD))
    assert client.get("/api/v1/token").status_code == 401  # programs have tokens, and no role


def test_all_that_there_is_to_give_has_its_words_and_the_administrator(made):
    assert set(roles.rights_of(Group.objects.get(name=AD))) == set(rights.WORDS)
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.WORDS) - {"Staff"}


def test_the_page_about_rights_has_each_role_and_each_right(made):
    written = (ROOT / "docs" / "rights.md").read_text()
    for name in ALL - {AD}:
        opened = {rights.WORDS[right] for right in roles.rights_of(Group.objects.get(name=name))}
        [row] = re.findall(rf"^\| {name} \| (.*) \|$", written, re.MULTILINE)
        assert set(row.split("; ")) == opened, name
    for right, words in rights.WORDS.items():
        assert f"\n| {words} | `{right}` | " in written


def test_a_group_of_that_name_is_left_as_it_was():
    Group.objects.create(name=AU)
    import_module("notices.migrations.0022_roles").make(apps, None)
    assert not Group.objects.get(name=AU).permissions.exists()
    assert Group.objects.get(name=AD).permissions.exists()


# Giving and taking


def act(client, do, role, **who):
    return client.post("/roles/act/", {"do": do, "role": Group.objects.get(name=role).pk} | who)


def names_of(user):
    user.refresh_from_db()
    return set(user.groups.values_list("name", flat=True)), user.is_staff


def test_an_administrator_gives_and_takes_roles(client, made, visitor):
    client.force_login(with_role(AD))
    assert "Give the role" in client.get("/roles/").text
    for _press in range(2):
        assert act(client, "give", S, username=" guest_wang ").status_code == 302
    assert names_of(visitor) == ({S}, True)
    page = client.get("/roles/").text
    assert "has the role “Sender” now" in page
    assert "guest_wang" in page
    assert act(client, "give", W, username="guest_wang").status_code == 302
    for name in (S, W, W):
        act(client, "take", name, user=visitor.pk)
    assert names_of(visitor) == (set(), False)
    assert "There is no active account" in act(client, "give", S, username="nobody").text
    for wrong in ({"do": "give", "role": N, "username": "guest_wang"}, {"do": "?", "role": "x"}):
        assert client.post("/roles/act/", wrong).status_code == 404


def test_who_had_a_right_of_their_own_stays_staff(client, made, staff):
    client.force_login(with_role(AD))
    act(client, "give", S, username=staff.username)
    act(client, "take", S, user=staff.pk)
    assert names_of(staff) == (set(), True)


def test_nobody_gives_or_takes_more_than_they_may_themselves_or_changes_their_own(
    client, made, visitor
):
    """By a right alone, without the role."""
    lesser = with_rights(with_role(""), rights.ROLES, rights.WRITE)
    boss = with_role(AD, "the_boss")
    client.force_login(lesser)
    assert act(client, "give", W, username="guest_wang").status_code == 302
    for refused in (
        act(client, "give", AD, username="guest_wang"),
        act(client, "give", S, username="guest_wang"),
        act(client, "take", AD, user=boss.pk),
        act(client, "give", W, username=lesser.username),
    ):
        assert refused.status_code == 403
    assert names_of(visitor) == ({W}, True)
    assert names_of(boss) == ({AD}, True)
    assert client.get("/roles/").text.count("Give the role") == 1


def test_somebody_who_can_give_roles_is_always_left(client, made):
    """Two take the role from one another: the second is refused, whoever looked at what."""
    one, other = with_role(AD, "admin_one"), with_role(AD, "admin_two")
    group = Group.objects.get(name=AD)
    stale = [User.objects.get(pk=each.pk) for each in (one, other)]
    assert all(each.has_perm(roles.MANAGE) for each in stale)  # as their requests began
    roles.take(group.pk, other, stale[0])
    with pytest.raises(ValidationError, match="Somebody has to be left"):
        roles.take(group.pk, one, stale[1])
    assert names_of(one) == ({AD}, True)
    boss = User.objects.create_superuser("the_boss")
    roles.take(group.pk, one, boss)
    client.force_login(boss)
    assert client.post(f"/admin/signup/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403


# A writer


WRITTEN = {
    "subject": "Lift",
    "text": "Dear ((name))",
    "channels": ["email"],
    "audience": "everyone",
}


def test_a_writer_saves_and_sees_drafts_for_everyone_and_sends_none(client, made, visitor):
    client.force_login(with_role(W))
    form = client.get("/notices/new/", follow=True).text
    assert "Save as a draft" in form
    assert "somebody who may send" in form
    assert 'name="when"' not in form
    assert 'value="everyone"' in form
    assert client.post("/notices/new/draft/", WRITTEN).status_code == 302
    draft = Notice.objects.get()
    assert "Lift" in client.get("/notices/").text
    shown = client.post("/notices/new/", WRITTEN | {"preview": "1"})
    assert "Dear night_guard" in shown.text
    named = {"draft": draft.pk, "version": 1}
    refused = client.post("/notices/new/", WRITTEN | named)
    assert refused.status_code == 403
    assert "the right “Write, send and cancel notices”" in refused.text
    assert Notice.objects.get().state == "draft"
    client.force_login(with_role(S, "the_sender"))
    assert "Check and send" in client.get(f"/notices/{draft.pk}/", follow=True).text
    assert client.post("/notices/new/", WRITTEN | named).status_code == 302
    assert Notice.objects.get().state == "waiting"
