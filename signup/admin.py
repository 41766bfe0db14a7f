"""People, and the verifications of their mobiles: to look at, without the code."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    UserChangeForm,
)
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.admin import StaticDeviceAdmin
from django_otp.plugins.otp_totp.admin import TOTPDeviceAdmin

from notices import rights
from notices.delivery import erasure
from notices.models import Erasure
from signup import security
from signup.models import Change, User, Verification
from signup.person_form import PersonForm, may_touch, record
from signup.search import PeopleSearch
from web.admin import ShownOnly

RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
TOLD = (*RIGHTS, "username", "email", "mobile")  # by which somebody could get in


for devices in (TOTPDeviceAdmin, StaticDeviceAdmin):  # by parts of an email one finds out the rest
    devices.search_fields, devices.search_help_text = ["user__username"], None


class OfAddresses(ShownOnly):
    """Shows numbers and emails, and is searched by them: in no other way to be looked at."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and sees_addresses(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and sees_addresses(request)


def sees_addresses(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(rights.ADDRESSES))


class ChangeForm(PersonForm, UserChangeForm):  # type: ignore[type-arg]
    class Meta(UserChangeForm.Meta):
        model = User


class CreationForm(PersonForm, AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("username", "name", "email", "mobile")


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password is told of by security.password_changed, which no taken one passes."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        if not user.has_usable_password():
            security.tell("password-disabled", account=user.pk)
        return user


@admin.register(User)
class UserAdmin(PeopleSearch, OfAddresses, auth.UserAdmin):  # type: ignore[type-arg]
    form = ChangeForm
    add_form = CreationForm
    change_password_form = PasswordForm
    fieldsets = (
        (None, {"fields": ("username", "name", "password")}),
        (_("Reached by"), {"fields": ("email", "wants_email", "mobile", "wants_sms")}),
        (_("Language and time"), {"fields": ("language", "time_zone")}),
        (
            _("Rights"),
            {"fields": RIGHTS},
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": (
                    "username",
                    "name",
                    "email",
                    "mobile",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )
    list_display = ("username", "name", "email", "mobile", "language", "is_staff", "date_joined")
    list_filter = ("is_staff", "is_active", "language", "wants_email", "wants_sms", "groups")
    search_fields = ("username", "name", "email", "mobile")
    ordering = ("-id",)
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Rights are given by superusers, and nobody gives any to themself."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj is not None and (obj.pk == request.user.pk or not request.user.is_superuser):
            own = obj.pk == request.user.pk
            fixed += [name for name in RIGHTS if own or name != "is_active"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody deletes themself: somebody who gives roles is always left."""
        own = obj is not None and obj.pk == request.user.pk
        may = super().has_delete_permission(request, obj) and may_touch(request, obj) and not own
        return may and not (obj and erasure.is_last_administrator(obj))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        erasure.ask(obj, request.user, Erasure.Way.ADMIN)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            try:
                self.delete_model(request, user)
            except ValidationError as problem:  # all administrators were chosen
                self.message_user(request, problem.messages[0], messages.ERROR)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            security.tell("user-added", account=obj.pk)
        elif changed := [name for name in TOLD if name in form.changed_data]:
            rights = "rights-changed" if set(changed) & set(RIGHTS) else "user-changed"
            security.tell(rights, account=obj.pk, changed=",".join(changed))
        record(obj, request.user, Change.What.CHANGED if change else Change.What.ADDED, form)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(auth.GroupAdmin):
    """What is given to a group is given to all in it, so this is for superusers."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        security.tell("rights-changed", group=obj.pk, changed=",".join(form.changed_data))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for group in queryset:
            security.tell("rights-changed", group=group.pk, changed="deleted")
        return super().log_deletions(request, queryset)


@admin.register(Verification)
class VerificationAdmin(PeopleSearch, OfAddresses):
    """The salt stays out of sight: the code is made from it."""

    fields = list_display = ("mobile", "created_at", "expires_at", "tries", "used_at")
    search_fields = ("mobile",)
    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Verification | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Verification | None = None) -> bool:
        return False
