"""Forms that also take JSON."""

from collections.abc import Mapping
from typing import Any, Self

from django import forms
from django.utils.translation import gettext as _

from web.problems import Invalid

__all__ = ["JSONForm"]


class JSONForm(forms.BaseForm):
    """A number is not taken for the text that it looks like, nor "false" for an agreement."""

    base_fields: dict[str, forms.Field]

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


def wrong_type(field: forms.Field, value: object) -> str:
    """What to send instead, or an empty text when the type is right."""
    if isinstance(field, forms.BooleanField):
        return "" if isinstance(value, bool) else _("Send true, without quotes, to agree.")
    if isinstance(field, forms.MultipleChoiceField):
        texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if texts else _('Send a list of texts, such as ["email"].')
    if isinstance(value, str) or (isinstance(field, forms.IntegerField) and type(value) is int):
        return ""
    return _("Send this as text, in quotes, or leave it out.")
