"""What a form refuses it says in our sentences, not in Django's."""

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.utils.http import urlsafe_base64_encode

from notices.pages.notice_form import NoticeForm
from notices.pages.timing_form import TimingForm

STOCK = (
    "Ensure ",
    "Select a valid",
    "This field is required",
    "Enter a valid",
    "didn",
    "Note that",
)
WRONG = {
    "subject": "x" * 151, "text": "y\0", "channels": ["fax"], "audience": "nobody",
    "escalate_minutes": "2", "addresses": "\0", "when": "soon", "zone": "z" * 65, "every": "x",
    "number": "0", "weekdays": ["XX"], "month_day": "44", "ends_on": "soon", "times": "9999999",
    "late_minutes": "a", "missed": "x",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("form", [NoticeForm, TimingForm])
def test_no_field_speaks_as_django_does(form):
    for wrong in (
        WRONG,
        {},
        {**WRONG, "escalate_minutes": "99999", "number": "9999", "times": "0"},
    ):
        errors = form(wrong).errors
        assert [text for each in errors.values() for text in each if text.startswith(STOCK)] == []
    assert set(form(WRONG).errors) == set(WRONG) & set(form.base_fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/login/", {"username": "guest_wang", "password": "wrong"}),
        ("/login/", {}),
        ("/password/", {"email": "nonsense"}),
        ("/password/", {}),
        ("{link}", {"new_password1": "let me in please", "new_password2": "another one"}),
        ("{link}", {}),
    ],
)
def test_nor_do_the_pages_for_signing_in(client, visitor, path, data):
    args = urlsafe_base64_encode(str(visitor.pk).encode()), "set-password"
    client.get(f"/password/{args[0]}/{default_token_generator.make_token(visitor)}/")
    text = client.post(path.format(link="/password/{}/{}/".format(*args)), data).text
    assert "errorlist" in text or "flash error" in text
    assert [stock for stock in STOCK if stock in text] == []
