"""Every page: no accessibility violation, no sideways scrolling on a phone, no blocked script."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from notices import deliver, optout, prepare, suppression
from notices.models import Delivery, State
from tests.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)

FOR_ALL = {"/": 200, "/signup/": 200, "/login/": 200, "/password/": 200, "/no-such-page/": 404}
FOR_STAFF = [
    "/", "/notices/", "/notices/new/", "/notices/{pk}/", "/notices/suppressed/", "/health/",
    "/outbox/",
]  # fmt: skip


@pytest.fixture
def world(staff, visitor, texts):
    """A notice that is half sent, with one of each trouble."""
    new = sent_now(staff, channels=["email", "sms"])
    prepare.start(new.pk)
    deliver.send_slice(new.pk, "sms")
    Delivery.objects.filter(address="wang@example.com").update(
        state=State.UNCERTAIN, reason="No answer came back.", tries=1
    )
    suppression.add("email", "wang@example.com", "bounced", "It came back. 5.1.1 No such user")
    suppression.add("sms", "+8613900000002", "stop")
    return new


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
            path.format(pk=world.pk),
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
    link = optout.unsubscribe_url(Delivery.objects.get(address="wang@example.com"))
    options = {
        "language": language, "color_scheme": scheme, "viewport": {"width": 375, "height": 800},
    }  # fmt: skip
    page = open_page(link, **options)
    check(page)
    page.locator("form button").first.click()
    page.wait_for_load_state()
    check(page)
    check(open_page(f"{link[:-9]}/", **options), 404)


def test_refused_forms(open_page, staff):
    page = open_page("/notices/new/", user=staff)
    page.get_by_role("button", name="Send now").click()
    check(page, 400)
    page = open_page("/signup/")
    page.evaluate("document.getElementById('signup').noValidate = true")
    page.get_by_role("button", name="Register").click()
    page.wait_for_load_state()
    check(page, 400)


def test_page_that_is_not_for_you(open_page, visitor):
    check(open_page("/notices/", user=visitor), 403)
