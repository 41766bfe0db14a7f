"""A text for each language, and one of its own for the SMS: each person reads theirs."""

import json

import pytest
from django.core.management import CommandError, call_command

from notices.audience import uses
from notices.content import messages
from notices.delivery import approval, expand, retention
from notices.models import Message, Notice, Schedule
from notices.pages.cost import cost
from signup import groups
from signup.models import User
from tests.pages.test_check import WRITTEN, check, text_of
from tests.pages.test_testing import try_it

pytestmark = pytest.mark.django_db(transaction=True)

CHINESE = {"subject": "电梯", "text": "((name))，您好！电梯停用，((room|大厦))。"}
BOTH = {
    "sms_text": "Lift: ((room|house))",
    "texts-zh-hans-subject": CHINESE["subject"],
    "texts-zh-hans-text": CHINESE["text"],
    "texts-zh-hans-sms": "电梯停用",
}
FRENCH = [("en", "English"), ("zh-hans", "简体中文"), ("fr", "Français")]


@pytest.fixture
def desk(client, staff):
    User.objects.filter(pk=staff.pk).update(language="en")
    groups.make_attribute("room")
    client.force_login(staff)
    return client


def said(new):
    expand.start(new.pk)
    return {(each.language, each.channel): messages.compose(each) for each in new.deliveries.all()}


def test_each_person_reads_the_text_of_their_language(desk, visitor):
    User.objects.filter(pk=visitor.pk).update(language="zh-hans")
    shown = check(desk, **BOTH)
    new = shown.context["notice"]
    assert (new.language, new.texts) == ("en", {"zh-hans": CHINESE | {"sms": "电梯停用"}})
    Notice.objects.update(state=Notice.State.WAITING)
    read = said(new)
    assert read["zh-hans", "email"].subject == "电梯"
    assert "电梯停用，大厦。" in read["zh-hans", "email"].html
    assert read["zh-hans", "sms"].text == "电梯停用"
    assert read["en", "sms"].text == "Lift: house"
    assert "it is out of order" in read["en", "email"].text
    page = desk.get(new.get_absolute_url()).text
    assert all(text in page for text in (CHINESE["text"], "电梯停用</pre>", "Lift: ((room|house))"))


def test_who_reads_another_language_gets_the_first_and_is_counted(desk, visitor, settings):
    settings.LANGUAGES = FRENCH
    User.objects.filter(pk=visitor.pk).update(language="fr")
    shown = check(desk, **BOTH)
    sentence = "1 person reads Français, in which there is no text: they get it in English."
    assert sentence in text_of(shown)
    assert "in which there is no text" not in check(desk).text, "one language is simply that"
    Notice.objects.filter(pk=shown.context["notice"].pk).update(state=Notice.State.WAITING)
    assert said(shown.context["notice"])["fr", "sms"].text == "Lift: house"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"texts-zh-hans-text": ""}, "简体中文: Write what people shall read."),
    ({"texts-zh-hans-subject": " "}, "简体中文: Write a subject."),
    ({"texts-zh-hans-text": "((nmae))"}, "There is no placeholder ((nmae))."),
    ({"texts-zh-hans-sms": "((name)"}, "简体中文: “((name)…” is never closed."),
    ({"texts-zh-hans-text": "x" * 20_001}, "简体中文: Use at most 20000 characters"),
    ({"sms_text": "((nmae))"}, "There is no placeholder ((nmae))."),
    ({"language": "zh-hans"}, "简体中文: The first text is in this language already."),
])  # fmt: skip
def test_each_text_is_checked_as_the_first_is(desk, changes, sentence):
    answer = desk.post("/notices/new/", WRITTEN | BOTH | {"check": "1"} | changes)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert not Notice.objects.exists()


def test_a_draft_keeps_what_is_there_of_them_and_it_is_used_again(desk, staff):
    begun = {"subject": "Lift", "sms_text": "Lift", "texts-zh-hans-subject": "电梯"}
    desk.post("/notices/new/draft/", begun, follow=True)
    draft = Notice.objects.get()
    assert draft.texts == {"zh-hans": {"subject": "电梯", "text": ""}}
    for where in (f"draft={draft.pk}", f"again={draft.pk}"):
        editor = desk.get(f"/notices/new/?{where}", follow=True).text
        assert 'name="texts-zh-hans-subject" lang="zh-hans" maxlength="150" value="电梯"' in editor
        assert editor.count("<details open") == 2


