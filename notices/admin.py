from django.contrib import admin
from django.http import HttpRequest

from notices.models import Delivery, Notice, Occurrence, Receipt, Schedule, Suppression, Try


class ReadOnly:
    """The record is for looking: a notice is written, sent and cancelled on its own pages."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "subject", "state", "audience", "author", "start_at", "finished_at")
    list_display_links = ("subject",)
    list_filter = ("state", "audience")
    list_select_related = ("author",)
    search_fields = ("subject",)
    date_hierarchy = "start_at"


class TryInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Try
    readonly_fields = ("at",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "message", "channel", "address", "state", "reason", "tries", "changed_at")
    list_filter = ("state", "channel", "message")
    search_fields = ("address", "=notice__id")
    # The token is a worker's, and the table may hold millions.
    exclude = ("token", "lease_until", "origin")
    inlines = (TryInline,)
    show_full_result_count = False
    ordering = ("-id",)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "subject", "state", "rule", "zone", "next_at", "author")
    list_display_links = ("subject",)
    list_filter = ("state",)
    list_select_related = ("author",)
    search_fields = ("subject",)


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "schedule", "planned_at", "state", "reason", "notice")
    list_filter = ("state",)
    list_select_related = ("schedule", "notice")
    date_hierarchy = "planned_at"


@admin.register(Suppression)
class SuppressionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Lifted on the staff's own page, with a reason."""

    list_display = ("id", "channel", "address", "kind", "since", "lifted_at", "lifted_by")
    list_filter = ("channel", "kind")
    list_select_related = ("lifted_by",)
    search_fields = ("address",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "provider", "ref", "kind", "reason", "at", "handled_at")
    list_filter = ("kind", "provider")
    search_fields = ("=ref", "=delivery_number")
    show_full_result_count = False
