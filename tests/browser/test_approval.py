"""From a draft to a notice that one can answer for: two people, two browsers."""

import pytest

from notices import rights
from notices.delivery import expand
from notices.models import Notice
from tests.browser.test_every_page import check
from tests.support.world import with_rights

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_draft_is_checked_approved_and_sent(open_page, staff, settings, django_user_model):
    settings.APPROVE_ABOVE = 0
    boss = django_user_model.objects.create_user("the_boss", email="b@example.com", is_staff=True)
    with_rights(boss, rights.APPROVE)
    page = open_page("/notices/new/", user=staff)
    page.get_by_label("Subject", exact=True).fill("Lift")
    page.get_by_label("Text", exact=True).fill("Dear ((name)), it is out of order.")
    page.get_by_label("email", exact=True).check()
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send a test to me").click()
    page.get_by_text("The test is on its way: 1 message.").wait_for()
    page.get_by_role("button", name="Ask for approval").click()
    page.get_by_text("It waits for somebody's approval.").wait_for()
    check(page)
    other = open_page("/notices/", user=boss, viewport={"width": 375, "height": 800})
    other.get_by_role("link", name="Lift").first.click()
    other.get_by_role("button", name="Approve", exact=True).wait_for()
    check(other)
    other.get_by_role("button", name="Approve", exact=True).click()
    other.get_by_text("Approved.", exact=True).wait_for()
    page.reload()
    page.get_by_role("button", name="Send to 2 people").click()
    page.get_by_text("Approved by the_boss").wait_for()
    Notice.objects.update(start_at="2026-01-01T00:00Z")
    expand.start(Notice.objects.get().pk)
    page.get_by_text("0 of 2 settled").wait_for()
