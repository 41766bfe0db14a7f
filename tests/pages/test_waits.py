"""The page of a notice says why nothing goes."""

import pytest

from notices.delivery import expand, lifecycle
from notices.models import Notice
from notices.providers import breaker
from queueing.scheduler import SCHEDULER_HEARTBEAT
from tests.support.world import notice, sent_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(client, staff):
    client.force_login(staff)
    return client


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Email: The mail server refuses our name or password (535). Since 20"),
        ("zh-hans", "邮件服务器拒绝了我们的用户名或密码 (535)。 自 20"),
    ],
)
def test_what_the_provider_said_of_us(page, staff, language, words):
    new = sent_now(staff)
    expand.start(new.pk)
    breaker.went_away("locmem", "The mail server refuses our name or password (535).")
    headers = {"Accept-Language": language}
    assert words in page.get(f"/notices/{new.pk}/", headers=headers).text
    Notice.objects.update(state=Notice.State.FINISHED)
    assert "(535)" not in page.get(f"/notices/{new.pk}/", headers=headers).text


def test_that_it_waits_for_the_scheduler(page, staff, redis):
    new = notice(staff)
    lifecycle.accept(new)
    words = "The scheduler does not run: this starts when it does."
    assert words in page.get(f"/notices/{new.pk}/").text
    redis.set(SCHEDULER_HEARTBEAT, 1)
    assert words not in page.get(f"/notices/{new.pk}/").text
