from django import forms
from django.utils.translation import gettext_lazy as _

RANGE = _("Enter a whole number from 1 to 35.")


class QueueCheckForm(forms.Form):
    """`n` counts only with `heavy`."""

    heavy = forms.BooleanField(label=_("Put a heavy job first"), required=False)
    n = forms.IntegerField(
        label=_("How heavy (1 to 35)"),
        help_text=_("The n-th Fibonacci number, the slow way: 35 keeps a worker busy for seconds."),
        required=False,
        initial=35,
        min_value=1,
        max_value=35,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), RANGE),
    )

    def clean(self) -> None:
        chosen = self.cleaned_data
        if not chosen.get("heavy"):
            self.errors.pop("n", None)
        elif chosen.get("n") is None and "n" not in self.errors:
            self.add_error("n", RANGE)

    def wanted(self) -> int | None:
        """The n of the heavy job; None when none is wanted."""
        return self.cleaned_data["n"] if self.cleaned_data["heavy"] else None
