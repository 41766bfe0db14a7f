"""A draft is saved as one types."""

import pytest

from notices.models import Notice

pytestmark = pytest.mark.django_db(transaction=True)


def test_draft_is_saved_while_one_writes_and_sent_as_that_notice(open_page, staff, visitor):
    page = open_page("/notices/new/", user=staff)
    page.get_by_label("Subject", exact=True).fill("Water off")
    page.get_by_text("A draft, saved by reception").wait_for()
    assert "draft=" in page.url
    page.get_by_label("Text", exact=True).fill("From 9.")
    page.locator('[name="version"][value="2"]').wait_for(state="attached")
    page.reload()
    assert page.get_by_label("Text", exact=True).input_value() == "From 9."
    page.get_by_label("email", exact=True).check()
    page.get_by_label("Everyone who has that channel").check()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 2 people").click()
    page.get_by_role("heading", name="Water off").wait_for()
    assert Notice.objects.get().text == "From 9."
