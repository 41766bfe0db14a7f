"""bin/up --demo: what it makes is whole, makes sense to the engine, and reaches nobody."""

import pytest
from django.core.management import CommandError

from local import demo
from notices.models import Delivery, Notice, Receipt, Schedule, State, Suppression
from signup.models import User
from tests.support.world import swept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here(settings):
    settings.DEBUG = True


def test_the_demo_has_every_outcome_and_nothing_of_it_goes(redis):
    assert demo.make()
    assert User.objects.count() == 2000
    assert Notice.objects.count() == 6
    assert Schedule.objects.filter(state="active").count() == 2
    states = set(Delivery.objects.values_list("state", flat=True))
    assert states == set(State) - {State.SENDING, State.EXPIRED}
    assert set(Notice.objects.values_list("state", flat=True)) == {
        "finished", "paused", "cancelled", "expired", "waiting",
    }  # fmt: skip
    assert Receipt.objects.exclude(handled_at=None).count() > 300
    assert Suppression.objects.exists()
    for user in User.objects.all()[:50]:
        user.full_clean(exclude=["password"])
    assert not {job for job, _args in swept()} & {"start_notice", "resume_notice", "run_schedule"}

    before = Delivery.objects.count()
    assert not demo.make()
    assert Delivery.objects.count() == before


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", False, "DEBUG is 0"),
        ("EMAIL_URL", "smtp://localhost", "EMAIL_URL names a provider"),
        ("SMS_URLS", ["file:var", "twilio://a:b@+1"], "SMS_URLS names a provider"),
    ],
)
def test_where_people_could_be_reached_nothing_is_made(settings, name, value, sentence):
    setattr(settings, name, value)
    with pytest.raises(CommandError, match=sentence):
        demo.make()
    assert not User.objects.exists()
