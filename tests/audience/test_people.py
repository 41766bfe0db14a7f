"""Groups, attributes and saved audiences: whom a notice is for, and what it says to each."""

import pytest
from django.utils import timezone

from notices.audience import conditions
from notices.content import messages
from notices.delivery import expand
from notices.models import Delivery, Notice, SavedAudience, State
from notices.schedules import occurrences
from signup import groups
from signup.models import Attribute, Group, Membership, User
from tests.support.world import notice, repeated, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(staff, visitor):
    """Two in Building B, one of whom is in the chess club, too; and two attributes."""
    for name in ("building", "room"):
        groups.make_attribute(name)
    ann = User.objects.create(username="ann_b", email="ann@example.com", language="zh-hans")
    visitor.attributes, ann.attributes = {"building": "B", "room": "<12>"}, {"building": "B"}
    visitor.save()
    ann.save()
    building, chess = groups.make("Building B")[0], groups.make("Chess")[0]
    groups.add(building, [visitor.pk, ann.pk])
    groups.add(chess, [ann.pk])
    return building


def told(new):
    expand.start(new.pk)
    return sorted(new.deliveries.values_list("user__username", flat=True))


def saved(*alternatives, name="Some"):
    rows = [
        [conditions.read(what, value, negated=negated) for what, value, negated in each]
        for each in alternatives
    ]
    return SavedAudience.objects.create(name=name, key=name.lower(), conditions=rows)


def to(audience):
    return sent_now(audience=Notice.Audience.SAVED, saved=audience)


def test_group_is_told_and_nobody_else(house):
    User.objects.filter(username="ann_b").update(is_active=False)
    assert told(sent_now(audience="group", group=house)) == ["guest_wang"]


def test_notice_to_a_group_that_was_deleted_tells_nobody(house):
    new = notice(audience="group", group=house)
    new.start_at = timezone.now()
    new.save()
    Group.objects.all().delete()
    assert told(new) == []
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


def test_placeholders_are_each_persons_own(house, visitor):
    text = "Room ((room)), ((groups)): [see](https://e.example/?r=((room)))"
    new = sent_now(audience="group", group=house, text=text, subject="For ((building))")
    told(new)
    wang, ann = (Delivery.objects.get(user__username=name) for name in ("guest_wang", "ann_b"))
    assert wang.values == {"building": "B", "room": "<12>", "groups": "Building B"}
    said = messages.compose(wang)
    assert said.subject == "For B"
    assert said.text.startswith("Room <12>, Building B: see (https://e.example/?r=%3C12%3E)")
    assert "Room &lt;12&gt;" in said.html
    assert 'href="https://e.example/?r=%3C12%3E"' in said.html
    assert messages.compose(ann).text.startswith("Room , ")
    assert set(ann.values["groups"].split(", ")) == {"Building B", "Chess"}


def test_pasted_address_has_the_values_of_its_owner_or_none(house):
    new = sent_now(text="Room ((room))!", channels=["sms"], pasted="13900000002\n13900000009")
    expand.start(new.pk)
    by_number = {each.address: messages.compose(each).text for each in new.deliveries.all()}
    assert by_number == {"+8613900000002": "Room <12>!", "+8613900000009": "Room !"}


@pytest.mark.parametrize(
    ("alternatives", "who"),
    [
        ([[("group", "building b", False)]], ["ann_b", "guest_wang"]),
        ([[("group", "Building B", True)]], ["reception"]),
        ([[("attribute:building", "B", False), ("attribute:room", "", True)]], ["guest_wang"]),
        ([[("attribute:room", "<12>", True)]], ["ann_b", "reception"]),
        ([[("language", "Chinese", False)], [("attribute:room", "<12>", False)]],
         ["ann_b", "guest_wang"]),
        ([[("channel", "sms", False)]], ["guest_wang", "reception"]),
        ([[("channel", "sms", True)]], ["ann_b"]),
        ([[("before", "2020-01-01", False)]], ["reception"]),
        ([[("after", "2020-01-01", False), ("language", "en", False)]], ["guest_wang"]),
    ],
)  # fmt: skip
def test_conditions_are_joined_by_and_or_not(house, staff, alternatives, who):
    User.objects.filter(pk=staff.pk).update(date_joined="2019-12-31T00:00Z")
    if alternatives[0][0][1] == "Chinese":
        alternatives = [[("language", "zh", False)], alternatives[1]]
    assert told(to(saved(*alternatives))) == who


def test_who_was_not_reached_by_a_notice_can_be_told_again(house, visitor):
    first = sent_now(audience="group", group=house)
    told(first)
    first.deliveries.filter(user=visitor).update(state=State.BOUNCED)
    first.deliveries.exclude(user=visitor).update(state=State.DELIVERED)
    number = f"#{first.pk}"
    assert told(to(saved([("failed", number, False)], name="failed"))) == ["guest_wang"]
    assert told(to(saved([("delivered", number, False)], name="got"))) == ["ann_b"]


def test_condition_on_what_was_deleted_tells_nobody_even_negated(house):
    audience = saved([("group", "Chess", True)])
    of_attribute = saved([("attribute:room", "x", True)], name="other")
    Group.objects.get(name="Chess").delete()
    Attribute.objects.get(name="room").delete()
    assert told(to(audience)) == []
    assert told(to(of_attribute)) == []
    [(words, problem)] = conditions.in_words(audience.conditions)
    assert "This group was deleted." in problem
    assert words == "not group “–”"


def test_schedule_judges_its_audience_at_each_occurrence(house):
    schedule = repeated(audience="saved", saved=saved([("group", "Building B", False)]))
    at = timezone.now()
    assert told(occurrences.start(schedule, at)) == ["ann_b", "guest_wang"]
    Membership.objects.filter(user__username="ann_b").delete()
    later = at + timezone.timedelta(hours=1)
    new = occurrences.start(schedule, later, "again")
    Notice.objects.filter(pk=new.pk).update(start_at=at)
    assert told(new) == ["guest_wang"]


def test_parts_of_a_group_leave_nobody_out(house, monkeypatch):
    monkeypatch.setattr(expand, "PART", 7)
    User.objects.bulk_create(
        User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(100)
    )
    even = User.objects.filter(username__startswith="guest_").order_by("pk")[::2]
    groups.add(house, [each.pk for each in even])
    new = sent_now(audience="group", group=house)
    assert len(told(new)) == Membership.objects.filter(group=house).count()
