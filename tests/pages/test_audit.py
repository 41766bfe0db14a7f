"""Who did what: kept by whichever door it was done, and told on a page, in two languages."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notices import rights
from notices.api import tokens
from notices.audience import suppression
from notices.delivery import expand, lifecycle
from notices.models import Notice, Suppression
from signup import security
from signup.models import Entry, User
from tests.support.world import notice, repeated, sent_now, with_rights

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"subject": "Lift", "text": "Dear ((name))", "channels": ["email"], "audience": "everyone"}


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def done(*verbs):
    """(verb, door, who, kind, number, facts) of each, the oldest first."""
    return [
        (each.verb, each.door, each.by_id, each.kind, each.number, each.facts)
        for each in Entry.objects.order_by("pk")
        if not verbs or each.verb in verbs
    ]


def verbs():
    return [each.verb for each in Entry.objects.order_by("pk")]


def test_what_a_member_of_staff_does_to_a_notice(desk, staff):
    desk.post("/notices/new/", GOOD | {"when": "later", "at": "2030-01-01T09:00", "zone": "UTC"})
    pk = Notice.objects.get().pk
    desk.post(f"/notices/{pk}/edit/", GOOD | {"subject": "Lifts", "when": "now"})
    desk.post(f"/notices/{pk}/cancel/")
    desk.post(f"/notices/{pk}/cancel/")  # was done
    assert done("notice-sent", "notice-changed", "notice-cancelled") == [
        ("notice-sent", "page", staff.pk, "notice", pk, {}),
        ("notice-changed", "page", staff.pk, "notice", pk, {"changed": "subject,zone,start_at"}),
        ("notice-cancelled", "page", staff.pk, "notice", pk, {}),
    ]
    assert Entry.objects.latest("pk").origin == "127.0.0.0/24"


def test_to_how_many_it_went_and_how_it_went_on(desk, staff, visitor):
    new = sent_now(staff)
    expand.start(new.pk)
    for step in ("pause", "pause", "resume"):
        desk.post(f"/notices/{new.pk}/{step}/")
    [(_verb, *_who, facts)] = done("notice-started")
    assert facts == {"number": 2}
    assert [verb for verb, *_ in done("notice-paused", "notice-resumed")] == [
        "notice-paused", "notice-resumed",
    ]  # fmt: skip


def test_what_is_taken_back_leaves_no_entry(staff):
    """An entry stands and falls with what it tells."""
    new = sent_now(staff)
    expand.start(new.pk)
    with transaction.atomic():
        assert lifecycle.pause(new)
        transaction.set_rollback(True)
    assert "notice-paused" not in verbs()


def test_commands_say_who_by_as_and_else_the_user_of_the_system(staff):
    new = notice(staff)
    lifecycle.accept(new, timezone.now() + timedelta(days=1))
    schedule = repeated()
    call_command("notice", "cancel", str(new.pk), "--as", "reception")
    call_command("schedule", "pause", str(schedule.pk))
    call_command(
        "token", "create", "--name", "shop", "--scope", "messages:send", "--as", "reception"
    )
    with pytest.raises(CommandError, match="--as: There is no member of staff"):
        call_command("schedule", "end", str(schedule.pk), "--as", "nobody_here")
    cancelled, paused, made = (
        Entry.objects.get(verb=verb)
        for verb in ("notice-cancelled", "schedule-paused", "token-made")
    )
    assert (cancelled.door, cancelled.by) == ("command", staff)
    assert cancelled.doer == paused.doer == security.login_name()
    assert (paused.by, made.by) == (None, staff)
    assert not Entry.objects.filter(verb="schedule-ended").exists()


def test_a_program_is_called_by_the_name_of_its_token(client, staff, rf):
    row, _secret = tokens.make("The shop", ["messages:send"], author=staff)
    request = rf.post("/api/v1/notices", REMOTE_ADDR="2001:db8:1:2::5")
    request.auth, request.resolver_match = row, None
    new = sent_now(staff)
    security.watched(lambda _request: (lifecycle.cancel(new) and None) or Answer())(request)
    entry = Entry.objects.get(verb="notice-cancelled")
    assert (entry.door, entry.doer, entry.by, entry.origin) == (
        "api", "The shop", None, "2001:db8:1::/48",
    )  # fmt: skip


class Answer:
    status_code = 200


def test_suppressions_exports_and_looking_at_addresses(desk, staff, visitor):
    suppression.add("email", "wang@example.com", "unsubscribed")
    row = Suppression.objects.get()
    for _press in range(2):
        desk.post(f"/notices/suppressed/{row.pk}/", {"reason": "asked"})
    pk = sent_now(staff).pk
    desk.get(f"/notices/{pk}.csv")
    desk.get(f"/people/{visitor.pk}/")
    for path in ("/search/", "/people/", f"/notices/{pk}/", "/notices/suppressed/"):
        desk.get(path, {"q": "139 0000"})
        desk.get(path, {"q": "wang"})
    assert [(verb, kind, number) for verb, _d, _b, kind, number, _f in done()][-8:] == [
        ("lifted", "suppression", row.pk),
        ("notice-sent", "notice", pk),
        ("export", "notice", pk),
        ("addresses-seen", "account", visitor.pk),
        *[("addresses-searched", "", None)] * 4,
    ]
    guard = with_rights(User.objects.create_user("night_guard", is_staff=True), rights.SEE_PEOPLE)
    desk.force_login(guard)
    before = Entry.objects.count()
    desk.get(f"/people/{visitor.pk}/")
    desk.get("/search/", {"q": "13900000002"})
    assert Entry.objects.count() == before  # who sees none


def test_no_entry_holds_an_address_or_a_secret(client, staff, visitor):
    client.post("/login/", {"username": "wang@example.com", "password": "brand new"})
    client.post("/login/", {"username": "guest_wang", "password": "brand new"})
    client.post("/login/", {"username": "reception", "password": "let me in please"})
    client.get("/search/", {"q": "+8613900000002"})
    client.post("/tokens/", {"name": "shop", "scopes": ["messages:send"]})
    edited = {"username": "guest_wang", "email": "new@example.com", "language": "en"}
    client.post(f"/people/{visitor.pk}/edit/", edited)
    rows = Entry.objects.values_list("verb", "by", "doer", "origin", "kind", "number", "facts")
    assert [row[0] for row in rows][::-1] == [
        "sign-in-failed", "sign-in-failed", "sign-in", "addresses-searched", "token-made",
        "user-changed",
    ]  # fmt: skip
    for secret in ("wang", "example.com", "1390", "brand new", "bh_live", "127.0.0.1"):
        assert secret not in str(list(rows)), secret


# The page


def test_page_tells_in_the_readers_language_what_was_done(desk, staff, visitor):
    role = Group.objects.create(name="Sender")
    staff.groups.add(role)
    security.tell("role-given", account=visitor.pk, group=role.pk)
    new = sent_now(staff, subject="Lift & stairs")
    security.tell("user-changed", account=visitor.pk, changed="is_active,name")
    security.tell("user-deleted", account=987654, user=987653)
    security.tell("sign-in-failed", name="54ff0ef864725249")
    security.tell("code-refused", purpose="sign_in", verification=5)
    boss = User.objects.create_superuser("the_boss")
    page = desk.get("/audit/").text
    for words in (
        "Gave the role “Sender”: guest_wang.",
        f'<a href="/notices/{new.pk}/">Sent a notice: {new.pk} “Lift &amp; stairs”.</a>',
        "Changed a person (active, name): guest_wang.",
        "Erased a person: person 987654.",
        "person 987653",
        "Failed to sign in: by a name that nobody has.",
        "Typed a wrong code, for signing in.",
        f'<a href="/people/{boss.pk}/">Made a superuser: the_boss.</a>',
    ):
        assert words in page, words
    assert (
        "授予角色“发送者”：guest_wang。"
        in desk.get("/audit/", headers={"accept-language": "zh"}).text
    )


def test_search_by_who_what_to_what_and_when(desk, staff, visitor):
    client = desk
    new, other = sent_now(staff), sent_now(staff)
    with security.command(visitor):
        lifecycle.cancel(new)
    Entry.objects.bulk_create(
        [Entry(verb="export", door="page", at=timezone.now() - timedelta(days=3))]
    )

    def found(**asked):
        page = client.get("/audit/", asked)
        assert page.status_code == 200
        return [(line.entry.verb, line.entry.number) for line in page.context["lines"]]

    assert found(who="guest_wang") == [("notice-cancelled", new.pk)]
    assert len(found(who=security.login_name())) == 4  # with the sign-in
    assert found(verb="notice-sent") == [("notice-sent", other.pk), ("notice-sent", new.pk)]
    assert found(kind="notice", number=other.pk) == [("notice-sent", other.pk)]
    day = timezone.localdate(timezone.now() - timedelta(days=3), timezone=None)
    assert found(day=day.isoformat()) == [("export", None)]
    assert found(who="nobody") == []
    for odd in ({"verb": "x"}, {"number": "x"}, {"day": "2026-99-99"}, {"before": "9" * 30}):
        assert len(found(**odd)) == 5  # passed by, and marked
    assert "Nothing fits this search." in client.get("/audit/", {"who": "nobody"}).text


def test_pages_go_on_below_a_number_and_the_file_has_them_all(desk):
    Entry.objects.bulk_create(
        Entry(verb="export", door="page", kind="notice", number=n, doer="=1+1")
        for n in range(1, 120)
    )
    first = desk.get("/audit/", {"verb": "export"})
    assert [line.entry.number for line in first.context["lines"]] == list(range(119, 69, -1))
    following = desk.get("/audit/", {"verb": "export", "before": first.context["next_before"]})
    assert following.context["lines"][0].entry.number == 69
    with CaptureQueriesContext(connection) as asked:
        desk.get("/audit/", {"verb": "export"})
    assert len(asked) < 20  # not one for each row
    file = desk.get("/audit.csv", {"verb": "export"})
    rows = list(csv.reader(io.StringIO(b"".join(file.streaming_content).decode("utf-8-sig"))))
    assert len(rows) == 120
    assert rows[1][2] == "'=1+1"
    assert rows[1][-1] == "Downloaded deliveries, with addresses: notice 119."
    assert verbs()[-1] == "audit-exported"
