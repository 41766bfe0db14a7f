"""What the person who looks may do."""

from typing import Any

from django import template
from django.contrib import admin

register = template.Library()


@register.simple_tag(takes_context=True)
def can_use_admin(context: dict[str, Any]) -> bool:
    """Whether anything at all is there for them: to be staff alone opens an empty page."""
    request = context["request"]
    return bool(request.user.is_staff and admin.site.get_app_list(request))
