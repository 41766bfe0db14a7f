"""A notice's test, to who writes it and a few others: sent as any message is, marked, and counted
nowhere."""

from datetime import timedelta

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

import jobs
from config import clock
from notices import rights
from notices.audience import recipients
from notices.audience.recipients import Recipient
from notices.channels import CHANNELS, SMS
from notices.content.messages import TEST
from notices.content.written import languages_of, written
from notices.delivery import listed
from notices.models import Delivery, Message, Notice
from notices.pages import check, survey
from notices.rights import right_required
from signup import rates, security
from web.access import StaffRequest
from web.problems import Invalid, Problem

__all__ = ["send_test"]

OTHERS = 5
GOOD_FOR = timedelta(hours=1)


@require_POST
@right_required(rights.SEND)
def send_test(request: StaffRequest, pk: int) -> HttpResponse:
    """To whoever presses, by each channel, and to `others`, one a line."""
    notice = get_object_or_404(Notice.objects.select_related("group", "saved"), pk=pk)
    now = request.POST.get("at") == "once"
    if there := check.elsewhere(request, notice, now=now):
        return there
    try:
        to = [*own_addresses(request, notice), *others(request, notice)]
        if not to:
            raise Invalid(_("You have no such address yourself. Name somebody."))
        rates.spend_anyway(rates.Limit("notice-test", rates.NOTICE_TEST, str(request.user.pk)))
    except Problem as problem:
        found = survey.survey(notice)
        return check.page(request, notice, found, now=now, test_problem=problem)
    number = len(send(notice, to, base_of(request)))
    security.tell("test-sent", notice=pk, number=number)
    words = ngettext(
        "The test is on its way: %(number)d message.",
        "The test is on its way: %(number)d messages.",
        number,
    )
    messages.success(request, words % {"number": number})
    query = "?at=once" if now else ""
    return redirect(reverse("notice_check", args=[pk]) + query + "#test")


def base_of(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def own_addresses(request: StaffRequest, notice: Notice) -> list[Recipient]:
    user = request.user
    known = {name: str(getattr(user, CHANNELS[name].user_field) or "") for name in notice.channels}
    return [Recipient(name, known[name], user.get_full_name()) for name in known if known[name]]


def others(request: HttpRequest, notice: Notice) -> list[Recipient]:
    """Raises Invalid."""
    read = recipients.read(request.POST.get("others", "")[:2000], notice.channels, OTHERS)
    for _number, line, problem in read.problems:
        raise Invalid.field("others", f"{line}: {problem}")
    if len(read.recipients) > OTHERS:
        sentence = _("Name at most %(number)d others.") % {"number": OTHERS}
        raise Invalid.field("others", sentence)
    return read.recipients


def send(notice: Notice, to: list[Recipient], origin: str) -> list[Delivery]:
    """As the notice would be to each of them, in each of its languages, with a mark."""
    mark = _("Test")
    with transaction.atomic():
        rows = []
        for each in unique(to):
            for language in languages_of(notice) or [""]:
                (delivery,) = listed.deliveries(notice, [each])
                delivery.message, delivery.notice, delivery.origin = TEST, None, origin
                delivery.expires_at = clock.now() + GOOD_FOR
                delivery.language = language or delivery.language
                delivery.save()
                said = written(notice, delivery.language)
                words = (delivery.channel == SMS and said.sms) or said.text
                Message.objects.create(
                    delivery=delivery,
                    test_of=notice,
                    subject=f"[{mark}] {said.subject}"[:150],
                    text=f"[{mark}]\n\n{words}",
                )
                rows.append(delivery)
        for row in rows:
            jobs.now(jobs.send_code if row.channel == SMS else jobs.send_email, row.pk)
    return rows


def unique(to: list[Recipient]) -> list[Recipient]:
    """Listed twice, told once."""
    return list({(each.channel, each.address): each for each in reversed(to)}.values())[::-1]
