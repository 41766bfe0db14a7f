"""The pages of the doors for staff: the second factor, and the budget of codes."""

import pytest
from django.utils import timezone

from signup import budget
from signup.models import Verification
from tests.browser.test_every_page import check
from tests.signup.test_second_factor import code

pytestmark = pytest.mark.django_db(transaction=True)

LOOKS = [("en", "light"), ("en", "dark"), ("zh-hans", "light")]


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_second_factor_is_set_up(open_page, settings, staff, language, scheme):
    settings.STAFF_SECOND_FACTOR = True
    options = {"language": language, "color_scheme": scheme}
    page = open_page("/notices/", user=staff, viewport={"width": 375, "height": 800}, **options)
    check(page)
    page.locator("[name=code]").fill(code())
    page.locator("form:has([name=code]) button").click()
    page.locator(".recovery li").last.wait_for()
    check(page)
    page.locator("main a[role=button]").click()
    page.wait_for_url("**/notices/")


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_budget_of_codes_is_shown(open_page, staff, language, scheme):
    for prefix, used in (("+8613800", 2), ("+8613900", 60)):
        Verification.objects.bulk_create(
            Verification(
                mobile=f"{prefix}{n:06d}", salt="s", prefix=prefix, network="f" * 16,
                used_at=timezone.now() if n < used else None,
            )
            for n in range(61)
        )  # fmt: skip
    budget.release("+8613900")
    options = {"language": language, "color_scheme": scheme}
    check(open_page("/health/", user=staff, viewport={"width": 375, "height": 800}, **options))
