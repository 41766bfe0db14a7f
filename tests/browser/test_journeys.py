"""What a person does, in a real browser."""

import re
import time

import pytest
from django.utils import timezone

from notices.delivery import expand, lifecycle, slices
from notices.models import Delivery, Notice, Schedule
from signup.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fixed_picture(settings):
    settings.PICTURE_CODE_FIXED = "12345"


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
    page.get_by_role("button", name=re.compile("Send me a code")).last.click()
    page.get_by_text(re.compile("on its way")).first.wait_for()
    burst("sms")
    page.get_by_label("Code from the SMS").fill(code_in(texts))
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Username").fill("guest_li")
    page.get_by_label("Password", exact=True).fill("let me in please")
    if javascript:
        page.get_by_label("Show the password").check()
        assert page.get_by_label("Password", exact=True).get_attribute("type") == "text"
    page.get_by_label(re.compile("agree")).check()
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Sign out guest_li").wait_for()
    assert User.objects.get().mobile == "+8613900000011"
    page.go_back()
    page.get_by_role("heading", name="Hello, guest_li").wait_for()


@pytest.mark.parametrize("fence", ["work", "auto"])
def test_a_browser_works_where_others_read_a_picture(open_page, settings, fence):
    """... and with "auto" only when the budget is near: here it is after the first code."""
    settings.SIGNUP_FENCE = fence
    page = open_page("/signup/")
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/signup/")[2]))
    for number in ("139 0000 0011", "139 0000 0012", "139 0000 0013"):
        page.get_by_label("Mobile number").fill(number)
        assert not page.get_by_label("Digits in the picture").is_visible()
        page.get_by_role("button", name="Send me a code").last.click()
        page.get_by_text(f"A code is on its way to +86 {number}").wait_for()
        page.get_by_role("link", name="Another number").click()
    assert asked.count("work/") == (3 if fence == "work" else 1)
    assert Delivery.objects.count() == 3


def ask(page):
    page.get_by_label("Mobile number").first.fill("13900000011")
    page.get_by_label("Digits in the picture").fill("12345")
    page.get_by_role("button", name="Send me a code").last.click()
    page.get_by_text("on its way").wait_for()


def test_the_next_code_is_waited_for(open_page, settings):
    page = open_page("/signup/")
    ask(page)
    page.get_by_role("link", name="Ask for another code").click()
    again = page.get_by_role("button", name=re.compile("Again in .. s"))
    again.wait_for()
    assert again.is_disabled()
    page.get_by_label("Mobile number").first.fill("13900000012")  # has a minute of its own
    page.wait_for_timeout(600)
    assert page.get_by_role("button", name="Send me a code").last.is_enabled()


def test_a_long_wait_is_told_in_hours(open_page, settings):
    settings.CODE_LIMIT_NUMBER = "1/day"
    page = open_page("/signup/")
    ask(page)
    page.get_by_role("link", name="Ask for another code").click()
    page.get_by_role("button", name="Again in 24 h").wait_for()


def test_another_picture_comes_without_leaving_the_page(open_page):
    page = open_page("/signup/")
    page.get_by_label("Mobile number").first.fill("13900000011")
    before = page.locator("#picture").get_attribute("src")
    page.get_by_role("button", name="Another picture").click()
    page.wait_for_function(f"document.getElementById('picture').getAttribute('src') != '{before}'")
    assert page.get_by_label("Mobile number").first.input_value() == "13900000011"


OTP = """Object.defineProperty(window, 'OTPCredential', {value: class {}});
    navigator.credentials.get = async ({otp}) => ({code: otp.transport[0] == 'sms' && 'CODE'});"""


def test_a_browser_that_reads_the_sms_goes_on_by_itself(open_page, texts, burst):
    page = open_page("/signup/")
    ask(page)
    burst("sms")
    page.add_init_script(OTP.replace("CODE", code_in(texts)))
    page.reload()
    page.get_by_label("Username").wait_for()


