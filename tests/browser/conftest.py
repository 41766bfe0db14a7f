"""A real Chromium: Debian's package, driven by Playwright."""

import shutil

import pytest
from django.conf import settings as django_settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WHERE = "Chromium is not installed: apt-get install chromium fonts-noto-cjk"


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM:
        pytest.skip(WHERE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, live_server):
    """Opens pages; a page that the browser complains about fails the test at its end."""
    contexts, complaints = [], []

    def complain(message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_one(path="/", user=None, language="en", **options):
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        cookies = {django_settings.LANGUAGE_COOKIE_NAME: language}
        if user:
            cookies[django_settings.SESSION_COOKIE_NAME] = session_of(user)
        for name, text in cookies.items():
            context.add_cookies([{"name": name, "value": text, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def session_of(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies[django_settings.SESSION_COOKIE_NAME].value
