"""A worker stands still for longer than its lease, then comes back with an answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notices.delivery import expand, slices
from notices.models import Delivery, Notice, StreamCursor
from notices.providers.errors import TryLater
from notices.providers.smtp import Email
from tests.support import world
from tests.support.world import swept

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_late_worker_puts_back_is_still_sent(monkeypatch, mailserver, visitor):
    notice = world.notice()
    notice.save()
    expand.start(notice.pk)

    def stand_still(provider, letters, may_leave, waiting):
        [(delivery, _form, _words)] = letters
        assert may_leave(delivery)
        StreamCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        swept()
        assert Notice.objects.get().state == Notice.State.FINISHED  # with one that is uncertain
        yield delivery, TryLater("Busy.")

    with monkeypatch.context() as patch:
        patch.setattr(Email, "send_stream", stand_still)
        slices.send_slice(notice.pk, "email")
    assert world.states_of(notice) == {visitor.email: "queued"}
    later = timezone.now() - timedelta(hours=1)
    Delivery.objects.update(not_before=later)
    Notice.objects.update(active_at=later, start_at=later)
    assert swept() == [("resume_notice", (notice.pk, "email"))]
    slices.send_slice(notice.pk, "email")
    assert world.states_of(notice) == {visitor.email: "sent"}
    assert Notice.objects.get().state == Notice.State.FINISHED
