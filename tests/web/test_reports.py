"""Error reports, and the page that DEBUG shows: no address with a password or token in it."""

import sys

import pytest
from django.views.debug import ExceptionReporter

pytestmark = pytest.mark.once


def test_reports_hide_what_addresses_carry(rf, settings):
    settings.SMS_URLS = ["twilio://AC1:hidden-token@+15550001111"]
    settings.EMAIL_URL = "smtp://user:hidden-token@mail.example.com:587"
    settings.DATABASE_URL = "postgres://user:hidden-token@db.example.com/bellhop"
    settings.REDIS_URL = "redis://:hidden-token@redis.example.com/0"
    settings.RQ_QUEUES = {"sms": {"URL": settings.REDIS_URL}}
    settings.CACHES = settings.CACHES | {"other": {"LOCATION": settings.REDIS_URL}}
    try:
        raise ValueError("anything")
    except ValueError:
        reporter = ExceptionReporter(rf.get("/"), *sys.exc_info())
    for report in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "anything" in report
        assert "SMS_URLS" in report
    settings_shown = reporter.filter.get_safe_settings()
    assert "hidden-token" not in repr(settings_shown)
