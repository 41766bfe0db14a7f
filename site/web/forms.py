"""Forms that also take JSON."""

from collections.abc import Mapping
from typing import Any, Self

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from web.problems import Invalid

__all__ = ["JSONForm", "say_plainly"]

# In place of Django's, by the codes of its errors; a field's own sentence goes before.
SENTENCES = {
    "required": gettext_lazy("Fill this in."),
    "invalid_choice": gettext_lazy(
        "%(value)s is not one of the available choices. Choose one that is listed."
    ),
    "invalid_list": gettext_lazy("Choose from the list."),
    "min_value": gettext_lazy("Enter a number that is at least %(limit_value)s."),
    "max_value": gettext_lazy("Enter a number that is at most %(limit_value)s."),
    "max_length": gettext_lazy("Use at most %(limit_value)d characters; these are %(show_value)d."),
    "null_characters_not_allowed": gettext_lazy(
        "Null characters are not allowed. Type this again without them."
    ),
}
INVALID: dict[type[forms.Field], Any] = {
    forms.IntegerField: gettext_lazy("Enter a whole number, such as 5."),
    forms.EmailField: gettext_lazy("Enter an email address such as name@example.com."),
    forms.DateField: gettext_lazy("Enter a date, such as 2026-12-01."),
}


class JSONForm(forms.BaseForm):
    """A number is not taken for the text that it looks like, nor "false" for an agreement."""

    base_fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        say_plainly(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any], **options: Any) -> Self:
        """The form of a JSON object, checked; fields that it does not name are as if empty."""
        given = {name: body[name] for name in cls.base_fields if name in body}
        wrong = {name: wrong_type(cls.base_fields[name], value) for name, value in given.items()}
        right = {name: value for name, value in given.items() if not wrong[name]}
        form = cls(data=right, **options)
        form.errors  # noqa: B018  Django checks when the errors are first read
        for name, sentence in wrong.items():
            if sentence:
                form.cleaned_data.pop(name, None)
                form.errors[name] = form.error_class([sentence], renderer=form.renderer)
        return form

    def checked(self) -> dict[str, Any]:
        """The cleaned values, or Invalid with every field's sentences."""
        if self.is_valid():
            return self.cleaned_data
        in_order = [name for name in self.fields if name in self.errors]
        raise Invalid(errors={name: list(map(str, self.errors[name])) for name in in_order})


def say_plainly(form: forms.BaseForm) -> None:
    """Has its fields refuse in our sentences where they have none of their own."""
    for field in form.fields.values():
        stock: dict[str, Any] = {}
        for each in reversed(type(field).__mro__):
            stock |= getattr(each, "default_error_messages", {})
        ours = SENTENCES | ({"invalid": INVALID[type(field)]} if type(field) in INVALID else {})
        for code, sentence in ours.items():
            if field.error_messages.get(code) == stock.get(code):
                field.error_messages[code] = sentence


def wrong_type(field: forms.Field, value: object) -> str:
    """What to send instead, or an empty text when the type is right."""
    if isinstance(field, forms.BooleanField):
        return "" if isinstance(value, bool) else _("Send true, without quotes, to agree.")
    if getattr(field, "takes_object", False):
        return ""  # it says itself what it lacks
    if isinstance(field, forms.MultipleChoiceField):
        texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if texts else _('Send a list of texts, such as ["email"].')
    by_number = isinstance(field, forms.IntegerField) or (
        isinstance(field, forms.ModelChoiceField) and field.to_field_name is None
    )
    if isinstance(value, str) or (by_number and type(value) is int):
        return ""
    return _("Send this as text, in quotes, or leave it out.")
