"""What a visitor types, checked without looking at what is stored. Every refusal is a sentence
that says what to do."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from signup import emails, names, phones, usernames
from signup.models import User
from web import characters
from web.forms import JSONForm

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise
else:
    Words = object

TOO_LONG = gettext_lazy("Use at most %(limit_value)d characters.")
ONLY_DIGITS = {"inputmode": "numeric", "pattern": "[0-9]*"}


class Text(forms.CharField):
    """A required line of text. `missing` is the sentence for an empty one."""

    def __init__(
        self, label: "Words", missing: "Words" = "", max_length: int = 254, **options: Any
    ) -> None:
        attributes = options.pop("attrs", {})
        super().__init__(
            label=label,
            max_length=max_length,
            error_messages={"required": missing},
            widget=options.pop("widget", forms.TextInput)(attrs=attributes),
            **options,
        )
        # to_python below says it in a sentence of ours.
        self.validators = [
            each
            for each in self.validators
            if not isinstance(each, ProhibitNullCharactersValidator)
        ]

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(value) or ""
        if self.strip:
            text = characters.trim(text)
        if self.max_length and len(text) > self.max_length:  # before anything looks at each letter
            raise ValidationError(TOO_LONG, params={"limit_value": self.max_length})
        if characters.has_breaking(text):
            raise ValidationError(_("Leave out characters that cannot be seen. Type this again."))
        return text


class Username(Text):
    def to_python(self, value: Any) -> str:
        return usernames.typed(super().to_python(value))


class DigitsField(Text):
    def to_python(self, value: Any) -> str:
        text = characters.without_unseen(super().to_python(value))
        phones.ordinary_digits(text)
        return text


class Name(Text):
    def to_python(self, value: Any) -> str:
        return names.normalise(super().to_python(value))


class Email(Text):
    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        return emails.normalise(text) if text else ""


def mobile_field() -> Text:
    return DigitsField(
        gettext_lazy("Mobile number"),
        gettext_lazy("Enter your mobile number."),
        max_length=30,
        attrs={"type": "tel", "autocomplete": "tel"},
    )


def code_field() -> Text:
    return DigitsField(
        gettext_lazy("Code from the SMS"),
        gettext_lazy("Enter the code that was sent to your mobile."),
        max_length=20,
        validators=[RegexValidator(r"^[0-9]{6}\Z", gettext_lazy("Enter the code's 6 digits."))],
        attrs={"autocomplete": "one-time-code", "class": "code", **ONLY_DIGITS},
    )


def username_field() -> Username:
    return Username(
        gettext_lazy("Username"),
        gettext_lazy("Choose a username."),
        max_length=100,
        validators=User._meta.get_field("username").validators[:1],
        help_text=gettext_lazy("5 to 20 letters, digits or underscores."),
        attrs={
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": 20,
        },
    )


def name_field() -> Name:
    return Name(
        gettext_lazy("Name"),
        required=False,
        max_length=names.LONGEST,
        help_text=gettext_lazy("What messages call you. Empty: your username."),
        attrs={"autocomplete": "name"},
    )


def password_field(label: "Words" = "") -> Text:
    return Text(
        label or gettext_lazy("Password"),
        gettext_lazy("Choose a password."),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput,
        help_text=gettext_lazy("At least 8 characters: a few words, for example."),
        attrs={"autocomplete": "new-password"},
    )


class SignupPart(JSONForm, forms.Form):
    """Base of both forms: the mobile."""

    mobile = mobile_field()

    def clean_mobile(self) -> str:
        return phones.normalise(self.cleaned_data["mobile"])


class CodeForm(SignupPart):
    """Asks for a code."""

    # Its fields stand on the page of the other form, which is sent with the picture's left empty.
    use_required_attribute = False

    image_code_id = Text(
        gettext_lazy("Picture"),
        gettext_lazy("Ask for a picture first, and send its number along."),
        max_length=100,
        widget=forms.HiddenInput,
    )
    image_code = DigitsField(
        gettext_lazy("Digits in the picture"),
        gettext_lazy("Type the digits that the picture shows."),
        max_length=20,
        attrs={"autocomplete": "off", **ONLY_DIGITS},
    )
    altcha = Text("", max_length=2000, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fence = settings.SIGNUP_FENCE
        if self.fence != "picture":  # fence.py says what is missing
            self.fields["image_code_id"].required = self.fields["image_code"].required = False


class TypedCodeForm(SignupPart):
    """Types the code that came to a number. Whether it is right is decided in proof.py."""

    sms_code = code_field()


class PasswordByCodeForm(TypedCodeForm):
    """Chooses a new password by it."""

    password = password_field(gettext_lazy("New password"))


class SignupForm(SignupPart):
    """Registers, all at once. Whether a username is taken or a code right is decided later."""

    proven = ""  # the number, where the form does not ask for it

    sms_code = code_field()
    username = username_field()
    name = name_field()
    password = password_field()
    password2 = Text(
        gettext_lazy("Password again"),
        gettext_lazy("Type the password a second time."),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput,
        attrs={"autocomplete": "new-password"},
    )
    email = Email(
        gettext_lazy("Email"),
        required=False,
        help_text=gettext_lazy("For notices, and for a new password when you need one."),
        attrs={"type": "email", "autocomplete": "email"},
    )
    allow = forms.BooleanField(
        label=gettext_lazy("I agree that my mobile number is kept and used to send me messages."),
        error_messages={
            "required": gettext_lazy("Tick this to agree; without it we cannot go on.")
        },
    )

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        usernames.check_new(username)
        return username

    def clean_allow(self) -> bool:
        if self.data.get("allow") not in {True, "on", "true", "1"}:
            raise ValidationError(self.fields["allow"].error_messages["required"])
        return True

    def clean(self) -> None:
        values = self.cleaned_data
        if "password" not in values:
            return
        if "password2" in values and values["password"] != values["password2"]:
            self.add_error("password2", _("Type the same password twice."))
        known = {name: values.get(name, "") for name in ("username", "name", "email")}
        user = User(**known, mobile=values.get("mobile", self.proven))
        try:
            validate_password(values["password"], user)
        except ValidationError as problem:
            self.add_error("password", problem)


class AccountForm(SignupForm):
    """Registers who has proven a number. The password once, since it can be shown."""

    mobile = None  # type: ignore[assignment]
    sms_code = None  # type: ignore[assignment]
    password2 = None  # type: ignore[assignment]

    def __init__(self, *args: Any, mobile: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.proven = mobile
