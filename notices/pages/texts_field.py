"""The part of a notice's form that is about its words, in the first language and in others."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from notices.content import markup, placeholders
from notices.models import TEXT_FIELDS, Notice
from web.characters import CONTROL
from web.forms import JSONForm

__all__ = [
    "TextsField", "TextsForm", "every",
]  # fmt: skip

PARTS = ("subject", "text", "sms")
LONGEST = {"subject": 150, "text": 20_000, "sms": 20_000}


def check_wording(text: str) -> None:
    """Raises ValidationError."""
    if CONTROL.search(text):
        raise ValidationError(_("This holds control characters. Type it again without them."))
    if problem := placeholders.problem(text):
        raise ValidationError(problem)


def check_subject(subject: str) -> None:
    if not subject:
        raise ValidationError(_("Write a subject."))
    if len(subject.splitlines()) > 1:
        raise ValidationError(_("A subject is one line."))
    check_wording(subject)


def check_text(text: str) -> None:
    if not text:
        raise ValidationError(_("Write what people shall read."))
    check_wording(text)
    if not markup.to_sms(text):
        raise ValidationError(_("Nothing is left of this text for the person to read."))


def own_language() -> str:
    current = get_language()
    return current if current in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def check(texts: Mapping[str, Mapping[str, str]], first: str) -> None:
    """Raises ValidationError that names the language."""
    labels = dict(settings.LANGUAGES)
    for code, parts in texts.items():
        try:
            if code == first:
                raise ValidationError(_("The first text is in this language already."))
            check_subject(parts["subject"])
            check_text(parts["text"])
            if parts.get("sms"):
                check_text(parts["sms"])
        except ValidationError as problem:
            raise ValidationError(f"{labels[code]}: {problem.messages[0]}") from None


def every(texts: Mapping[str, Mapping[str, str]] | None) -> Iterator[str]:
    yield from (text for parts in (texts or {}).values() for text in parts.values())


class InLanguage(NamedTuple):
    """For the template."""

    code: str
    label: str
    subject: str
    text: str
    sms: str

    @property
    def is_begun(self) -> bool:
        return bool(self.subject or self.text or self.sms)


def in_others(texts: Any, first: str) -> list[InLanguage]:
    """`texts`: as they came."""
    kept = texts if isinstance(texts, dict) else {}
    return [
        InLanguage(code, str(label), *(kept.get(code, {}).get(part, "") for part in PARTS))
        for code, label in settings.LANGUAGES
        if code != first
    ]


class TextsWidget(forms.Widget):
    """A text for each, named texts-zh-hans-subject; from a program one object."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        found: dict[str, dict[str, str]] = {}
        for code, _label in settings.LANGUAGES:
            parts = {part: data.get(f"{name}-{code}-{part}") or "" for part in PARTS}
            if any(each.strip() for each in parts.values()):
                found[code] = {part: text for part, text in parts.items() if part != "sms" or text}
        return found or None

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class TextsField(forms.Field):
    """Language -> subject, text, sms; None when there is none."""

    widget = TextsWidget
    takes_object = True

    def __init__(self) -> None:
        super().__init__(
            required=False,
            label=gettext_lazy("In other languages"),
            help_text=gettext_lazy(
                "By the code of a language: a subject, a text and, if an SMS says something else, "
                "its sms. Who reads another language gets the first text."
            ),
        )

    def to_python(self, value: Any) -> dict[str, dict[str, str]] | None:
        if not value:
            return None
        if not isinstance(value, Mapping):
            raise ValidationError(_("Send an object: a language, and its subject and text."))
        known, found = dict(settings.LANGUAGES), {}
        for code, parts in value.items():
            if code not in known:
                sentence = _("There is no language %(code)s. Choose one of these: %(codes)s.")
                facts = {"code": str(code)[:20], "codes": ", ".join(known)}
                raise ValidationError(sentence % facts)
            if not is_written(parts):
                raise ValidationError(_("Of a language send its subject, text and sms."))
            found[code] = self.read(str(known[code]), parts)
        return found

    def read(self, label: str, parts: Mapping[str, str]) -> dict[str, str]:
        """As the first text is kept."""
        given = {part: parts.get(part, "").replace("\r\n", "\n").strip() for part in PARTS}
        for part, text in given.items():
            if len(text) > LONGEST[part]:
                sentence = _("%(label)s: Use at most %(most)d characters; these are %(number)d.")
                raise ValidationError(
                    sentence % {"label": label, "most": LONGEST[part], "number": len(text)}
                )
        return {part: text for part, text in given.items() if part != "sms" or text}


class TextsForm(JSONForm, forms.ModelForm):  # type: ignore[type-arg]
    """What a notice says: in its first language, in others, and by SMS."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the first text"), required=False,
        choices=settings.LANGUAGES, widget=forms.HiddenInput,
    )  # fmt: skip
    texts = TextsField()

    class Meta:
        model = Notice
        fields: Any = TEXT_FIELDS
        labels: Any = {
            "subject": gettext_lazy("Subject"),
            "text": gettext_lazy("Text"),
            "sms_text": gettext_lazy("Text of the SMS"),
        }
        help_texts: Any = {
            "subject": gettext_lazy("Read in emails only."),
            "text": gettext_lazy(
                "Markdown. ((name)) becomes each person's name, ((room|your room)) says what "
                "stands there for others, ((debt??Pay ((debt)).)) is for those alone who have one."
            ),
            "sms_text": gettext_lazy("Empty: it says what the email does."),
        }
        error_messages: Any = {
            "subject": {"required": gettext_lazy("Write a subject.")},
            "text": {"required": gettext_lazy("Write what people shall read.")},
        }
        widgets: Any = {
            "text": forms.Textarea(attrs={"rows": 8}),
            "sms_text": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.initial["language"] = self.initial.get("language") or own_language()

    def clean_subject(self) -> str:
        subject: str = self.cleaned_data["subject"]
        check_subject(subject)
        return subject

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        check_text(text)
        return text

    def clean_sms_text(self) -> str:
        text: str = self.cleaned_data["sms_text"].replace("\r\n", "\n")
        if text:
            check_text(text)
        return text

    def clean_texts(self) -> Any:
        """Each as the first is checked."""
        texts = self.cleaned_data["texts"]
        first = self.cleaned_data.get("language") or settings.LANGUAGE_CODE
        check(texts or {}, first)
        self.cleaned_data["language"] = first if texts else ""
        return texts

    def in_other_languages(self) -> list[InLanguage]:
        """For the template: all but the first."""
        first = self["language"].value() or own_language()
        return in_others(self["texts"].value(), first)


def is_written(parts: Any) -> bool:
    texts = isinstance(parts, Mapping) and all(isinstance(each, str) for each in parts.values())
    return texts and set(parts) <= set(PARTS)
