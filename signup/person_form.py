"""A person's own fields as staff write them: in the admin, and on the people's page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from signup import emails, names, phones, usernames
from signup.models import Change, User


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """An account of staff is changed by superusers and by its owner: who could set its password or
    its email would have its rights."""
    return user is None or may_change(request.user, user)


def may_change(by: Any, user: User) -> bool:
    return bool(by.is_superuser or user.pk == by.pk or not (user.is_staff or user.is_superuser))


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """Reads people's names, addresses and numbers as every other door does; what is not changed
    stays, though nobody could have it any more."""

    mobile = forms.CharField(label=_("Mobile number"), required=False, max_length=40)
    email = forms.CharField(label=_("Email"), required=False, max_length=300)

    def clean_username(self) -> str:
        name = usernames.typed(self.cleaned_data["username"])
        if "username" in self.changed_data:
            usernames.check_new(name)
            others = User.objects.exclude(pk=self.instance.pk)
            if others.filter(name_key=usernames.key(name)).exists():
                raise ValidationError(gettext("This username is taken. Choose another."))
        return name

    def clean_name(self) -> str:
        return names.normalise(self.cleaned_data["name"])

    def clean_email(self) -> str:
        text: str = self.cleaned_data["email"]
        return emails.normalise(text) if text and "email" in self.changed_data else text

    def clean_mobile(self) -> str | None:
        text: str = self.cleaned_data["mobile"]
        changed = text and "mobile" in self.changed_data
        return phones.normalise(text, abroad=True) if changed else text or None


def record(user: User, by: Any, what: Change.What, form: forms.BaseForm) -> None:
    """Keeps who changed which fields, for the person's page."""
    if form.changed_data or what == Change.What.ADDED:
        fields = [name for name in form.changed_data if "password" not in name]
        Change.objects.create(user=user, by=by, what=what, fields=fields)
