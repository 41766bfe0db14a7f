"""What a person does, in a real browser."""

import re
import time

import pytest

from notices.models import Delivery, Notice
from signup.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fixed_picture(settings):
    settings.PICTURE_CODE_FIXED = "12345"


def type_account(page, code):
    page.get_by_label("Code from the SMS").fill(code)
    page.get_by_label("Username").fill("guest_li")
    page.get_by_label("Password", exact=True).fill("let me in please")
    page.get_by_label("Password again").fill("let me in please")
    page.get_by_label(re.compile("agree")).check()


def code_in(texts):
    deadline = time.monotonic() + 5
    while not texts and time.monotonic() < deadline:
        time.sleep(0.05)
    return re.search(r"\d{6}", texts[-1][1])[0]


@pytest.mark.parametrize("javascript", [True, False])
def test_visitor_signs_up(open_page, texts, burst, javascript):
    page = open_page("/signup/", java_script_enabled=javascript)
    page.get_by_label("Mobile number").first.fill("13900000011")
    page.get_by_label(re.compile("Digits in the picture|Picture code")).fill("12345")
    page.get_by_role("button", name=re.compile("Send me a code")).click()
    page.get_by_text(re.compile("on its way")).first.wait_for()
    burst("sms")
    type_account(page, code_in(texts))
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Sign out guest_li").wait_for()
    assert User.objects.get().mobile == "+8613900000011"


def test_staff_writes_previews_sends_and_watches_a_notice(open_page, staff, visitor, texts, burst):
    page = open_page("/notices/", user=staff)
    page.get_by_role("button", name="Write a notice").click()
    page.get_by_label("Subject").fill("Lift out of order")
    page.get_by_label("Text").fill("Dear ((name)), the lift is **out of order**.")
    page.get_by_label("SMS").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Dear reception, the lift is out of order.").wait_for()
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("starts in").wait_for()
    Notice.objects.update(start_at="2026-01-01T00:00Z")
    from notices import prepare

    prepare.start(Notice.objects.get().pk)
    page.get_by_text("0 of 2 settled").wait_for()
    from notices import deliver

    deliver.send_slice(Notice.objects.get().pk, "sms")
    page.get_by_text("2 of 2 settled · 100 %").wait_for()  # by itself
    page.get_by_role("button", name=re.compile("Undo|Cancel")).wait_for(state="detached")
    assert dict(texts)["+8613900000002"] == "Dear guest_wang, the lift is out of order."


def test_staff_undoes_a_notice(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    page.get_by_label("Subject").fill("Oops")
    page.get_by_label("Text").fill("Never mind")
    page.get_by_label("email").check()
    page.get_by_role("button", name="Send now").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone. Nothing was sent.").wait_for()
    assert not Delivery.objects.exists()


def test_language_can_be_switched_on_any_page(open_page):
    page = open_page("/signup/")
    page.get_by_role("button", name="简体中文").click()
    page.get_by_role("heading", level=1).wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert page.url.endswith("/signup/")