def test_staff_writes_previews_sends_and_watches_a_notice(open_page, staff, visitor, texts, burst):
    page = open_page("/notices/", user=staff)
    page.get_by_role("button", name="Write a notice").click()
    page.get_by_label("Subject", exact=True).fill("Lift out of order")
    page.get_by_label("Text", exact=True).fill("Dear ((name)), the lift is **out of order**.")
    page.get_by_label("SMS", exact=True).check()
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Dear reception, the lift is out of order.").wait_for()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_text("2 people get it.").wait_for()
    page.get_by_label("As whom it is shown").select_option("guest_wang")
    page.get_by_role("button", name="Show theirs").click()
    page.get_by_text("Dear guest_wang, the lift is out of order.").wait_for()
    page.get_by_role("button", name="Send to 2 people").click()
    page.get_by_text("starts in").wait_for()
    assert page.url.endswith(f"/notices/{Notice.objects.get().pk}/"), "and no #preview"
    Notice.objects.update(start_at="2026-01-01T00:00Z")
    expand.start(Notice.objects.get().pk)
    page.get_by_text("0 of 2 settled").wait_for()
    page.get_by_role("button", name="Cancel what is still queued").wait_for()  # by itself
    page.get_by_role("button", name="Change").wait_for(state="detached")
    page.get_by_role("cell", name="+8613900000002").wait_for()
    slices.send_slice(Notice.objects.get().pk, "sms")
    page.get_by_text("2 of 2 settled · 100 %").wait_for()  # by itself
    page.get_by_role("button", name=re.compile("Undo|Cancel")).wait_for(state="detached")
    assert dict(texts)["+8613900000002"] == "Dear guest_wang, the lift is out of order."


