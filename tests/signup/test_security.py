"""The security log: what is told, by whichever door, and that no line holds a name or address."""

import logging
import os
import re
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from notices.audience import suppression
from notices.models import Suppression
from signup import rates
from signup.models import User
from tests.pages.test_notices import GOOD
from tests.signup.test_admin import change
from tests.support.processes import ROOT
from tests.support.world import database_url, sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "let me in please"
SECRETS = ("guest_wang", "reception", "wang@example.com", "13900000", "127.0.0.1", "brand new")


@pytest.fixture
def lines():
    """event -> facts of each line, as they are written; at the end none holds what it must not."""
    found = []

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(record.getMessage())

    handler, log = Keep(), logging.getLogger("security")
    log.addHandler(handler)
    yield lambda event: [facts for facts in map(read, found) if facts["event"] == event]
    log.removeHandler(handler)
    for line in found:
        assert not [secret for secret in SECRETS if secret in line], line


def read(line):
    return dict(fact.split("=", 1) for fact in line.split(" "))


def sign_in(client, name="guest_wang", password=PASSWORD):
    return client.post("/login/", {"username": name, "password": password})


def test_who_comes_in_and_goes(client, staff, lines):
    sign_in(client, staff.username)
    [facts] = lines("sign-in")
    assert (facts["user"], facts["route"]) == (str(staff.pk), "/login/")
    assert re.fullmatch("[0-9a-f]{16}", facts["origin"])
    client.post("/logout/")
    [gone] = lines("sign-out")
    assert (gone["user"], gone["origin"]) == (facts["user"], facts["origin"])
    sign_in(Client(REMOTE_ADDR="192.0.2.9"), staff.username)
    assert lines("sign-in")[1]["origin"] != facts["origin"]


def test_who_does_not_come_in(client, visitor, lines):
    for name in ("guest_wang", "nobody_here", "NOBODY_here"):
        sign_in(client, name, "brand new")
    known, one, same = lines("sign-in-failed")
    assert (known["account"], known["user"]) == (str(visitor.pk), "-")
    assert one["name"] == same["name"]
    assert "nobody" not in one["name"]


def test_a_limit_that_was_reached(client, visitor, lines, monkeypatch):
    monkeypatch.setattr(rates, "SIGN_IN", "1/minute")
    for _ in range(2):
        sign_in(client, password="wrong")
    [facts] = lines("limit")
    assert (facts["route"], facts["user"]) == ("/login/", "-")
    for _ in range(2):  # whose second answer must not say it
        client.post("/password/", {"email": "wang@example.com"})
    assert [each["route"] for each in lines("limit")] == ["/login/", "/password/"]


def test_what_was_refused(client, django_user_model, lines):
    guard = django_user_model.objects.create_user("night_guard", is_staff=True)
    number = sent_now().pk
    client.force_login(guard)
    client.get(f"/notices/{number}.csv")
    client.post("/notices/new/", GOOD, "application/json")
    client.post("/receipts/twilio/", {})
    Client(enforce_csrf_checks=True).post("/login/", {})
    export, write, *rest = lines("refused")
    assert (export["user"], export["pk"]) == (str(guard.pk), str(number))
    assert (export["route"], export["right"]) == (
        "/notices/<int:pk>.csv", "notices.export_deliveries",
    )  # fmt: skip
    assert (write["route"], write["method"]) == ("/notices/new/", "POST")
    assert [each["route"] for each in rest][-1] == "/login/"


def test_what_left_and_what_was_lifted(client, staff, lines):
    number = sent_now(staff).pk
    client.force_login(staff)
    client.get(f"/notices/{number}.csv")
    [export] = lines("export")
    assert (export["user"], export["pk"]) == (str(staff.pk), str(number))
    suppression.add("email", "wang@example.com", "unsubscribed")
    row = Suppression.objects.get()
    client.post(f"/notices/suppressed/{row.pk}/", {"reason": "wang@example.com asked"})
    [lifted] = lines("lifted")
    assert (lifted["user"], lifted["pk"]) == (str(staff.pk), str(row.pk))


def test_a_new_password_by_link_and_by_the_admin(client, visitor, lines):
    uid = urlsafe_base64_encode(force_bytes(visitor.pk))
    link = f"/password/{uid}/{default_token_generator.make_token(visitor)}/"
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, {"new_password1": "brand new horse", "new_password2": "brand new horse"})
    [by_link] = lines("password-changed")
    assert (by_link["account"], by_link["user"]) == (str(visitor.pk), "-")
    assert by_link["route"] == "/password/<uidb64>/<token>/"
    boss = User.objects.create_superuser("the_boss", password=PASSWORD)
    assert len(lines("password-changed")) == 1  # an account that is new changes none
    client.force_login(boss)
    new = {"password1": "brand new mare", "password2": "brand new mare", "usable_password": "true"}
    client.post(f"/admin/signup/user/{visitor.pk}/password/", new)
    assert lines("password-changed")[1]["user"] == str(boss.pk)
    disable = {"usable_password": "false", "unset-password": ""}
    client.post(f"/admin/signup/user/{visitor.pk}/password/", disable)
    [disabled] = lines("password-disabled")
    assert (disabled["account"], disabled["user"]) == (str(visitor.pk), str(boss.pk))
    assert len(lines("password-changed")) == 2


def test_rights_that_were_changed_by_whom_and_whose(client, visitor, lines):
    boss = User.objects.create_superuser("the_boss")
    client.force_login(boss)
    group = Group.objects.create(name="desk")
    change(client, visitor, email="new@example.com", is_staff="on", groups=[group.pk])
    [facts] = lines("rights-changed")
    assert (facts["user"], facts["account"]) == (str(boss.pk), str(visitor.pk))
    assert facts["changed"] == "is_staff,groups,email,mobile"
    permissions = list(with_rights(visitor).user_permissions.values_list("pk", flat=True))
    client.post(
        f"/admin/auth/group/{group.pk}/change/", {"name": "desk", "permissions": permissions}
    )
    assert lines("rights-changed")[1]["group"] == str(group.pk)
    client.post(f"/admin/signup/user/{visitor.pk}/delete/", {"post": "yes"})
    assert lines("user-deleted")[0]["account"] == str(visitor.pk)


def test_a_line_has_its_time_whatever_else_is_told_and_is_no_part_of_an_answer(visitor):
    code = (
        "from signup.models import User; u = User.objects.get(); u.set_password('brand new'); "
        "u.save(); import logging; logging.getLogger('notices').warning('other')"
    )
    shell = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code], cwd=ROOT, text=True, timeout=60,
        env=os.environ | {"DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR"},
        capture_output=True, check=True,
    )  # fmt: skip
    assert shell.stdout == ""
    [line] = shell.stderr.splitlines()
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{when} INFO security: event=password-changed account=\d+", line)
