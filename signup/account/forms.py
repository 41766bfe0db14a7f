"""What somebody types about their own account."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from notices.audience import kinds, preferences
from notices.channels import CHANNELS
from notices.models import Delivery, Kind
from notices.pages.time_zones import read_time_zone
from signup import usernames
from signup.forms import Email, Name, Text, Username, name_field, password_field, username_field
from signup.models import User
from web.forms import JSONForm


class AboutForm(JSONForm, forms.Form):
    """What the rest of the house calls somebody, and how it writes to them."""

    username: Username = username_field()
    name: Name = name_field()
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    time_zone = Text(
        gettext_lazy("Time zone"),
        gettext_lazy("Choose a time zone by its name, such as Asia/Shanghai."),
        max_length=64,
        attrs={"autocomplete": "off"},
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Notices come by"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    left_kinds = forms.MultipleChoiceField(
        label=gettext_lazy("I do not want notices of"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("There is no such kind that can be left.")},
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, initial=about(user), **options)
        choices = [(name, CHANNELS[name].label) for name in preferences.channels(owned(user))]
        self.fields["channels"].choices = choices  # type: ignore[attr-defined]
        # What was retired since the page was made may be posted; it is shown no more.
        left: Any = self.fields["left_kinds"]
        left.choices = [(kind.name, str(kind)) for kind in kinds.leavable()]
        shown = kinds.leavable().filter(retired_at=None)
        left.widget.choices = [(kind.name, str(kind)) for kind in shown]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if username != self.user.username:
            usernames.check_new(username)
        return username

    def clean_time_zone(self) -> str:
        return read_time_zone(self.cleaned_data["time_zone"])


def owned(user: User) -> Delivery:
    """A message to nobody in particular, about whose person preferences.py can be asked."""
    return Delivery(user=user)


def about(user: User) -> dict[str, Any]:
    """What AboutForm shows, and what a program that changes one of these leaves as it is."""
    wanted = preferences.channels(owned(user))
    return {
        "username": user.username,
        "name": user.name,
        "language": user.language,
        "time_zone": user.time_zone,
        "channels": [name for name, comes in wanted.items() if comes],
        "left_kinds": [kind.name for kind in left_kinds(user)],
    }


def left_kinds(user: User) -> QuerySet[Kind]:
    addresses = preferences.addresses(owned(user)).values()
    return kinds.left_by(user, addresses).filter(retired_at=None)


class EmailForm(JSONForm, forms.Form):
    """Empty: none any more."""

    email = Email(
        gettext_lazy("Email"), required=False, attrs={"type": "email", "autocomplete": "email"}
    )


def present_password_field() -> Text:
    return Text(
        gettext_lazy("Your password"),
        gettext_lazy("Type the password that you have now."),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput,
        attrs={"autocomplete": "current-password"},
    )


class PasswordForm(JSONForm, forms.Form):
    old_password = present_password_field()
    password = password_field(gettext_lazy("New password"))


class DeleteForm(JSONForm, forms.Form):
    password = present_password_field()
