"""People, and the verifications of their mobiles: to look at, without the code."""

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from signup.models import User, Verification
from web.admin import ShownOnly


class LowerEmail(forms.ModelForm):  # type: ignore[type-arg]
    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class ChangeForm(LowerEmail, UserChangeForm):  # type: ignore[type-arg]
    class Meta(UserChangeForm.Meta):
        model = User


class CreationForm(LowerEmail, AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("username", "email", "mobile")


@admin.register(User)
class UserAdmin(ShownOnly, auth.UserAdmin):  # type: ignore[type-arg]
    form = ChangeForm
    add_form = CreationForm
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Reached by"), {"fields": ("email", "wants_email", "mobile", "wants_sms")}),
        (_("Language and time"), {"fields": ("language", "time_zone")}),
        (
            _("Rights"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
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
                    "email",
                    "mobile",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )
    list_display = ("username", "email", "mobile", "language", "is_staff", "date_joined")
    list_filter = ("is_staff", "is_active", "language", "wants_email", "wants_sms", "groups")
    search_fields = ("username", "email", "mobile")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Verification)
class VerificationAdmin(ShownOnly):
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
