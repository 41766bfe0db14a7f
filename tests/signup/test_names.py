"""What people are called: one field, in any script, which anybody may leave empty."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse

from notices.content import messages
from notices.delivery import expand
from notices.models import Delivery
from signup import names
from signup.models import User
from tests.support.world import sent_now

pytestmark = pytest.mark.django_db


def test_message_calls_people_by_their_name_else_by_their_username(staff, visitor):
    visitor.name = "王 芳"
    visitor.save()
    by_list = {"pasted": "wang@example.com\nreception@example.com\n", "channels": ["email"]}
    for notice in (sent_now(), sent_now(**by_list)):
        expand.start(notice.pk)
        called = notice.deliveries.order_by("address").values_list("name", flat=True)
        assert list(called) == ["reception", "王 芳"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear ((name)), the lift works.", "Hello, the lift works."),
        ("**Dear ((name)):**\n\nthe lift works.", "Hello,\n\nthe lift works."),
        ("尊敬的((name)):\n电梯已修好。", "Hello,\n电梯已修好。"),
        ("((name))，您好！电梯已修好。", "Hello,电梯已修好。"),
        ("Good morning Mr ((name))", "Hello,"),
        ("It is the key of ((name)), and old.", "It is the key of +8613900000011, and old."),
        ("For:\n((name))", "For:\n+8613900000011"),
    ],
)
def test_greeting_of_nobody_is_a_wording(text, said):
    notice = sent_now(text=text, channels=["sms", "email"], pasted="+8613900000011\na@b.example")
    expand.start(notice.pk)
    sms, email = notice.deliveries.order_by("-channel")
    assert messages.compose(sms).text == said
    found = messages.compose(email).text.replace("a@b.example", "+8613900000011")
    assert found.startswith(said)


def test_batch_greets_all_of_its_people_alike(settings):
    """What shares a template shares the greeting."""
    settings.PUBLIC_URL = ""
    from notices.delivery.connections import kind

    notice = sent_now(channels=["email"], pasted="Ann <a@example.com>\nb@example.com\n")
    expand.start(notice.pk)
    named, unnamed = notice.deliveries.order_by("address")
    assert kind(named) != kind(unnamed)
    assert messages.batch([unnamed]).filled(unnamed.pk).text.startswith("Hello,")
    assert messages.batch([named]).filled(named.pk).text.startswith("Dear Ann,")


@pytest.mark.parametrize("text", ["x" * 151, "two\nlines", "a\x00b", "half \ud83d"])
def test_what_is_no_name_is_refused_in_a_sentence(text):
    with pytest.raises(ValidationError) as refused:
        names.normalise(text)
    assert refused.value.messages[0].endswith(".")


def test_names_are_kept_in_any_script():
    assert names.normalise("  \u200fעדי   לוי ") == "עדי לוי"
    assert names.normalise("ماریا 🙂") == "ماریا 🙂"


def test_import_takes_a_column_of_names_and_goes_on_without(tmp_path, visitor):
    file = tmp_path / "people.csv"
    file.write_text("username,name,email,mobile,language\nguest_wang,王 芳,,,\nnew_one,Ann,,,\n")
    call_command("import_users", str(file))
    assert dict(User.objects.values_list("username", "name")) == {
        "guest_wang": "王 芳", "new_one": "Ann"
    }  # fmt: skip
    file.write_text("username,email,mobile,language\nguest_wang,,,\n")
    call_command("import_users", str(file))
    assert User.objects.get(username="guest_wang").name == "王 芳"


def test_admin_knows_the_name(admin_client, visitor):
    visitor.name = "王芳"
    visitor.save()
    found = admin_client.get(reverse("admin:signup_user_changelist"), {"q": "芳"})
    assert "guest_wang" in found.text
    form = admin_client.get(reverse("admin:signup_user_change", args=[visitor.pk]))
    assert "王芳" in form.text


def test_new_password_is_sent_to_somebody_by_name(visitor):
    visitor.name = "Wang Fang"
    visitor.save()
    delivery = Delivery(message="password_reset", channel="email", user=visitor, origin="http://x")
    assert messages.compose(delivery).text.startswith("Hello Wang Fang,")
