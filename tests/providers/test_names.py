"""The names of providers as the rows of a deployment have them: none may ever change, wherever its
class stands."""

import pytest

from notices.providers import registry, router

SMS = {
    "console:": "console",
    "file:var/outbox": "file",
    "memory:": "memory",
    "simulate:": "simulate",
    "twilio://AC1:token@+15550001111": "twilio",
    "yuntongxun://AC1:token@app": "yuntongxun",
    "webhook+https://key@sms.example.com/send": "webhook",
    "webhook+http://127.0.0.1/send": "webhook",
}
EMAIL = {
    "notices.providers.smtp_client.EmailBackend": "smtp",
    "notices.providers.rehearsal.email_file.EmailBackend": "emailfile",
    "notices.providers.rehearsal.simulate_email.EmailBackend": "simulate_email",
    "django.core.mail.backends.console.EmailBackend": "console",
    "django.core.mail.backends.locmem.EmailBackend": "locmem",
    "anymail.backends.mailgun.EmailBackend": "mailgun",
    "anymail.backends.postmark.EmailBackend": "postmark",
    "anymail.backends.sendgrid.EmailBackend": "sendgrid",
    "anymail.backends.brevo.EmailBackend": "brevo",
    "anymail.backends.mailjet.EmailBackend": "mailjet",
    "anymail.backends.sparkpost.EmailBackend": "sparkpost",
    "anymail.backends.test.EmailBackend": "test",
}


@pytest.fixture(autouse=True)
def keys(settings):
    services = ("MAILGUN", "SENDGRID", "BREVO", "MAILJET", "SPARKPOST")
    settings.ANYMAIL = {f"{name}_API_KEY": "key" for name in services} | {
        "POSTMARK_SERVER_TOKEN": "token",
        "MAILJET_SECRET_KEY": "secret",
    }


@pytest.mark.parametrize("url", SMS)
def test_sms_provider_is_stored_by_this_name(settings, url):
    settings.SMS_URLS = [url, url]
    names = [provider.name for provider in router.providers("sms")]
    assert names == [SMS[url], f"{SMS[url]}-2"]


@pytest.mark.parametrize("backend", EMAIL)
def test_email_provider_is_stored_by_this_name(settings, backend):
    settings.EMAIL_BACKEND = backend
    assert [provider.name for provider in router.providers("email")] == [EMAIL[backend]]


def test_every_scheme_is_here():
    assert {url.partition(":")[0] for url in SMS} == set(registry.PROVIDERS)


@pytest.mark.parametrize("name", registry.REPORTING)
def test_those_that_report_do_it_by_the_name_of_their_rows(name):
    provider = router.reporting(name)
    assert provider is not None
    assert provider.name == name
