"""Files with people in a browser: whoever cannot see well reads each step, and it fits a phone."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from notices.models import Notice

pytestmark = pytest.mark.django_db(transaction=True)

LIST = (
    "姓名,手机号,E-Mail,Room No.\n王小明,13800138000,,12\n"
    + "Ann,1.38E+10,ann@,7\n" * 3
    + "Bob,,a.very.long.address.of.somebody@department.example.com,14\n" * 2
)


def check(page, name):
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}\n{found.generate_report()}"
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(width) == 0, name
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh-hans", "dark")])
def test_a_file_is_dropped_on_a_notice_and_on_the_people(open_page, staff, burst, language, scheme):
    small = {"viewport": {"width": 375, "height": 800}, "color_scheme": scheme}
    file = {"name": "rent.csv", "mimeType": "text/csv", "buffer": LIST.encode()}
    page = open_page("/notices/new/", staff, language, **small)
    page.locator("#id_subject").fill("Rent of ((room no.))")
    page.locator("#id_text").fill("Dear ((name)), pay.")
    page.locator("[name=channels]").first.check()
    assert not page.locator("[name=dropped]").is_visible()
    page.locator("[name=audience][value=upload]").check()
    check(page, f"{language}-form")
    page.locator("[name=dropped]").set_input_files(file)
    page.locator("[formaction='/notices/new/file/']").click()
    page.locator("progress, article.progress").first.wait_for()
    check(page, f"{language}-reading")
    steps(page, burst, f"{language}-notice")
    page.locator("main a[role=button]").first.click()
    assert page.locator("[name=upload] option:checked").text_content() == "rent.csv"
    page.locator("[name=preview]:visible").click()
    page.locator("#preview").wait_for()
    check(page, f"{language}-preview")
    assert Notice.objects.get().state == "draft"

    page = open_page("/uploads/", staff, language, **small)
    page.locator("[name=file]").set_input_files(file)
    page.locator("main form button").first.click()
    page.locator("article.progress").wait_for()
    steps(page, burst, f"{language}-people")
    page.locator("[value=add]").click()
    page.locator("article.progress").wait_for()
    burst("default")
    page.locator(".figures").wait_for()
    check(page, f"{language}-done")
    page.goto("/uploads/")
    check(page, f"{language}-list")


def steps(page, burst, name):
    burst("default")
    page.locator("[name=column-0]").wait_for()
    check(page, f"{name}-mapping")
    page.locator("[value=judge]").click()
    page.locator("article.progress").wait_for()
    burst("default")
    page.locator(".figures").wait_for()
    check(page, f"{name}-judged")
