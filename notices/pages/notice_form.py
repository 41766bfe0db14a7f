"""What staff type becomes a notice. The page and the command both come through this form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from notices import channels
from notices.audience import recipients as audience
from notices.content import markup
from notices.models import CONTENT_FIELDS, Notice
from web.characters import CONTROL
from web.forms import JSONForm

__all__ = ["NoticeForm"]

BAD_LINES = 100  # told one by one
MOST_PROBLEMS = 1000  # a list with more is another list
BOTH = _("Everyone is chosen above, and this list is not empty. Choose the list, or empty it.")
MANY = 10  # recipients: so many may not be told more than once a minute


def check_wording(text: str) -> None:
    """Raises ValidationError for a placeholder that would reach people unfilled."""
    if unknown := markup.unknown_placeholders(text):
        raise ValidationError(
            _("There is no placeholder ((%(name)s)). You can use: %(known)s."),
            params={
                "name": unknown[0][:30],
                "known": ", ".join(f"(({name}))" for name in markup.PLACEHOLDERS),
            },
        )
    if CONTROL.search(text):
        raise ValidationError(_("This holds control characters. Type it again without them."))


class NoticeForm(JSONForm, forms.ModelForm):  # type: ignore[type-arg]
    """After a failed check, `pasted.problems` tells the bad lines of the pasted list."""

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
            (Notice.Audience.ADDRESSES, _("The addresses and numbers below")),
        ],
        widget=forms.RadioSelect,  # nothing is preselected: "everyone" has to be meant
        error_messages={"required": _("Say whom this is for.")},
    )

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

    class Meta:
        model = Notice
        fields = ("subject", "text", "channels", "audience", "addresses", "escalate_minutes")
        labels = {
            "subject": _("Subject"),
            "text": _("Text"),
            "addresses": _("Addresses and numbers"),
        }
        help_texts = {
            "subject": _("Read in emails only."),
            "text": _("Markdown. ((name)) becomes each person's name."),
            "addresses": _("One a line: an email address or a number, or “Name &lt;address&gt;”."),
        }
        error_messages = {
            "subject": {"required": _("Write a subject.")},
            "text": {"required": _("Write what people shall read.")},
        }
        widgets = {
            "text": forms.Textarea(attrs={"rows": 8}),
            "addresses": forms.Textarea(attrs={"rows": 5}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.pasted = audience.Pasted()

    @property
    def many(self) -> bool:
        """After the check: whether many people will be told."""
        pasted = self.cleaned_data.get("audience") == Notice.Audience.ADDRESSES
        return not pasted or len(self.pasted.recipients) > MANY

    def written(self) -> dict[str, Any]:
        """What the fields hold, for a schedule."""
        return {name: self.cleaned_data[name] for name in CONTENT_FIELDS}

    def clean_subject(self) -> str:
        subject: str = self.cleaned_data["subject"]
        check_wording(subject)
        if len(subject.splitlines()) > 1:
            raise ValidationError(_("A subject is one line."))
        return subject

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        check_wording(text)
        if not markup.to_sms(text):
            raise ValidationError(_("Nothing is left of this text for the person to read."))
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("escalate_minutes") and cleaned.get("channels", ["email"]) != ["email"]:
            problem = _("This is for notices by email alone. Take SMS out, or leave this empty.")
            self.add_error("escalate_minutes", problem)
        if cleaned.get("audience") == Notice.Audience.EVERYONE:
            if cleaned.get("addresses", "").strip():
                self.add_error("addresses", BOTH)
            cleaned["addresses"] = ""
        elif "channels" in cleaned and "addresses" in cleaned:
            self.read_addresses(cleaned)
        return cleaned

    def read_addresses(self, cleaned: dict[str, Any]) -> None:
        self.pasted = audience.read(cleaned["addresses"], cleaned["channels"], MOST_PROBLEMS)
        problems = len(self.pasted.problems)
        if problems:
            self.add_error(
                "addresses",
                ngettext(
                    "%(count)d line cannot be used. Mend it or take it out.",
                    "%(count)d lines cannot be used. Mend them or take them out.",
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
