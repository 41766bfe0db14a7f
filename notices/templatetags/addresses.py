"""Addresses on pages, for who may see them and for who may not."""

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notices import channels, rights
from notices.delivery import erasure, periods
from notices.models import Delivery, State

register = template.Library()


@register.filter
def masked_unless(text: str, may_see: bool) -> str:
    """`{{ delivery.address|masked_unless:perms.notices.see_addresses }}`"""
    return text if may_see else channels.masked(text)


@register.simple_tag(takes_context=True)
def address_of(context: dict[str, Any], delivery: Delivery) -> str:
    """Of a delivery, or why it is not there any more."""
    request = context["request"]
    if delivery.address:
        return masked_unless(delivery.address, request.user.has_perm(rights.ADDRESSES))
    if delivery.state == State.NO_ADDRESS and delivery.reason:
        return "–"
    return _("erased") if delivery.reason == erasure.ERASED else removed(context, "addresses")


@register.simple_tag(takes_context=True)
def removed(context: dict[str, Any], kind: str) -> str:
    """`kind`: in delivery/periods.py. Asked about once for a page."""
    request = context["request"]
    if not hasattr(request, "days_kept"):
        request.days_kept = periods.all_days()
    days = request.days_kept[kind]
    if not days:  # it was another number then
        return _("removed")
    return ngettext("removed after %(days)d day", "removed after %(days)d days", days) % {
        "days": days
    }
