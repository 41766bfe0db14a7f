"""What another program asked for by the API, and a notice's tests."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices.models.delivery import Delivery
from notices.models.notice import Notice
from notices.models.token import Token


class Message(models.Model):
    """What one person is told. It goes when its delivery does."""

    delivery = models.OneToOneField(
        Delivery, models.CASCADE, primary_key=True, related_name="written"
    )
    token = models.ForeignKey(Token, models.SET_NULL, null=True)
    # Of a test: the notice that was tried. A test counts among nothing of it.
    test_of = models.ForeignKey(Notice, models.SET_NULL, null=True, related_name="tests")
    subject = models.CharField(_("subject"), max_length=150, blank=True)
    text = models.TextField(_("text"))

    def __str__(self) -> str:
        return f"message {self.pk}"


class CodeRequest(models.Model):
    """What a code is for that a program had sent. It goes when its verification does."""

    verification = models.OneToOneField(
        "signup.Verification", models.CASCADE, primary_key=True, related_name="request"
    )
    token = models.ForeignKey(Token, models.SET_NULL, null=True)
    purpose = models.CharField(max_length=50, blank=True)  # in the words of its SMS

    def __str__(self) -> str:
        return f"code request {self.pk}"


class Request(models.Model):
    """A request with an idempotency key: in work while it has no answer (api/once.py). `key` and
    `digest` are digests of who asked under which key, and of what for."""

    key = models.CharField(max_length=64, primary_key=True)
    digest = models.CharField(max_length=64)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    # As text, since a database may put a JSON value in another order.
    answer = models.TextField(null=True)

    def __str__(self) -> str:
        return "request"