def test_programs_write_them_as_one_object(desk):
    texts = {"zh-hans": CHINESE}
    body = WRITTEN | {"texts": texts, "sms_text": "Lift"}
    assert desk.post("/notices/new/", json.dumps(body), "application/json").status_code == 200
    new = Notice.objects.get()
    assert (new.language, new.texts, new.sms_text) == ("en", texts, "Lift")
    for odd in (
        "x",
        [],
        {"xx": CHINESE},
        {"zh-hans": 1},
        {"zh-hans": {"html": "x"}},
        {"zh-hans": {}},
    ):
        answer = desk.post("/notices/new/", json.dumps(body | {"texts": odd}), "application/json")
        assert answer.status_code == (200 if odd == [] else 400), odd
        assert odd == [] or answer.json()["errors"]["texts"]


def test_commands_write_them(desk, tmp_path, visitor):
    text = tmp_path / "text"
    text.write_text("Hello")
    command = ["notice", "send", "--subject", "x", "--text", str(text), "--everyone",
               "--channel", "sms", "--sms-text", str(text)]  # fmt: skip
    call_command(*command, "--in", "zh-hans", "电梯", str(text))
    new = Notice.objects.get()
    assert new.texts == {"zh-hans": {"subject": "电梯", "text": "Hello"}}
    with pytest.raises(CommandError, match="There is no language xx"):
        call_command(*command, "--in", "xx", "x", str(text))


def test_the_parts_of_an_sms_are_counted_by_language(desk, visitor, settings):
    User.objects.filter(pk=visitor.pk).update(language="zh-hans")
    User.objects.create(username="zz", mobile="+8613900000003", language="zh-hans")
    texts = BOTH | {"sms_text": "x" * 160, "texts-zh-hans-sms": "电" * 71}
    shown = check(desk, channels=["sms"], **texts)
    assert "1 to 2 SMS for each of 3, by name and language: about 5 in all." in text_of(shown)
    found = shown.context["found"]
    found.sample = found.sample[:1]
    told = cost(shown.context["notice"], found)
    assert told
    assert (told.fewest, told.most, told.parts) == (1, 2, 5), "also if nobody looked at reads it"


def test_a_test_goes_in_each_language(desk, staff, mailserver, texts, burst):
    try_it(desk, check(desk, **BOTH))
    rows = Message.objects.order_by("subject", "text")
    assert {each.subject for each in rows} == {"[Test] Lift", "[Test] 电梯"}
    by_sms = rows.filter(delivery__channel="sms").values_list("text", flat=True)
    assert {text.split("\n")[-1] for text in by_sms} == {"Lift: ((room|house))", "电梯停用"}


def test_what_was_approved_is_the_text_in_each_language(desk):
    new = check(desk).context["notice"]
    before = approval.digest(new)
    facts = {"text": new.text, "language": "", "texts": None, "sms_text": ""}
    assert before == approval.digest(Notice(**vars_of(new) | facts))
    for name, value in (("texts", {"zh-hans": CHINESE}), ("sms_text", "x"), ("language", "en")):
        assert approval.digest(Notice(**vars_of(new) | {name: value})) != before


def vars_of(new):
    return {field.attname: getattr(new, field.attname) for field in Notice._meta.concrete_fields}


def test_a_schedule_hands_them_on_and_what_they_name_is_in_use(desk):
    repeat = {"when": "repeat", "every": "days", "number": "1"}
    desk.post("/notices/new/", WRITTEN | BOTH | repeat)
    schedule = Schedule.objects.first()
    Schedule.objects.update(sms_text="")
    assert schedule
    assert schedule.texts["zh-hans"]["sms"] == "电梯停用"
    with pytest.raises(Exception, match="still in use: schedule"):
        uses.delete_attribute("room")


def test_the_texts_go_when_the_text_goes(desk, settings):
    new = check(desk, **BOTH).context["notice"]
    Notice.objects.update(state="finished", finished_at=new.created_at)
    for _each in retention.texts(new.created_at.replace(year=2099)):
        pass
    new.refresh_from_db()
    assert (new.text, new.sms_text, new.texts) == ("", "", None)
