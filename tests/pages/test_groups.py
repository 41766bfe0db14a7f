"""The page of groups and attributes."""

import pytest

from notices import rights
from notices.audience import conditions
from notices.models import SavedAudience
from signup import groups
from signup.models import Attribute, Group, Membership, User
from tests.support.world import notice, repeated, with_rights

pytestmark = pytest.mark.django_db


@pytest.fixture
def act(client, staff):
    client.force_login(staff)

    def act(step, **fields):
        return client.post("/groups/act/", {"step": step, **fields})

    return act


def names():
    return sorted(Group.objects.values_list("name", flat=True))


def test_groups_are_made_renamed_merged_and_deleted(act, client, staff, visitor):
    act("make", name="Building  B")
    act("make", name="building b")  # is there already
    act("make", name="棋社")
    assert names() == ["Building B", "棋社"]
    building, chess = Group.objects.order_by("pk")
    groups.add(building, [staff.pk, visitor.pk])
    groups.add(chess, [staff.pk])
    act("rename", group=building.pk, name="House B")
    schedule = repeated(audience="group", group=building)
    audience = SavedAudience.objects.create(
        name="x", key="x", conditions=[[conditions.read("group", "house b", negated=True)]]
    )
    assert "House B" in client.get("/groups/").text
    act("merge", group=building.pk, into=chess.pk)
    assert names() == ["棋社"]
    assert Membership.objects.filter(group=chess).count() == 2
    schedule.refresh_from_db()
    audience.refresh_from_db()
    assert schedule.group == chess
    assert conditions.sentence(audience.conditions) == "not group “棋社”"


def test_group_that_is_still_to_be_told_is_not_deleted(act):
    group = groups.make("B")[0]
    waiting = notice(audience="group", group=group)
    waiting.save()
    answer = act("delete", group=group.pk)
    assert answer.status_code == 400
    assert f"It is still in use: notice {waiting.pk}." in answer.text
    type(waiting).objects.update(state="finished")
    assert act("delete", group=group.pk).status_code == 302
    assert act("delete", group=group.pk).status_code == 302  # twice is once
    assert names() == []
    waiting.refresh_from_db()
    assert waiting.group is None


def test_attribute_goes_from_all_people(act, visitor):
    act("make_attribute", name="Building")
    act("make_attribute", name="room no")
    visitor.attributes = {"building": "B", "room no": "7"}
    visitor.save()
    text = notice(text="In (( building ))")
    text.save()
    assert "still in use" in act("delete_attribute", attribute="building").text
    text.delete()
    act("delete_attribute", attribute="building")
    assert groups.attributes() == ["room no"]
    assert User.objects.get(pk=visitor.pk).attributes == {"room no": "7"}


@pytest.mark.parametrize(
    ("step", "fields", "sentence"),
    [
        ("make", {"name": ""}, "Give the group a name."),
        ("make", {"name": "x" * 101}, "Use at most 100 characters."),
        ("make", {"name": "a\x00b"}, "cannot be seen"),
        ("make_attribute", {"name": "name"}, "is there already"),
        ("make_attribute", {"name": "a))b"}, "Begin with a letter"),
        ("make_attribute", {"name": "a__b"}, "Begin with a letter"),
        ("make_attribute", {"name": "楼\u200b栋"}, "Begin with a letter"),
        ("nothing", {}, "Choose what to do."),
    ],
)
def test_bad_input_gets_a_sentence(act, step, fields, sentence):
    answer = act(step, **fields)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert names() == []


def test_attribute_may_be_in_another_script(act):
    act("make_attribute", name="楼栋")
    assert Attribute.objects.get().name == "楼栋"


def test_who_may_only_look_changes_nothing(client, staff):
    client.force_login(with_rights(staff, rights.SEE_PEOPLE))
    shown = client.get("/groups/")
    assert shown.status_code == 200
    assert 'method="post"' not in shown.text.partition("<main")[2].partition("</main>")[0]
    assert client.post("/groups/act/", {"step": "make", "name": "x"}).status_code == 403
    client.force_login(with_rights(staff, rights.SEND))
    assert client.get("/groups/").status_code == 403
