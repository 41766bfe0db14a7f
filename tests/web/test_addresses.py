"""Addresses that nobody types on purpose: numbers, dates and pages that are too large are told to
the person, and are no error of ours."""

import pytest
from django.contrib import admin
from django.db import models

from notices.models import Notice

pytestmark = pytest.mark.django_db

HUGE = ["9" * 20, "-1", "1e30", "\0"]
MODELS = {
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/": (model, site)
    for model, site in admin.site._registry.items()
    if model._meta.app_label != "django_rq"  # one page, and no list
}


@pytest.fixture
def _boss(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("boss", password="x"))


@pytest.mark.parametrize("value", ["0", "9" * 20])
@pytest.mark.usefixtures("_boss")
def test_lists_of_the_admin(client, value):
    client.raise_request_exception = False
    for path, (model, _site) in MODELS.items():
        dates = [each.name for each in model._meta.fields if isinstance(each, models.DateField)]
        for name in ("p", "id__in", *(f"{each}__year" for each in dates[:1])):
            assert client.get(path, {name: value}).status_code < 500, (path, name)


@pytest.mark.parametrize("year", ["9999", "99999999999999999999"])
@pytest.mark.usefixtures("_boss")
def test_a_year_beyond_all_is_a_wrong_question(client, year):
    for path in ("notice/?start_at__year", "occurrence/?planned_at__year"):
        answer = client.get(f"/admin/notices/{path}={year}")
        assert answer.status_code == 302
        assert answer["Location"].endswith("?e=1")


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.usefixtures("_boss")
def test_pages_of_one_row(client, number):
    client.raise_request_exception = False
    for path in MODELS:
        for end in ("change/", "history/", "delete/"):
            assert client.get(f"{path}{number}/{end}").status_code < 500, (path, end)
    for path in (
        "/notices/{}/",
        "/notices/{}.csv",
        "/notices/{}.json",
        "/notices/{}/edit/",
        "/notices/schedules/{}/",
        "/notices/suppressed/{}/",
    ):
        assert client.get(path.format(number)).status_code < 500, path
        assert client.post(path.format(number)).status_code < 500, path


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.usefixtures("_boss")
def test_pages_of_ours(client, value):
    client.raise_request_exception = False
    notice = Notice.objects.create(subject="s", text="t", channels=["sms"])
    for path in (
        "/notices/",
        f"/notices/{notice.pk}/",
        "/notices/schedules/",
        "/notices/suppressed/",
        "/health/",
        "/health/check/",
        "/notices/new/",
    ):
        for name in ("page", "q", "state", "n", "lifted", "job", "channel", "after", "key", "from"):
            assert client.get(path, {name: value}).status_code < 500, (path, name)
