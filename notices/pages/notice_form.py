"""What staff type becomes a notice. The page and the command both come through this form."""

from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from notices import channels
from notices.audience import kinds
from notices.audience import recipients as audience
from notices.models import CONTENT_FIELDS, Kind, Notice, SavedAudience
from notices.pages import file_field, texts_field
from notices.pages.texts_field import TextsForm
from signup import groups, names
from signup.models import Group, User

__all__ = ["NoticeForm"]

BAD_LINES = 100  # told one by one
MOST_PROBLEMS = 1000  # a list with more is another list
BOTH = _("Everyone is chosen above, and this list is not empty. Choose the list, or empty it.")
OTHER = _("Another audience is chosen above. Choose this one there, or empty this.")
# What belongs to one audience alone, and what to say when it is empty then.
BELONGS = {
    Notice.Audience.GROUP: ("group", _("Choose a group.")),
    Notice.Audience.SAVED: ("saved", _("Choose a saved audience.")),
    Notice.Audience.UPLOAD: ("upload", _("Choose a file, and have it checked.")),
    Notice.Audience.ADDRESSES: ("addresses", _("Paste at least one address or number.")),
}
MANY = 10  # recipients: so many may not be told more than once a minute


class Named(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the rows that have a name, by that: for pages, scripts and commands."""

    def __init__(self, model: type[Group | SavedAudience | Kind], **options: Any) -> None:
        rows: Any = model._default_manager
        super().__init__(rows, to_field_name="name", required=False, **options)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            try:
                key = groups.key_of(names.normalise(value))
                return self.queryset.get(key=key)  # type: ignore[union-attr]
            except (ValidationError, ObjectDoesNotExist):
                raise ValidationError(self.error_messages["invalid_choice"]) from None
        return super().to_python(value)


class NoticeForm(TextsForm):
    """After a failed check, `pasted.problems` tells the bad lines of the pasted list. `by`: whose
    file may come with it."""

    kind = Named(
        Kind,
        label=_("Kind"),
        empty_label=None,
        help_text=_("Who left this kind does not get this notice."),
        error_messages={"invalid_choice": _("This kind is not there any more. Choose another.")},
    )
    channels = forms.MultipleChoiceField(
        label=_("Channels"),
        choices=channels.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose email, SMS or both.")},
    )
    audience = forms.ChoiceField(
        label=_("Audience"),
        choices=[
            (Notice.Audience.EVERYONE, _("Everyone who has that channel")),
            (Notice.Audience.GROUP, _("A group")),
            (Notice.Audience.SAVED, _("A saved audience")),
            (Notice.Audience.ADDRESSES, _("The addresses and numbers below")),
            (Notice.Audience.UPLOAD, _("The people in a file")),
        ],
        widget=forms.RadioSelect,  # nothing is preselected: "everyone" has to be meant
        error_messages={"required": _("Say whom this is for.")},
    )

    group = Named(
        Group,
        label=_("Group"),
        error_messages={"invalid_choice": _("This group is not there. Choose another.")},
    )
    saved = Named(
        SavedAudience,
        label=_("Saved audience"),
        error_messages={"invalid_choice": _("This audience is not there. Choose another.")},
    )
    upload = file_field.CheckedFile()
    rows = forms.CharField(required=False, strip=False)  # a CSV file as a text, for programs
    escalate_minutes = forms.IntegerField(
        label=_("Minutes until an SMS to those whom the email did not reach"),
        required=False,
        min_value=5,
        max_value=10_080,
        help_text=_(
            "Empty: never. Counted from the last email. Who has a mobile here gets the SMS if the "
            "email came back or failed, or if its provider, which must be one that reports, did "
            "not say that it arrived. Plain SMTP does not report."
        ),
    )

    class Meta(TextsForm.Meta):
        fields = CONTENT_FIELDS
        labels = TextsForm.Meta.labels | {"addresses": _("Addresses and numbers")}
        help_texts = TextsForm.Meta.help_texts | {
            "addresses": _("One a line: an email address or a number, or “Name &lt;address&gt;”."),
        }
        widgets = TextsForm.Meta.widgets | {"addresses": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args: Any, by: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        for name in ("group", "saved"):  # by its name, as the field has it
            if self.instance.pk:
                self.initial[name] = getattr(self.instance, name)
        self.offer_kinds()
        self.pasted = audience.Pasted()

    def offer_kinds(self) -> None:
        """One that was retired stays with what is of it already."""
        own = self.instance.kind if self.instance.pk else self.initial.get("kind")
        self.initial["kind"] = own or kinds.default()
        field: Any = self.fields["kind"]
        field.queryset = kinds.offered() | Kind.objects.filter(pk=own.pk if own else 0)

    @property
    def many(self) -> bool:
        """After the check: whether many people will be told."""
        pasted = self.cleaned_data.get("audience") == Notice.Audience.ADDRESSES
        return not pasted or len(self.pasted.recipients) > MANY

    def written(self) -> dict[str, Any]:
        """What the fields hold, for a schedule."""
        return {name: self.cleaned_data[name] for name in CONTENT_FIELDS}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("escalate_minutes") and cleaned.get("channels", ["email"]) != ["email"]:
            problem = _("This is for notices by email alone. Take SMS out, or leave this empty.")
            self.add_error("escalate_minutes", problem)
        self.read_rows(cleaned)
        self.check_audience(cleaned)
        self.check_file(cleaned)
        pasted = cleaned.get("audience") == Notice.Audience.ADDRESSES
        if pasted and "channels" in cleaned and cleaned.get("addresses"):
            self.read_addresses(cleaned)
        return cleaned

    def check_audience(self, cleaned: dict[str, Any]) -> None:
        """What belongs to another audience than the chosen one is never passed over."""
        chosen = cleaned.get("audience")
        for kind, (name, empty) in BELONGS.items():
            given = cleaned.get(name)
            is_empty = not (given.strip() if isinstance(given, str) else given)
            if kind == chosen and is_empty and name not in self.errors:
                self.add_error(name, empty)
            elif chosen and kind != chosen:
                if not is_empty:
                    everyone = chosen == Notice.Audience.EVERYONE and name == "addresses"
                    self.add_error(name, BOTH if everyone else OTHER)
                cleaned[name] = "" if name == "addresses" else None

    def read_rows(self, cleaned: dict[str, Any]) -> None:
        text = cleaned.get("rows")
        if not text or not self.by:
            return
        if cleaned.get("audience") != Notice.Audience.UPLOAD or cleaned.get("upload"):
            self.add_error("rows", OTHER)
            return
        try:
            cleaned["upload"] = file_field.read_rows(text, self.by)
        except ValidationError as bad:
            self.add_error("rows", bad)

    def check_file(self, cleaned: dict[str, Any]) -> None:
        """Also that all placeholders stand for something."""
        is_file, upload = cleaned.get("audience") == Notice.Audience.UPLOAD, cleaned.get("upload")
        written = {name: cleaned.get(name, "") for name in ("subject", "text", "sms_text")}
        others = "\n\n".join(texts_field.every(cleaned.get("texts")))
        for name, text in (written | {"texts": others}).items() if upload or not is_file else ():
            try:
                file_field.check_placeholders(text, upload)
            except ValidationError as unknown:
                self.add_error(name, unknown)
        if upload and (wrong := file_field.problems(upload, cleaned)):
            self.add_error("upload", wrong)

    def read_addresses(self, cleaned: dict[str, Any]) -> None:
        self.pasted = audience.read(cleaned["addresses"], cleaned["channels"], MOST_PROBLEMS)
        problems = len(self.pasted.problems)
        if problems:
            self.add_error(
                "addresses",
                ngettext(
                    "%(count)d line cannot be used. Fix it or take it out.",
                    "%(count)d lines cannot be used. Fix them or take them out.",
                    problems,
                )
                % {"count": problems},
            )
        elif not self.pasted.recipients:
            self.add_error("addresses", _("Paste at least one address or number."))
        else:
            cleaned["addresses"] = str(self.pasted)

    def complaints(self) -> dict[str, list[str]]:
        """Every field's sentences, the bad lines of the pasted list among them."""
        found = {name: list(map(str, sentences)) for name, sentences in self.errors.items()}
        for number, line, problem in self.pasted.problems[:BAD_LINES]:
            sentence = _("Line %(number)d, %(line)s: %(problem)s")
            facts = {"number": number, "line": line, "problem": problem}
            found["addresses"].append(str(sentence) % facts)
        return found
