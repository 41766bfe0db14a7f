"""A text used again, and what is saved before it is sent."""

import pytest

from tests.support.world import sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


def test_text_is_used_again_and_its_audience_is_not(desk, staff):
    new = sent_now(staff, subject="Water off", channels=["sms"], pasted="+8613900000009")
    assert f'href="/notices/new/?again={new.pk}"' in desk.get(f"/notices/{new.pk}/").text
    form = desk.get("/notices/new/", {"again": new.pk}, follow=True).context["form"]
    shown = {name: form[name].value() for name in ("subject", "text", "channels")}
    assert shown == {"subject": "Water off", "text": new.text, "channels": ["sms"]}
    assert not form["audience"].value()
    assert not form["addresses"].value()
    for odd in ("x", "²", "9" * 30, new.pk + 1):
        assert desk.get("/notices/new/", {"again": odd}, follow=True).status_code == 404
