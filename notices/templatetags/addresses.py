"""Addresses on pages, for who may see them and for who may not."""

from django import template

from notices import channels

register = template.Library()


@register.filter
def masked_unless(text: str, may_see: bool) -> str:
    """`{{ delivery.address|masked_unless:perms.notices.see_addresses }}`"""
    return text if may_see else channels.masked(text)
