"""Send again: by reason, chosen ones, all; never twice without a word about it."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from notices.api import tokens
from notices.audience import suppression
from notices.models import Delivery, FailedAttempt, Notice, State
from signup import fresh
from tests.api.asking import ask
from tests.support.world import notice, states_of

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = {
    "full@example.com": (State.FAILED, "The mailbox is full."),
    "gone@example.com": (State.FAILED, "The mail server refused it (550)."),
    "back@example.com": (State.BOUNCED, "Returned."),
    "maybe@example.com": (State.UNCERTAIN, "No answer came back."),
    "got@example.com": (State.SENT, ""),
    "read@example.com": (State.DELIVERED, ""),
    "left@example.com": (State.SUPPRESSED, "Unsubscribed."),
}


@pytest.fixture
def ended(staff):
    one = notice(staff, audience="addresses", state=Notice.State.FINISHED)
    one.started_at = one.finished_at = timezone.now()
    one.save()
    for address, (state, reason) in ENDED.items():
        Delivery.objects.create(
            notice=one, message="notice", channel="email", address=address, state=state,
            reason=reason, provider="smtp", tries=1,
        )  # fmt: skip
    return one


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


def press(page, one, **data):
    return page.post(reverse("notice_again", args=[one.pk]), data, follow=True)


def queued():
    rows = Delivery.objects.filter(state=State.QUEUED).order_by("address")
    return list(rows.values_list("address", flat=True))


def test_the_failed_go_by_reason_and_their_history_stays(page, ended, burst, mailserver):
    asked = page.get(reverse("notice_again", args=[ended.pk])).text
    assert "nobody of these got it" in asked
    assert "they may have it, and may get it twice" in asked
    shown = press(page, ended, group="failed|The mailbox is full.")
    assert "1 delivery goes out again." in shown.text
    assert queued() == ["full@example.com"]
    burst()
    one = Delivery.objects.get(address="full@example.com")
    assert (one.state, one.tries) == (State.SENT, 1)
    ended.refresh_from_db()
    assert ended.state == Notice.State.FINISHED
    told = page.get(reverse("message", args=[one.pk])).text
    assert "It had failed, and was sent again (reception, smtp)." in told
    assert f"/notices/{ended.pk}/again/?delivery={one.pk}" in told


@pytest.mark.parametrize(
    "group", ["uncertain", "sent", "delivered", "uncertain|No answer came back."]
)
def test_nothing_goes_twice_unless_that_is_ticked(page, ended, group):
    shown = press(page, ended, group=["failed", group])
    assert shown.status_code == 400
    assert "1 person may get it twice" in shown.text
    assert not queued()
    assert (
        "3 deliveries go out again" in press(page, ended, group=["failed", group], twice="on").text
    )


def test_chosen_ones_go_and_what_came_back_keeps_why(page, ended):
    chosen = [Delivery.objects.get(address=f"{name}@example.com").pk for name in ("back", "left")]
    asked = page.get(reverse("notice_again", args=[ended.pk]), {"delivery": chosen}).text
    assert "to the same address it comes back again" in asked
    assert "left@example.com" not in asked
    press(page, ended, delivery=chosen)
    assert queued() == ["back@example.com"]
    reasons = list(FailedAttempt.objects.values_list("reason", flat=True))
    assert reasons == ["Returned.", "It had come back, and was sent again (reception, smtp)."]


def test_who_is_suppressed_since_stays_untold(page, ended, burst, mailserver):
    suppression.add("email", "gone@example.com", "dead")
    press(page, ended, group="failed")
    burst()
    assert states_of(ended)["gone@example.com"] == State.SUPPRESSED
    assert len(mailserver.messages) == 1


@pytest.mark.parametrize("given", [{}, {"group": "queued"}, {"group": "x|"}, {"delivery": "7"}])
def test_what_is_none_of_these_sends_nothing(page, ended, given):
    press(page, ended, **given)
    assert not queued()
    assert page.post(reverse("notice_again", args=[ended.pk]), {"delivery": "x"}).status_code == 404


@pytest.mark.parametrize(
    "closed",
    [{"state": "cancelled"}, {"not_after": timezone.now()}, {"text_removed_at": timezone.now()}],
)
def test_nothing_goes_of_what_is_over(page, ended, closed):
    Notice.objects.update(**closed)
    assert "Nothing of this notice goes out any more." in press(page, ended, group="failed").text
    assert not queued()


def test_many_need_a_fresh_proof(page, ended, settings):
    settings.CONFIRM_ABOVE = 1
    session = page.session
    session[fresh.PROVED_AT] -= fresh.FRESH.total_seconds() + 1
    session.save()
    shown = press(page, ended, group="failed")
    assert "Your password, once more" in shown.text
    assert not queued()


def test_by_a_command(ended, capsys):
    number = str(ended.pk)
    with pytest.raises(CommandError, match="1 may get it twice: --twice"):
        call_command("notice", "again", number, "--state", "uncertain")
    call_command("notice", "again", number, "--state", "uncertain", "--state", "failed", "--twice")
    assert "3 go out again" in capsys.readouterr().out
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("notice", "again", number, "--state", "queued")


def test_by_the_api(ended, staff):
    secret = tokens.make("crm", ["notices:send"], author=staff)[1]
    door = f"/api/v1/notices/{ended.pk}/again"
    assert "1 person may get it twice" in ask(secret, door, {"states": ["uncertain"]}).text
    assert ask(secret, door, {}).status_code == 400
    assert not queued()
    found = ask(secret, door, {"states": ["failed"]})
    assert (found.status_code, found.json()["counts"]["queued"]) == (200, 2)
    Notice.objects.update(state="cancelled")
    assert ask(secret, door, {"states": ["bounced"]}).json()["code"] == "not_now"
