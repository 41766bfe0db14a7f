"""What all admins share."""

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

__all__ = ["ShownOnly"]


class ShownOnly(ModelAdmin):  # type: ignore[type-arg]
    """An address such as ?salt__startswith=a asks about no column that the pages do not show:
    who may look could find out a hidden one letter by letter."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        opts = self.model._meta
        column = lookup.partition(LOOKUP_SEP)[0]
        fieldsets = self.get_fieldsets(request, self.model())
        shown = {*flatten_fieldsets(fieldsets), *self.get_list_display(request), "pk"}
        shown.add(opts.pk.name)
        hidden = {
            name
            for each in opts.fields
            if each.name not in shown
            for name in (each.name, each.attname)
        }
        return column not in hidden and super().lookup_allowed(lookup, value, request)
