"""Every page: no accessibility violation, no sideways scrolling on a phone, no blocked script."""

from datetime import time, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from notices.audience import preferences, suppression
from notices.delivery import expand, lifecycle, slices
from notices.models import Delivery, Erasure, Schedule, State
from notices.schedules import actions, occurrences
from signup import codes
from signup.models import Verification
from tests.support.world import notice, repeated, sent_now

pytestmark = pytest.mark.django_db(transaction=True)

FOR_ALL = {
    "/": 200, "/signup/": 200, "/login/": 200, "/login/code/": 200, "/password/": 200,
    "/password/code/": 200, "/account/undo/x/": 404, "/no-such-page/": 404,
    "/api/v1/docs": 200,
}  # fmt: skip
FOR_STAFF = [
    "/", "/notices/", "/notices/new/", "/notices/{pk}/", "/notices/{pk}/again/",
    "/notices/suppressed/", "/health/",
    "/messages/{message}/", "/search/?q=wang@example.com", "/search/?q=nobody",
    "/outbox/", "/account/", "/account/mobile/code/", "/tokens/", "/retention/", "/kinds/",
    "/people/erased/", "/people/{person}/erase/", "/roles/", "/audit/", "/audit/?day=x",
    "/settings/", "/desk/",
]  # fmt: skip
OF_LATER_AND_AGAIN = [
    "/notices/new/?when=later", "/notices/new/?when=repeat",
    "/notices/{waiting}/", "/notices/{waiting}/edit/", "/notices/{waiting}/check/?at=once",
    "/notices/{changing}/", "/notices/{changing}/edit/", "/notices/{draft}/check/",
    "/notices/{stopped}/correct/",
    "/notices/schedules/", "/notices/schedules/{active}/", "/notices/schedules/{active}/edit/",
    "/notices/schedules/{paused}/", "/notices/schedules/{ended}/",
]  # fmt: skip


@pytest.fixture
def world(staff, visitor, texts):
    """A notice that is half sent, with one of each trouble."""
    new = sent_now(staff, channels=["email", "sms"])
    expand.start(new.pk)
    slices.send_slice(new.pk, "sms")
    Delivery.objects.filter(address="wang@example.com").update(
        state=State.UNCERTAIN, reason="No answer came back.", tries=1
    )
    suppression.add("email", "wang@example.com", "bounced", "It came back. 5.1.1 No such user")
    suppression.add("sms", "+8613900000002", "stop")
    counts = {"account": 1, "messages": 12, "opt_outs": 1}
    Erasure.objects.create(person=999, way="page", by=staff, done_at=timezone.now(), counts=counts)
    return new


@pytest.fixture
def schedules(staff):
    """One of each state, one of them with occurrences of each kind; and a notice that waits."""
    active, paused, ended = (repeated(zone="Europe/London", author=staff) for _ in range(3))
    Schedule.objects.filter(pk=active.pk).update(handled_until=timezone.now() - timedelta(hours=3))
    occurrences.run(active.pk)
    actions.skip(active.pk, staff)
    actions.run_now(active.pk, staff)
    actions.pause(paused.pk)
    actions.end(ended.pk)
    waiting = notice(staff, zone="Europe/London")
    lifecycle.accept(waiting, timezone.now() + timedelta(days=3))
    changing = notice(staff)
    lifecycle.accept(changing, timezone.now() + timedelta(days=3))
    lifecycle.hold(changing)
    found = {"active": active, "paused": paused, "ended": ended, "waiting": waiting}
    draft = notice(staff, state="draft", channels=["email", "sms"])
    draft.draft_version = draft.checked_version = 1
    draft.save()
    texts = {"zh-hans": {"subject": "电梯", "text": "停了。", "sms": "停"}}
    stopped = notice(staff, state="paused", paused_from="sending", language="en", texts=texts)
    stopped.save()
    found |= {"changing": changing, "draft": draft, "stopped": stopped}
    return {name: row.pk for name, row in found.items()}


