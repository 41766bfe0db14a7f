"""The people's pages in a browser: whoever cannot see well reads them, they fit a phone, and an
audience is counted while it is written."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from notices.audience import conditions, suppression
from notices.delivery import expand
from notices.models import SavedAudience
from signup import groups
from signup.models import Change
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(staff, visitor):
    for name in ("Building B", "Chess"):
        groups.add(groups.make(name)[0], [staff.pk, visitor.pk])
    groups.make_attribute("room")
    visitor.name, visitor.attributes = "王 芳", {"room": "12"}
    visitor.save()
    Change.objects.create(user=visitor, by=staff, what="changed", fields=["name", "attribute:room"])
    expand.start(sent_now(staff, channels=["email", "sms"]).pk)
    suppression.add("email", "wang@example.com", "bounced")
    rows = [[conditions.read("group", "Building B", negated=False)]]
    return SavedAudience.objects.create(name="Floor 1", key="floor 1", conditions=rows)


@pytest.mark.parametrize(
    ("language", "scheme"), [("en", "light"), ("zh-hans", "dark")]
)  # fmt: skip
def test_pages_are_accessible_and_fit_a_phone(open_page, house, staff, visitor, language, scheme):
    small = {"viewport": {"width": 375, "height": 800}, "color_scheme": scheme}
    for path in ("/people/", f"/people/{visitor.pk}/", f"/people/{visitor.pk}/edit/", "/groups/",
                 "/audiences/", f"/audiences/{house.pk}/", "/audiences/new/"):  # fmt: skip
        page = open_page(path, staff, language, **small)
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(width) == 0, path


def test_audience_is_counted_while_it_is_written(open_page, house, staff):
    page = open_page("/audiences/new/", staff)
    page.locator("[name=what]").first.select_option("group")
    page.locator("[name=value]").first.fill("chess")
    page.get_by_text("王 芳").wait_for()
    page.locator("[name=is]").first.select_option("not")
    page.get_by_text("Nobody fits these conditions.").wait_for()
