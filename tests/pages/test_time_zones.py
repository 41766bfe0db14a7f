"""The field takes what its hint says: a city."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from notices.pages.time_zones import read_time_zone
from notices.pages.timing_form import TimingForm


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("London", "Europe/London"),
        (" new  york ", "America/New_York"),
        ("new_york", "America/New_York"),
        ("europe/london", "Europe/London"),
        ("Buenos Aires", "America/Buenos_Aires"),
        ("singapore", "Singapore"),
        ("utc", "UTC"),
        ("Beijing", "Asia/Shanghai"),
        ("北京", "Asia/Shanghai"),
        ("Asia/Shanghai", "Asia/Shanghai"),
    ],
)
def test_a_city_is_a_zone(text, zone):
    assert read_time_zone(text) == zone


def test_every_zone_is_taken_by_its_own_name():
    assert [name for name in settings.TIME_ZONES if read_time_zone(name) != name] == []


@pytest.mark.parametrize("text", ["Nowhere", "Central", "localtime", "/", "..", "Europe/", "\0"])
def test_what_names_no_city_is_refused(text):
    with pytest.raises(ValidationError, match="Choose a time zone by its name"):
        read_time_zone(text)


def test_the_hint_is_true():
    form = TimingForm({"when": "later", "at": "2099-12-01T09:00", "zone": "London"})
    assert "London" in form.fields["zone"].help_text
    assert form.is_valid()
    assert form.cleaned_data["zone"] == "Europe/London"