def check(page, status=200):
    found = "performance.getEntriesByType('navigation')[0].responseStatus"
    assert page.evaluate(found) == status
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    inner, width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert inner <= width, f"{page.url} scrolls sideways: {inner} > {width}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_for_everybody(open_page, settings, scheme, language):
    for path, status in FOR_ALL.items():
        page = open_page(
            path, language=language, color_scheme=scheme, viewport={"width": 375, "height": 800}
        )
        check(page, status)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_for_staff(open_page, staff, world, scheme, language):
    for path in FOR_STAFF:
        page = open_page(
            path.format(
                pk=world.pk,
                message=world.deliveries.order_by("pk")[0].pk,
                person=world.deliveries.exclude(user=staff)[0].user_id,
            ),
            user=staff,
            language=language,
            color_scheme=scheme,
            viewport={"width": 375, "height": 800},
        )
        check(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_page_for_opting_out(open_page, world, settings, live_server, scheme, language):
    settings.PUBLIC_URL = live_server.url
    link = preferences.unsubscribe_url(Delivery.objects.get(address="wang@example.com"))
    options = {
        "language": language, "color_scheme": scheme, "viewport": {"width": 375, "height": 800},
    }  # fmt: skip
    page = open_page(link, **options)
    check(page)
    page.locator("form button").first.click()
    page.wait_for_load_state()
    check(page)
    check(open_page(f"{link[:-9]}/", **options), 404)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_of_later_and_again(open_page, settings, staff, schedules, scheme, language):
    settings.QUIET_HOURS = (time(22), time(7))
    settings.CONFIRM_ABOVE = 0
    for path in OF_LATER_AND_AGAIN:
        page = open_page(
            path.format(**schedules),
            user=staff,
            language=language,
            color_scheme=scheme,
            viewport={"width": 375, "height": 800},
        )
        if "edit" in path:
            page.locator(".planned").wait_for()  # htmx asks for it
        check(page)


RING = """() => {
    const seen = each => { const s = getComputedStyle(each); return [
        s.outlineStyle == 'none' ? '' : s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor,
        s.backgroundColor].join('|') };
    const missing = [];
    document.body.style.setProperty('transition', 'none');
    for (const each of document.querySelectorAll('a, button, input, select, textarea, summary')) {
        if (!each.checkVisibility() || each.disabled || each.type == 'hidden') continue;
        each.style.setProperty('transition', 'none', 'important');
        each.blur();
        const before = seen(each);
        each.focus({focusVisible: true});
        if (document.activeElement == each && seen(each) == before) missing.push(each.outerHTML);
    }
    return missing;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whatever_has_the_focus_shows_it(open_page, staff, world, scheme):
    for path in ("/notices/", "/notices/new/", "/notices/{pk}/", "/notices/suppressed/", "/health/",
                 "/outbox/"):  # fmt: skip
        page = open_page(path.format(pk=world.pk), user=staff, color_scheme=scheme)
        assert page.evaluate(RING) == [], path


def test_search_fields_look_like_what_stands_beside_them(open_page, staff, world):
    radius = "each => getComputedStyle(each).borderRadius"
    for path in ("/notices/{pk}/", "/notices/suppressed/", "/outbox/"):
        page = open_page(path.format(pk=world.pk), user=staff)
        beside = page.locator("main form :is(select, button[type=submit])").first
        for search in page.locator("input[type=search]").all():  # that of the header, too
            assert search.evaluate(radius) == beside.evaluate(radius)


def test_refused_forms(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    page.get_by_role("button", name="Check and send").click()
    check(page, 400)
    page = open_page("/notices/new/?when=repeat", user=staff)
    page.get_by_label("Time zone").fill("Nowhere")
    page.get_by_role("button", name="Save the schedule").click()
    page.get_by_role("alert").wait_for()
    check(page, 400)
    page = open_page("/signup/")
    page.evaluate("document.getElementById('signup').noValidate = true")
    page.get_by_role("button", name="Send me a code").last.click()
    page.get_by_role("alert").wait_for()
    check(page, 400)


def test_page_that_is_not_for_you(open_page, visitor):
    check(open_page("/notices/", user=visitor), 403)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_steps_of_signing_up_and_of_coming_in_by_a_code(open_page, settings, scheme, language):
    settings.PICTURE_CODE_FIXED = "12345"
    settings.CODE_LIMIT_NUMBER = "9/minute"
    size = {"width": 375, "height": 800}
    for path in ("/signup/", "/login/code/", "/password/code/"):
        page = open_page(path, language=language, color_scheme=scheme, viewport=size)
        page.locator("#id_mobile").fill("13900000011")
        page.locator("#id_image_code").fill("12345")
        page.locator("main form button").last.click()
        page.locator("#id_sms_code").wait_for()
        check(page)
        if path == "/signup/":
            code = codes.derive(Verification.objects.get())
            page.locator("#id_sms_code").fill(f"{code[:3]} {code[3:]}")
            page.locator("main form button").last.click()
            page.locator("#id_username").wait_for()
            check(page)
