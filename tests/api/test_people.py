"""People, groups, audiences, suppressions and health by the API."""

import pytest

from notices.api import tokens
from notices.audience import suppression
from signup import groups
from signup.models import User
from tests.api.asking import ask

pytestmark = pytest.mark.django_db(transaction=True)

URL, GROUPS, AUDIENCES, LIST = (
    f"/api/v1/{name}" for name in ("people", "groups", "audiences", "suppressions")
)


@pytest.fixture
def secret(staff):
    scopes = ["people:read", "people:write", "addresses:read", "suppressions:write"]
    return tokens.make("crm", scopes, author=staff)[1]


def test_a_person_is_added_found_changed_and_deactivated(secret, staff):
    group, _is_new = groups.make("Second floor")
    groups.make_attribute("room")
    body = {
        "name": "李雷", "mobile": "139 0000 0011", "groups": ["second floor"],
        "attributes": {"room": "12"}, "language": "zh-hans",
    }  # fmt: skip
    answer = ask(secret, URL, body)
    facts = answer.json()
    assert (answer.status_code, facts["mobile"]) == (201, "+8613900000011")
    assert (facts["groups"], facts["attributes"]) == (["Second floor"], {"room": "12"})
    assert ask(secret, f"{URL}/find", {"mobile": "+86 13900000011"}).json()["id"] == facts["id"]
    one = f"{URL}/{facts['id']}"
    changed = ask(secret, one, {"email": "Li@Example.com", "wants_sms": False}, "PATCH").json()
    assert (changed["email"], changed["wants_sms"], changed["mobile"], changed["name"]) == (
        "li@example.com", False, "+8613900000011", "李雷",
    )  # fmt: skip
    assert changed["groups"] == ["Second floor"]
    assert ask(secret, f"{one}/deactivate", method="POST").json()["active"] is False
    person = User.objects.get(pk=facts["id"])
    assert [each.by for each in person.changes.all()] == [staff] * 3
    assert [each["id"] for each in ask(secret, f"{URL}?group={group.pk}").json()["items"]] == [
        person.pk
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mobile": "12"}, "mobile"), ({"email": "x"}, "email"), ({"username": "x"}, "username"),
        ({"mobile": "13900000002"}, "mobile"), ({"groups": ["none"]}, "groups"),
        ({"attributes": {"shoe": "9"}}, "attributes"), ({"time_zone": "Mars"}, "time_zone"),
        ({"name": "x" * 200}, "name"), ({"wants_sms": "maybe"}, "wants_sms"), ({"age": 9}, "age"),
    ],
)  # fmt: skip
def test_what_the_page_refuses_is_refused_by_its_field(secret, visitor, body, field):
    answer = ask(secret, URL, body)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.json()
    assert User.objects.count() == 2


def test_accounts_of_staff_and_addresses_are_not_for_every_token(secret, staff, visitor):
    refused = ask(secret, f"{URL}/{staff.pk}", {"name": "x"}, "PATCH")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    reader = tokens.make("desk", ["people:read"])[1]
    shown = ask(reader, f"{URL}/{visitor.pk}").json()
    assert (shown["email"], shown["mobile"]) == ("w***@example.com", "+86 139 **** 0002")
    by_address = ask(reader, f"{URL}/find", {"email": visitor.email})
    assert by_address.json()["code"] == "missing_scope"
    assert ask(reader, f"{URL}/find", {"username": "GUEST_wang"}).json()["id"] == visitor.pk
    assert ask(reader, URL, {"name": "x"}).json()["code"] == "missing_scope"


def test_a_group_is_made_filled_renamed_and_deleted_unless_it_is_needed(secret, visitor):
    pk = ask(secret, GROUPS, {"name": "Guests"}).json()["id"]
    assert ask(secret, GROUPS, {"name": "guests"}).json()["id"] == pk
    one = f"{GROUPS}/{pk}"
    filled = ask(secret, f"{one}/members", {"add": [visitor.pk, 10**9, -1, 2**70]})
    assert filled.json()["people"] == 1
    assert ask(secret, one, {"name": "Friends"}, "PATCH").json()["name"] == "Friends"
    condition = {"what": "group", "value": "friends"}
    saved = ask(secret, AUDIENCES, {"name": "All friends", "any": [[condition]]}).json()
    assert (saved["recipients"], saved["words"]) == ({"email": 1, "sms": 1}, "group “Friends”")
    refused = ask(secret, one, method="DELETE")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    other = saved | {"any": [[condition | {"negated": True}]]}
    body = {name: other[name] for name in ("name", "any")}
    changed = ask(secret, f"{AUDIENCES}/{saved['id']}", body, "PUT").json()
    assert changed["words"] == "not group “Friends”"
    assert ask(secret, AUDIENCES, body).json()["field"] == "name"
    wrong = ask(secret, AUDIENCES, {"name": "x", "any": [[{"what": "shoe"}]]})
    assert wrong.json()["field"] == "any"
    assert ask(secret, f"{AUDIENCES}/{saved['id']}", method="DELETE").status_code == 204
    assert ask(secret, one, method="DELETE").status_code == 204


def test_an_address_is_put_on_the_list_found_and_lifted(secret):
    body = {"channel": "sms", "address": "139 0000 0011", "kind": "stop"}
    first, second = (ask(secret, LIST, body).json() for _each in range(2))
    assert first["id"] == second["id"]
    wanted = {"channel": "sms", "address": "+8613900000011"}
    assert [each["kind"] for each in ask(secret, f"{LIST}/find", wanted).json()["items"]] == [
        "stop"
    ]
    one = f"{LIST}/{first['id']}/lift"
    assert ask(secret, one, {"reason": " "}).json()["field"] == "reason"
    assert ask(secret, one, {"reason": "asked at the desk"}).json()["lifted_at"]
    assert not suppression.active("sms", "+8613900000011").exists()
    assert ask(secret, LIST).json()["items"] == []
    wrong = ask(secret, LIST, body | {"address": "li@example.com"})
    assert wrong.json()["field"] == "address"
    reader = tokens.make("desk", ["suppressions:read"])[1]
    assert ask(reader, f"{LIST}/find", wanted).json()["code"] == "missing_scope"
    assert ask(reader, f"{LIST}?lifted=true").json()["items"][0]["address"] == "+86 139 **** 0011"


def test_health_is_told_with_its_worst_part():
    secret = tokens.make("watch", ["health:read"])[1]
    facts = ask(secret, "/api/v1/health").json()
    assert facts["verdict"] == "bad"
    assert {"name": "Workers", "verdict": "bad"}.items() <= next(
        each for each in facts["parts"] if each["name"] == "Workers"
    ).items()
    assert {each["name"] for each in facts["queues"]} == {"sms", "email", "default", "bulk"}


def test_a_test_token_changes_nothing_of_anybody(visitor):
    trial = tokens.make("trial", list(tokens.SCOPES), is_test=True)[1]
    acts = [
        (URL, {"name": "x"}, "POST"), (f"{URL}/{visitor.pk}", {"name": "x"}, "PATCH"),
        (GROUPS, {"name": "x"}, "POST"), (AUDIENCES, {"name": "x", "any": []}, "POST"),
        (LIST, {"channel": "sms", "address": "13900000011", "kind": "stop"}, "POST"),
    ]  # fmt: skip
    assert [ask(trial, *act).json()["code"] for act in acts] == ["forbidden"] * len(acts)
