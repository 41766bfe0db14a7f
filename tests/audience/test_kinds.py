"""Who left a kind of notices is told nothing of that kind, and all else."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from notices.audience import kinds, preferences
from notices.channels import CHANNELS
from notices.content import messages
from notices.delivery import expand, slices
from notices.models import Delivery, Kind, Leaving, Notice
from notices.pages.reach import reach
from notices.providers import mime
from notices.schedules import actions
from signup.models import User
from tests.support.world import notice, repeated, sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "https://bellhop.example.com"
LEFT = ("suppressed", "Left this kind of notices.")
GOES = ("queued", "")


@pytest.fixture(autouse=True)
def _host(settings):
    settings.PUBLIC_URL = HOST


@pytest.fixture
def news():
    return Kind.objects.create(name="News", key="news", position=9)


@pytest.fixture
def general():
    return Kind.objects.get(part="default")


@pytest.fixture
def important():
    return Kind.objects.get(part="important")


@pytest.fixture
def wang(client, visitor):
    client.force_login(visitor)
    return visitor


def leave(kind, user):
    kinds.leave(kind, user, [each for each in (user.email, str(user.mobile or "")) if each])


def prepared(staff, **changes):
    new = sent_now(staff, **changes)
    expand.start(new.pk)
    return {each.address: (each.state, each.reason) for each in new.deliveries.all()}


def link(delivery):
    return preferences.unsubscribe_url(delivery).removeprefix(HOST)


def save(client, delivery, **fields):
    page = client.get(link(delivery)).content.decode()
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)', page)[1]
    return client.post(link(delivery), {"csrfmiddlewaretoken": token, **fields}).content.decode()


def json_post(client, path, body):
    return client.post(path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("by", ["user", "address"])
def test_who_left_a_kind_is_prepared_as_such_for_that_kind_alone(staff, visitor, news, by):
    if by == "user":
        leave(news, visitor)
        Leaving.objects.update(address=None)  # whatever they had then
    else:
        kinds.leave(news, None, ["Wang@example.com"])
    both = ["email", "sms"]
    everybody = prepared(staff, kind=news, channels=both)
    assert everybody["wang@example.com"] == LEFT
    assert everybody["+8613900000002"] == (LEFT if by == "user" else GOES)
    assert everybody["reception@example.com"] == GOES
    assert prepared(staff, kind=news, pasted="wang@example.com\nx@example.com") == {
        "wang@example.com": LEFT, "x@example.com": GOES,
    }  # fmt: skip
    assert reach(notice(staff, kind=news), CHANNELS["email"]) == (1, 1)
    for other in (None, Kind.objects.get(part="important")):
        assert set(prepared(staff, kind=other).values()) == {GOES}
        assert reach(notice(staff, kind=other), CHANNELS["email"]) == (2, 0)


def test_a_notice_that_names_none_is_of_the_kind_that_is_always_there(staff, visitor, general):
    leave(general, visitor)
    assert prepared(staff)["wang@example.com"] == LEFT
    assert prepared(staff, pasted="wang@example.com")["wang@example.com"] == LEFT


def test_who_leaves_after_preparing_is_not_sent_to(staff, visitor, news, texts):
    new = sent_now(staff, kind=news, channels=["sms"])
    expand.start(new.pk)
    leave(news, visitor)
    slices.send_slice(new.pk, "sms")
    assert [number for number, _text in texts] == [str(staff.mobile)]
    assert new.deliveries.filter(user=visitor).values_list("state", "reason").get() == LEFT


def test_it_holds_for_the_addresses_when_the_person_is_gone(staff, visitor, news):
    leave(news, visitor)
    visitor.delete()
    assert prepared(staff, kind=news, pasted="wang@example.com")["wang@example.com"] == LEFT


def test_who_takes_an_address_over_comes_back_for_themself_alone(staff, visitor, news):
    leave(news, visitor)
    addresses = [visitor.email, str(visitor.mobile)]
    User.objects.filter(pk=visitor.pk).update(email="new@example.com", mobile=None)
    now = User.objects.create(username="li", email="wang@example.com", mobile="+8613900000002")
    assert prepared(staff, kind=news)["wang@example.com"] == LEFT
    kinds.choose(now, addresses, [])
    said = prepared(staff, kind=news)
    assert (said["wang@example.com"], said["new@example.com"]) == (GOES, LEFT)


def test_who_left_a_channel_does_not_get_what_is_important_there(staff, visitor, important):
    visitor.wants_email = False
    visitor.save()
    leave(important, visitor)  # which nobody can
    said = prepared(staff, kind=important, channels=["email", "sms"])
    assert said["wang@example.com"] == ("suppressed", "Does not want notices by email.")
    assert said["+8613900000002"] == GOES


# By the link


@pytest.fixture
def of_news(staff, visitor, news):
    expand.start(sent_now(staff, kind=news).pk)
    return Delivery.objects.get(user=visitor)


def test_one_click_leaves_the_kind_of_the_notice_and_nothing_else(of_news, visitor, news):
    for _ in range(2):
        answer = Client().post(link(of_news), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    visitor.refresh_from_db()
    assert visitor.wants_email
    assert set(kinds.left_by(visitor, [])) == {news}
    assert Leaving.objects.count() == 2  # of the email and of the number


def test_the_page_of_the_link_leaves_the_kind_and_brings_it_back(client, of_news, visitor, news):
    page = client.get(link(of_news)).content.decode()
    assert '<input type="checkbox" name="left" value="News" checked> News' in page
    assert 'value="email" checked>' in page
    assert "“Important” cannot be left" in page
    assert not Leaving.objects.exists()
    both = ["email", "sms"]
    assert "Not these: News." in save(client, of_news, left=["News"], channels=both)
    assert set(kinds.left_by(visitor, [])) == {news}
    assert "Not these" not in save(client, of_news, channels=both)
    assert not Leaving.objects.exists()
    assert "You get no notices any more." in save(client, of_news)


def test_mail_programs_offer_no_leaving_of_what_is_important(staff, visitor, important, news):
    for kind, offered in ((important, False), (news, True)):
        new = sent_now(staff, kind=kind)
        expand.start(new.pk)
        delivery = new.deliveries.get(user=visitor)
        said = messages.compose(delivery)
        assert ("List-Unsubscribe" in mime.message(delivery, said).extra_headers) is offered
        assert (HOST + link(delivery) in said.text) is True
        assert ("cannot be left" in said.html) is not offered
    assert 'value="email">' in Client().get(link(Delivery.objects.earliest("pk"))).content.decode()


# On the account's page


def test_a_person_leaves_and_comes_back_on_the_account_page(client, wang, news):
    page = client.get("/account/").content.decode()
    assert 'name="left_kinds" value="News"' in page
    assert 'name="left_kinds" value="Important"' not in page
    own = {"username": wang.username, "language": "en", "time_zone": "Asia/Shanghai"}
    both = {"channels": ["email", "sms"]}
    client.post("/account/", own | both | {"left_kinds": ["News"]})
    assert set(kinds.left_by(wang, [])) == {news}
    assert json_post(client, "/account/", {"language": "en"}).status_code == 200  # named none
    assert set(kinds.left_by(wang, [])) == {news}
    kept = json.loads(client.get("/account/data.json").content)["left_kinds"]
    assert {(each["kind__name"], each["address"]) for each in kept} == {
        ("News", "wang@example.com"), ("News", "+8613900000002"),
    }  # fmt: skip
    json_post(client, "/account/", {"left_kinds": []})
    assert not Leaving.objects.exists()


@pytest.mark.parametrize("name", ["Important", "Nonsense", "x" * 4000, "a\x00b"])
def test_what_cannot_be_left_is_told(client, wang, name):
    answer = json_post(client, "/account/", {"left_kinds": [name]})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["left_kinds"]


def test_a_kind_that_was_retired_meanwhile_is_left_all_the_same(client, wang, news):
    Kind.objects.filter(pk=news.pk).update(retired_at=timezone.now())
    assert json_post(client, "/account/", {"left_kinds": ["News"]}).status_code == 200
    assert set(kinds.left_by(wang, [])) == {news}
    assert "News" not in client.get("/account/").content.decode()
    json_post(client, "/account/", {"language": "en"})
    assert set(kinds.left_by(wang, [])) == {news}


# By whom it is written

BODY = {"subject": "Pool", "text": "Closed.", "channels": ["email"], "audience": "everyone"}


def test_json_and_command_take_a_kind_by_its_name(client, staff, news, tmp_path):
    client.force_login(staff)
    assert json_post(client, "/notices/new/", BODY | {"kind": "NEWS"}).status_code == 200
    assert json_post(client, "/notices/new/", BODY).status_code == 200
    repeats = {"when": "repeat", "rule": "0 9 * * 1", "kind": "News"}
    assert json_post(client, "/notices/new/", BODY | repeats).status_code == 200
    text = tmp_path / "text.md"
    text.write_text("Closed.")
    args = ["--subject", "Pool", "--text", str(text), "--channel", "email", "--everyone"]
    call_command("notice", "send", *args, "--kind", "news")
    found = Notice.objects.order_by("pk").values_list("kind__name", flat=True)
    assert list(found) == ["News", None, "News"]
    Kind.objects.filter(pk=news.pk).update(retired_at=timezone.now())
    sentence = "This kind is not there any more. Choose another."
    for name in ("News", "Nonsense", "x" * 4000, "a\x00b"):
        answer = json_post(client, "/notices/new/", BODY | {"kind": name})
        assert (answer.status_code, answer.json()["errors"]) == (400, {"kind": [sentence]})
    with pytest.raises(CommandError, match=f"kind: {sentence}"):
        call_command("notice", "send", *args, "--kind", "news")


def test_a_schedule_hands_its_kind_on_though_it_was_retired(client, staff, news):
    schedule = repeated(kind=news, author=staff)
    Kind.objects.filter(pk=news.pk).update(retired_at=timezone.now())
    assert actions.run_now(schedule.pk).kind == news
    client.force_login(staff)
    page = client.get(f"/notices/schedules/{schedule.pk}/edit/").content.decode()
    assert '<option value="News" selected>' in page
    assert 'value="News"' not in client.get("/notices/new/?key=1").content.decode()


# On the staff's page


def act(client, step, **fields):
    return client.post("/kinds/act/", {"step": step, **fields})


def names():
    return [kind.name for kind in Kind.objects.all()]


def test_kinds_are_made_renamed_put_in_order_and_retired(client, staff, news, visitor):
    client.force_login(staff)
    leave(news, visitor)
    kinds.leave(news, None, ["x@example.com"])
    assert re.search('<td [^>]*class="number">2</td>', client.get("/kinds/").text)
    act(client, "make", name=" 维修 ")
    act(client, "rename", kind=news.pk, name="Events")
    act(client, "up", kind=news.pk)
    assert names() == ["General", "Events", "Important", "维修"]
    act(client, "retire", kind=news.pk)
    page = client.get("/kinds/").content.decode()
    assert "retired" in page
    assert page.index(">General") < page.index(">Events") < page.index(">Important")
    act(client, "restore", kind=news.pk)
    assert list(kinds.offered()) == list(Kind.objects.all())
    assert list(kinds.left_by(visitor, [])) == [news]
    assert "Events" in client.get(f"/people/{visitor.pk}/").content.decode()


def test_what_a_kind_cannot_be_is_told_and_nothing_is_changed(client, staff, news, general):
    client.force_login(staff)
    before = list(Kind.objects.values())
    for fields, sentence in (
        ({"step": "make", "name": " "}, "Give the kind a name."),
        ({"step": "make", "name": "ＮＥＷＳ"}, "There is a kind of this name."),
        ({"step": "rename", "kind": general.pk, "name": "news"}, "There is a kind of this name."),
        ({"step": "make", "name": "x" * 51}, "Use at most 50 characters."),
        ({"step": "make", "name": "a\x07b"}, "Leave out characters that cannot be seen."),
        ({"step": "retire", "kind": general.pk}, "This kind is always there."),
        ({"step": "nonsense"}, "Choose what to do."),
    ):
        answer = client.post("/kinds/act/", fields)
        assert answer.status_code == 400
        assert sentence in answer.content.decode()
    assert act(client, "retire", kind=10**17).status_code == 404
    for number in range(9):
        act(client, "make", name=f"K{number}")
    assert "Retire one first" in act(client, "make", name="one more").content.decode()
    Kind.objects.filter(key__startswith="k").delete()
    assert list(Kind.objects.values()) == before


def test_only_who_manages_people_changes_kinds(client, news):
    desk = User.objects.create_user("desk", email="desk@example.com", is_staff=True)
    client.force_login(with_rights(desk, "notices.send_notice"))
    assert 'value="make"' not in client.get("/kinds/").content.decode()
    assert act(client, "retire", kind=news.pk).status_code == 403
    assert "News" in {kind.name for kind in kinds.offered()}
