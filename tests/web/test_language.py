"""The switch at the foot of each page."""

import pytest

from signup.models import User

pytestmark = pytest.mark.django_db


def switch(client, language):
    return client.post("/language/setlang/", {"language": language, "next": "/notices/"})


def test_who_is_signed_in_gets_messages_in_that_language_too(client, visitor):
    client.force_login(visitor)
    assert switch(client, "zh-hans")["Location"] == "/notices/"
    visitor.refresh_from_db()
    assert visitor.language == "zh-hans"
    switch(client, "tlh")
    visitor.refresh_from_db()
    assert visitor.language == "zh-hans"


def test_visitor_changes_the_pages_alone(client, visitor):
    assert switch(client, "zh-hans").cookies
    assert set(User.objects.values_list("language", flat=True)) == {"en"}


def test_get_changes_nothing(client, visitor):
    client.force_login(visitor)
    client.get("/language/setlang/?language=zh-hans")
    visitor.refresh_from_db()
    assert visitor.language == "en"
