"""Finding a notice in the list."""

import pytest

from notices.models import Approval, Kind
from tests.support.world import notice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shown(client, staff, django_user_model):
    """Which of three notices a search shows, by the first letter of their subjects."""
    news = Kind.objects.create(name="News", key="news", position=3)
    other = django_user_model.objects.create_user("mr_wang", name="王先生", is_staff=True)
    notice(staff, subject="Afternoon tea", text="In the **hall**.", kind=news).save()
    notice(other, subject="Boiler", text="Cold until noon.", state="finished").save()
    given = notice(staff, subject="Carpets", text="New ones.", state="draft")
    given.save()
    Approval.objects.create(notice=given, digest="x", people=1, stage="given")
    client.force_login(staff)

    def find(**wanted):
        text = client.get("/notices/", wanted).text
        return "".join(each[0] for each in ("Afternoon tea", "Boiler", "Carpets") if each in text)

    find.text = lambda: client.get("/notices/").text
    return find


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "ABC"), ({"q": "afternoon"}, "A"), ({"q": "HALL"}, "A"), ({"q": "王先生"}, "B"),
        ({"q": "mr_wang"}, "B"), ({"q": "nothing like it"}, ""), ({"q": "\x00"}, "ABC"),
        ({"state": "finished"}, "B"), ({"state": "no such"}, "ABC"), ({"own": "1"}, "AC"),
        ({"own": "1", "q": "tea"}, "A"), ({"kind": "0"}, ""), ({"kind": "x" * 300}, "ABC"),
    ],
)  # fmt: skip
def test_notices_are_found(shown, wanted, found):
    assert shown(**wanted) == found


def test_a_kind_is_shown_and_found_and_what_names_none_is_of_the_one_that_is_always_there(shown):
    assert shown(kind=Kind.objects.get(key="news").pk) == "A"
    assert shown(kind=Kind.objects.get(part=Kind.Part.DEFAULT).pk) == "BC"
    assert '<td data-label="Kind">News</td>' in shown.text()


def test_who_approved_is_no_riddle(shown):
    assert shown.text().count('<span class="quiet">approved</span>') == 1


def test_nothing_found_leads_back(shown, client):
    text = client.get("/notices/", {"q": "nothing like it"}).text
    assert "No notice fits." in text
    assert 'value="nothing like it"' in text