def test_staff_undoes_a_notice(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    page.get_by_label("Subject", exact=True).fill("Oops")
    page.get_by_label("Text", exact=True).fill("Never mind")
    page.get_by_label("email", exact=True).check()
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone. Nothing was sent.").wait_for()
    assert page.get_by_label("Text", exact=True).input_value() == "Never mind"
    assert not Delivery.objects.exists()


def write_for(page, when):
    """Fills in what is to be said, and when it is meant for."""
    page.get_by_label("Subject", exact=True).fill("Fire drill")
    page.get_by_label("Text", exact=True).fill("The alarm is only a test.")
    page.get_by_label("email", exact=True).check()
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("radio", name=when).check()


def test_staff_writes_a_notice_for_later_moves_it_and_sends_it_at_once(open_page, staff):
    year = timezone.now().year + 1
    page = open_page("/notices/new/", user=staff)
    assert not page.get_by_label("Time zone").is_visible()
    write_for(page, "Later")
    page.get_by_text("Choose a date and a time.").wait_for()
    page.get_by_label("Time zone").fill("London")
    page.get_by_label("Date and time").fill(f"{year}-12-01T09:00")
    page.get_by_text(f"{year}-12-01 17:00 for you (Asia/Shanghai)").wait_for()
    page.get_by_label("Subject", exact=True).press("Enter")  # shows it, and sends nothing
    page.get_by_role("region", name="Preview").wait_for()
    assert not Notice.objects.exists()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_text(f"{year}-12-01 17:00 ({year}-12-01 09:00 Europe/London)").wait_for()
    page.get_by_role("button", name="Change").click()
    page.get_by_text(f"{year}-12-01 17:00 for you").wait_for()
    page.get_by_label("Date and time").fill(f"{year}-12-02T10:30")
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_text(f"{year}-12-02 18:30").wait_for()
    page.get_by_role("button", name="Send at once").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_text("starts in").wait_for()
    page.get_by_role("button", name="Undo").wait_for()
    assert Notice.objects.get().start_at <= timezone.now() + lifecycle.UNDO


def test_the_clock_stands_still_while_staff_change_a_notice(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    write_for(page, "Now")
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_text("It is held while you change it").wait_for()
    new = Notice.objects.get()
    other = open_page(new.get_absolute_url(), user=staff)
    other.get_by_text("held: being changed").wait_for()
    Notice.objects.update(start_at="2026-01-01T00:00Z")
    expand.start(new.pk)
    page.get_by_label("Subject", exact=True).fill("Fire drill at noon")
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.get_by_text("starts in").wait_for()
    other.get_by_role("button", name="Undo").wait_for()  # by itself
    assert Notice.objects.get().subject == "Fire drill at noon"
    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="Leave it as it is").click()
    page.get_by_text("It goes on as it was.").wait_for()
    assert Notice.objects.get().state == "waiting"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_list_is_asked_for_by_those_who_choose_it(open_page, staff, javascript):
    page = open_page("/notices/new/", user=staff, java_script_enabled=javascript)
    addresses = page.get_by_label("Addresses and numbers", exact=True)
    assert not page.get_by_role("radio", name="Everyone").is_checked()
    assert not addresses.is_visible()
    write_for(page, "Now")
    assert not addresses.is_visible()
    page.get_by_role("radio", name="addresses and numbers below").check()
    addresses.fill("a@example.com")
    page.get_by_role("radio", name="Everyone").check()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_text("Everyone is chosen above, and this list is not empty.").wait_for()
    assert addresses.is_visible()
    assert not Notice.objects.exists()


def test_staff_writes_a_schedule_and_does_all_that_can_be_done_with_it(open_page, staff):
    page = open_page("/notices/schedules/", user=staff)
    page.get_by_role("button", name="Write a schedule").click()
    write_for(page, "Repeat")
    page.get_by_label("Date and time").fill("2026-01-01T09:00")
    page.get_by_text("Every day, at 09:00, Asia/Shanghai").wait_for()
    page.get_by_label("Unit of time").select_option("week(s)")
    page.get_by_role("checkbox", name="Mon").check()
    page.get_by_text("Every week, on Monday, at 09:00").wait_for()
    times = page.locator("#timing-words li")
    assert [line.split()[0] for line in times.all_inner_texts()] == ["Mon"] * 5
    page.get_by_role("checkbox", name="Fri").check()
    page.get_by_text("Every week, on Monday and Friday, at 09:00").wait_for()
    assert {line.split()[0] for line in times.all_inner_texts()} == {"Mon", "Fri"}
    promised = times.all_inner_texts()
    page.get_by_role("button", name="Save the schedule").click()
    page.get_by_role("heading", name="Fire drill").wait_for()
    assert page.locator(".instants li").all_inner_texts() == promised
    page.get_by_role("button", name="Skip the next one").click()
    page.get_by_text("Skipped by hand.").wait_for()
    assert page.locator(".instants li").all_inner_texts()[:4] == promised[1:]
    promised = page.locator(".instants li").all_inner_texts()
    page.get_by_role("button", name="Change").click()
    times.first.wait_for()
    assert times.all_inner_texts() == promised
    page.get_by_role("link", name="Leave it as it is").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("The times that pass meanwhile are left out.").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("heading", name="The next times").wait_for()
    page.get_by_role("button", name="Run now").click()
    page.get_by_text("You have 10 seconds to undo").wait_for()
    page.get_by_text("Run now, by hand.").wait_for()
    assert Notice.objects.get().subject == "Fire drill"
    page.get_by_text("End it for good").click()
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_text("Ended: it will not run again.").wait_for()
    page.get_by_role("button", name="Change").wait_for(state="detached")
    assert Schedule.objects.get().state == "ended"


def test_without_javascript_the_preview_shows_the_next_times(open_page, staff):
    page = open_page("/notices/new/?when=repeat", user=staff, java_script_enabled=False)
    write_for(page, "Repeat")
    page.get_by_label("Date and time").fill("2026-01-01T09:00")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Every day, at 09:00, Asia/Shanghai").wait_for()
    assert page.locator("#timing-words li").count() == 5
    assert not Schedule.objects.exists()


def test_a_button_does_what_it_says_where_all_are_shown(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    write_for(page, "Now")
    page.evaluate("document.querySelector('button.for-repeat').style.display = 'inline'")
    page.get_by_role("button", name="Save the schedule").click()
    page.get_by_role("button", name="Run now").wait_for()
    assert Schedule.objects.exists()
    assert not Notice.objects.exists()


def test_what_is_wrong_is_shown_where_nobody_asks_for_it(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    write_for(page, "Repeat")
    page.get_by_label("How many").fill("0")
    page.get_by_role("radio", name="Now").check()
    assert not page.get_by_label("How many").is_visible()
    page.get_by_role("button", name="Check and send").click()
    page.get_by_role("alert").wait_for()
    page.wait_for_load_state()  # the style sheet decides
    assert page.get_by_label("How many").is_visible()


def test_language_can_be_switched_on_any_page(open_page):
    page = open_page("/signup/")
    page.get_by_role("button", name="简体中文").click()
    page.get_by_role("heading", level=1).wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert page.url.endswith("/signup/")
