"""Somebody who is impatient, in a real browser."""

import time

import pytest

from notices.models import Notice
from tests.support.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def written(open_page, staff):
    """The page with a notice to send on it."""

    def write(**options):
        page = open_page("/notices/new/", user=staff, **options)
        page.get_by_label("Subject", exact=True).fill("Lift")
        page.get_by_label("Text", exact=True).fill("Dear ((name)), it is out of order.")
        page.get_by_label("email", exact=True).check()
        page.get_by_role("radio", name="Everyone").check()
        return page

    return write


def send(page):
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_role("button", name="Undo").wait_for()


@pytest.mark.parametrize("javascript", [True, False])
def test_back_and_send_again_makes_one_notice(written, javascript):
    """The browser of the tests keeps no pages: it asks for the form again, and fills it in."""
    page = written(java_script_enabled=javascript)
    send(page)
    there = page.url
    page.go_back()  # what was sent is not sent from there again
    assert page.url == there
    page.go_back()
    assert page.get_by_label("Subject", exact=True).input_value() == "Lift"
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Undo").wait_for()
    assert (page.url, Notice.objects.count()) == (there, 1)


@pytest.mark.parametrize("javascript", [True, False])
def test_back_changed_and_sent_asks_first(written, javascript):
    page = written(java_script_enabled=javascript)
    send(page)
    page.go_back()
    page.go_back()
    page.get_by_label("Subject", exact=True).fill("Stairs")
    page.get_by_role("button", name="Check and send").click()
    page.get_by_text("This form was already sent at").wait_for()
    assert Notice.objects.count() == 1
    assert page.get_by_label("Subject", exact=True).input_value() == "Stairs"
    send(page)
    assert set(Notice.objects.values_list("subject", flat=True)) == {"Lift", "Stairs"}


def test_page_that_is_being_left_is_not_asked_for_anew(written):
    """Its own button changed what it shows, and the answer is slow."""
    page = written()
    send(page)

    def answer_late(route):
        answer = route.fetch(max_redirects=0)
        time.sleep(3)
        route.fulfill(response=answer)

    page.route("**/hold/", answer_late)
    page.get_by_role("button", name="Change").click()
    page.wait_for_url("**/edit/", timeout=20_000)


def test_buttons_do_nothing_until_the_answer_is_there(written):
    page, posts = written(), []

    def stay(route):
        posts.append(route.request)
        route.fulfill(status=204)  # the page stays as it is

    page.route("**/notices/new/**", stay)
    button = page.get_by_role("button", name="Check and send")
    button.dblclick()
    eventually(button.is_disabled)
    assert page.get_by_role("button", name="Preview").is_disabled()
    page.get_by_label("Subject", exact=True).press("Enter")
    assert len(posts) == 1
    assert posts[0].post_data.endswith("&check=1"), "what the button says is sent, too"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert button.is_enabled()
