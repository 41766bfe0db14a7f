"""One message, explained: who asked for it, what was tried, what a provider said, and why it stands
where it does."""

from datetime import datetime
from typing import NamedTuple

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from config import clock
from notices import rights
from notices.audience import suppression
from notices.content.messages import TEST
from notices.delivery import periods
from notices.models import DEAD, RESENDABLE, Delivery, Notice, Receipt, State
from notices.pages.people import SAID, receipts_of
from notices.rights import demand
from web.access import StaffRequest, staff_required

__all__ = ["detail"]

WHY = {
    State.QUEUED: gettext_lazy("It waits for its turn."),
    State.SENDING: gettext_lazy("Its request is on the way, and the answer is still to come."),
    State.SENT: gettext_lazy("The provider took it. Nobody has reported yet that it arrived."),
    State.DELIVERED: gettext_lazy("The provider reports that it arrived."),
    State.BOUNCED: gettext_lazy("The provider took it, and reports that it did not arrive."),
    State.FAILED: gettext_lazy("It was not taken, and is not tried again."),
    State.UNCERTAIN: gettext_lazy(
        "A request left, and no answer came back. It may have arrived, so it is not sent again "
        "by itself."
    ),
    State.CANCELLED: gettext_lazy("It was cancelled before it left."),
    State.SUPPRESSED: gettext_lazy("Nothing was sent: this address is not to be told."),
    State.EXPIRED: gettext_lazy("Its time was over before it could leave."),
    State.NO_ADDRESS: gettext_lazy("Nothing was sent: there is no address."),
}


class Step(NamedTuple):
    """`reason`: as it is kept, for the filter in_words."""

    at: datetime
    what: str
    reason: str = ""


@require_GET
@staff_required
def detail(request: StaffRequest, pk: int) -> HttpResponse:
    rows = Delivery.objects.select_related("notice__author", "user").defer(
        "values", "notice__text", "notice__addresses"
    )
    delivery = get_object_or_404(rows, pk=pk)
    if (
        delivery.notice is None and delivery.message != TEST
    ):  # a code, a password reset: shown on a person's page alone
        demand(request, rights.SEE_PEOPLE, rights.PEOPLE)
    against = suppression.active(delivery.channel, delivery.address) if delivery.address else []
    context = {
        "delivery": delivery,
        "resendable": delivery.notice_id and delivery.state in RESENDABLE,
        "said": SAID.get(delivery.message, delivery.message),
        "why": why(delivery),
        "steps": steps(delivery),
        "against": [(row, row.kind in DEAD) for row in against],
        "receipts_kept": periods.days("receipts"),
    }
    return render(request, "notices/message.html", context)


def why(delivery: Delivery) -> str:
    """A sentence for the state that it has."""
    if delivery.state == State.QUEUED:
        return why_queued(delivery)
    return str(WHY[State(delivery.state)])


def why_queued(delivery: Delivery) -> str:
    notice = delivery.notice
    if notice and notice.in_question_since:
        return _("It waits until somebody decides what happens after the restore.")
    if notice and notice.state == Notice.State.PAUSED:
        return _("It waits: its notice is paused.")
    if notice and notice.is_held and notice.held_until:
        return _("It waits until the quiet hours end, at %s.") % shown(notice.held_until)
    if delivery.not_before and delivery.not_before > clock.now():
        return _("It is tried again at %s.") % shown(delivery.not_before)
    if delivery.token:
        return _("A worker has claimed it, and sends it next.")
    return str(WHY[State.QUEUED])


def shown(moment: datetime) -> str:
    return date_format(localtime(moment), "Y-m-d H:i:s")


def steps(delivery: Delivery) -> list[Step]:
    """All that is known of it, in the order in which it happened."""
    found = [*asked_for(delivery)]
    for attempt in delivery.failed_attempts.all():
        what = _("Asked %s:") % attempt.provider if attempt.provider else _("Tried again:")
        found.append(Step(attempt.at, what, attempt.reason))
    if delivery.state in (State.SENT, State.SENDING):
        words = _("%s took it.") if delivery.state == State.SENT else _("The request to %s left.")
        found.append(Step(delivery.changed_at, words % delivery.provider))
    elif delivery.state in (State.CANCELLED, State.EXPIRED):
        found.append(Step(delivery.changed_at, str(WHY[State(delivery.state)])))
    found += [reported(each) for each in receipts_of([delivery])[delivery.pk]]
    return sorted(found, key=lambda step: step.at)


def asked_for(delivery: Delivery) -> list[Step]:
    notice = delivery.notice
    if delivery.message == TEST and delivery.written.test_of_id:
        words = _("Asked for, as a test of notice %d.") % delivery.written.test_of_id
        return [Step(delivery.created_at, words)]
    if notice is None:
        return [Step(delivery.created_at, _("Asked for, and prepared."))]
    asked = _("Asked for by %s.") % notice.author if notice.author else _("Asked for.")
    found = [Step(notice.created_at, asked)]
    if notice.started_at:
        found.append(Step(notice.started_at, _("Its notice started.")))
    return [*found, Step(delivery.created_at, _("Prepared."))]


def reported(receipt: Receipt) -> Step:
    kind = receipt.get_kind_display()
    told = {"provider": receipt.provider, "kind": kind}
    if receipt.told_at is None:
        return Step(receipt.at, _("%(provider)s reported: %(kind)s.") % told, receipt.reason)
    told["time"] = shown(receipt.told_at)
    words = _("%(provider)s reported: %(kind)s, at %(time)s by its clock.")
    return Step(receipt.at, words % told, receipt.reason)
