"""What the pages' forms take, as a body of the API: so the document names every field, and a form
stays the only reader of its own."""

from typing import Any, Literal

from django import forms
from django.utils.translation import override
from pydantic import Field, create_model

from notices.api.shapes import Strict
from notices.pages.texts_field import TextsField

__all__ = ["body_of"]


def body_of(
    name: str, *given: type[forms.BaseForm], without: tuple[str, ...] = (), begun: bool = False
) -> Any:
    """A model of the fields of these forms; what was sent of it is `model_dump(exclude_unset)`.
    `begun`: nothing of it has to be there yet."""
    with override("en"):
        return create_model(
            name,
            __base__=Strict,
            **{  # type: ignore[call-overload]
                field: described(of, required=of.required and not begun)
                for form in given
                for field, of in form.base_fields.items()  # type: ignore[attr-defined]
                if field not in without
            },
        )


def described(field: forms.Field, *, required: bool) -> tuple[Any, Any]:
    words = " ".join(filter(None, (str(field.label or ""), str(field.help_text))))
    kind: Any = str
    if isinstance(field, forms.ModelChoiceField):
        words += ". By its name."
    elif isinstance(field, TextsField):
        kind = dict[str, dict[str, str]]
    elif isinstance(field, forms.BooleanField):
        kind = bool
    elif isinstance(field, forms.IntegerField):
        kind = int
    elif isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        kind = Literal[tuple(value for value, _label in choices)]
        kind = list[kind] if isinstance(field, forms.MultipleChoiceField) else kind
    if required:
        return kind, Field(description=words)
    return kind | None, Field(None, description=words)
