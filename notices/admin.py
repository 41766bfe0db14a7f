from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from notices import rights
from notices.content import messages
from notices.models import (
    Delivery,
    FailedAttempt,
    Notice,
    Occurrence,
    Receipt,
    Schedule,
    Suppression,
)
from signup import search
from signup.search import PeopleSearch, fitting
from web import characters
from web.admin import ShownOnly

FOUND = 1000


class ReadOnly:
    """The record is for looking: a notice is written, sent and cancelled on its own pages. Every
    table here holds addresses, or leads to one that does."""

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        may_view: bool = super().has_view_permission(request, obj)  # type: ignore[misc]
        return may_view and request.user.has_perm(rights.ADDRESSES)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnly, ShownOnly):
    list_display = ("id", "subject", "state", "audience", "author", "start_at", "finished_at")
    list_display_links = ("subject",)
    list_filter = ("state", "audience")
    list_select_related = ("author",)
    search_fields = ("subject",)
    date_hierarchy = "start_at"


class TryInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = FailedAttempt
    readonly_fields = ("at",)


class MessageFilter(admin.SimpleListFilter):
    """The names that are known: the stock filter reads the whole table for those that occur."""

    title = _("message")
    parameter_name = "message"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        names = (*messages.MESSAGES, messages.NOTICE, messages.MESSAGE, messages.TEST)
        return [(name, name) for name in names]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Delivery]
    ) -> QuerySet[Delivery] | None:
        return queryset.filter(message=self.value()) if self.value() else None


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, ShownOnly):
    list_display = ("id", "message", "channel", "address", "state", "reason", "tries", "changed_at")
    list_filter = ("state", "channel", MessageFilter)
    search_fields = ("address", "=notice__id")  # for the page; see get_search_results
    # The token is a worker's, and the table may hold millions.
    exclude = ("token", "lease_until", "origin")
    inlines = (TryInline,)
    show_full_result_count = False
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A notice's number, or a part of an address: of those the newest thousand, looked for
        once and not again for their number and for each page."""
        if not (term := characters.clean(search_term).strip()):
            return queryset, False
        if term.isdecimal() and len(term) < 7:
            return queryset.filter(notice=int(term)), False
        search.looked_for(term)
        found = queryset.filter(fitting(term, "address")).order_by("-id")
        return queryset.filter(pk__in=list(found.values_list("pk", flat=True)[:FOUND])), False


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly, ShownOnly):
    list_display = ("id", "subject", "state", "rule", "zone", "next_at", "author")
    list_display_links = ("subject",)
    list_filter = ("state",)
    list_select_related = ("author",)
    search_fields = ("subject",)


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnly, ShownOnly):
    list_display = ("id", "schedule", "planned_at", "state", "reason", "notice")
    list_filter = ("state",)
    list_select_related = ("schedule", "notice")
    date_hierarchy = "planned_at"


@admin.register(Suppression)
class SuppressionAdmin(PeopleSearch, ReadOnly, ShownOnly):
    """Lifted on the staff's own page, with a reason."""

    list_display = ("id", "channel", "address", "kind", "since", "lifted_at", "lifted_by")
    list_filter = ("channel", "kind")
    list_select_related = ("lifted_by",)
    search_fields = ("address",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnly, ShownOnly):
    list_display = ("id", "provider", "ref", "kind", "reason", "at", "handled_at")
    list_filter = ("kind",)
    search_fields = ("ref__exact", "delivery_number__exact")
    show_full_result_count = False
