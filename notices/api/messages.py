"""One message to one person: asked for, shown, cancelled."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Router, Schema
from pydantic import AwareDatetime, Field, StringConstraints

import jobs
from config import clock
from notices import channels
from notices.api.bearer import Asked, scope
from notices.api.once import once
from notices.api.problems import Refused
from notices.api.shapes import PK, Strict, Text
from notices.audience import suppression
from notices.channels import CHANNELS, EMAIL, SMS
from notices.content import markup, placeholders
from notices.content.messages import MESSAGE
from notices.delivery import states
from notices.models import Delivery, Message, State, Token
from signup.models import User
from web import characters
from web.problems import Invalid

__all__ = ["router"]

FAR = timedelta(days=366)
CANCELLED = gettext_noop("Cancelled by the program that asked for it.")
router = Router(tags=["messages"])


class To(Strict):
    user: int | Text | None = Field(None, description="The number of a user, or a username.")
    mobile: Text | None = Field(None, description="A number, with + and its country.")
    email: Text | None = None


class MessageIn(Strict):
    to: To
    channel: Literal["email", "sms"] | None = Field(
        None, description="Else the first that the person has and wants."
    )
    subject: Annotated[str, StringConstraints(max_length=150)] = Field(
        "", description="An email needs one."
    )
    text: Annotated[str, StringConstraints(max_length=20_000)] = Field(
        description="Markdown; ((name)) stands for a value."
    )
    values: dict[Text, Text] = Field({}, description="What stands for each ((name)).")
    language: Literal["en", "zh-hans"] | None = None
    priority: Literal["now", "bulk"] = Field(
        "now", description="Before notices, or behind whatever somebody waits for."
    )
    send_at: AwareDatetime | None = Field(None, description="Not before; with a time zone.")
    not_after: AwareDatetime | None = Field(None, description="Then it is not sent any more.")


class Attempt(Schema):
    at: datetime
    provider: str
    reason: str


class MessageOut(Schema):
    id: int
    state: Literal[
        "queued", "sending", "sent", "delivered", "bounced", "failed", "uncertain", "cancelled",
        "suppressed", "expired", "no_address",
    ]  # fmt: skip
    reason: str = Field(description="Why, in words, where there is something to say.")
    channel: Literal["email", "sms"]
    to: str = Field(description="Masked without the scope addresses:read.")
    priority: Literal["now", "bulk"]
    test: bool
    provider: str
    tries: int
    failed_attempts: list[Attempt]
    created_at: datetime
    changed_at: datetime
    send_at: datetime | None
    not_after: datetime | None


@router.post("", response={202: MessageOut}, summary="Send a message to one person")
@scope("messages:send")
@once()
def send(request: Asked, body: MessageIn) -> tuple[int, dict[str, Any]]:
    """It is in the database when this answers, and is sent once. Header Idempotency-Key: the same
    key and body give the first answer again."""
    delivery = accept(request.auth, body)
    ring(delivery)
    return 202, facts(request.auth, delivery)


def ring(delivery: Delivery) -> None:
    job = jobs.send_code if delivery.channel == SMS else jobs.send_email
    ids: tuple[int | str, ...] = (delivery.pk,)
    if delivery.is_bulk:
        job, ids = jobs.send_in_bulk, (delivery.pk, delivery.channel)
    if delivery.not_before:
        jobs.later(delivery.not_before, job, *ids)
    else:
        jobs.now(job, *ids)


@router.get("/{int:number}", response=MessageOut, summary="What became of a message")
@scope("messages:send", "deliveries:read")
def show(request: Asked, number: int) -> dict[str, Any]:
    return facts(request.auth, found(request.auth, number))


@router.post("/{int:number}/cancel", response=MessageOut, summary="Cancel a message")
@scope("messages:send")
@once()
def cancel(request: Asked, number: int) -> tuple[int, dict[str, Any]]:
    """While it is queued; after that a 409 with the code too_late."""
    delivery = found(request.auth, number)
    unclaimed = Delivery.objects.filter(pk=delivery.pk, token=None)
    if delivery.state != State.CANCELLED and not states.stop(unclaimed, State.CANCELLED, CANCELLED):
        raise Refused("too_late", _("This message is not queued any more."))
    delivery.refresh_from_db()
    return 200, facts(request.auth, delivery)


def visible(token: Token) -> QuerySet[Delivery]:
    """A token sees its own, or all, but a test token no others than those of tests."""
    rows = Delivery.objects.filter(message=MESSAGE)
    if "deliveries:read" not in token.scopes:
        rows = rows.filter(written__token=token)
    return rows.filter(is_test=True) if token.is_test else rows


def found(token: Token, number: int) -> Delivery:
    return get_object_or_404(visible(token), pk=min(number, PK))


def facts(token: Token, delivery: Delivery) -> dict[str, Any]:
    whole = "addresses:read" in token.scopes
    hide = (lambda text: text) if whole else channels.masked
    return {
        "id": delivery.pk,
        "state": delivery.state,
        "reason": hide(delivery.reason),
        "channel": delivery.channel,
        "to": hide(delivery.address),
        "priority": "bulk" if delivery.is_bulk else "now",
        "test": delivery.is_test,
        "provider": delivery.provider,
        "tries": delivery.tries,
        "failed_attempts": [
            {"at": each.at, "provider": each.provider, "reason": hide(each.reason)}
            for each in delivery.failed_attempts.all()
        ],
        "created_at": delivery.created_at,
        "changed_at": delivery.changed_at,
        "send_at": delivery.not_before,
        "not_after": delivery.expires_at,
    }


# Accepting


def accept(token: Token, body: MessageIn) -> Delivery:
    """The rows. Raises Invalid."""
    user, channel, address = recipient(body)
    subject, words = characters.one_line(body.subject), characters.clean(body.text)
    values = {name: characters.clean(value) for name, value in body.values.items()}
    check_words(channel, subject, words, values)
    send_at, not_after = times(body)
    known = user.get_full_name() if user and body.to.user is not None else ""
    called = values.pop("name", known)
    delivery = Delivery.objects.create(
        message=MESSAGE, user=user, channel=channel, address=address, name=called[:150],
        language=body.language or (user.language if user else settings.LANGUAGE_CODE),
        values=values or None, not_before=send_at, expires_at=not_after, is_test=token.is_test,
        is_bulk=body.priority == "bulk",
    )  # fmt: skip
    Message.objects.create(delivery=delivery, token=token, subject=subject, text=words)
    return delivery


def recipient(body: MessageIn) -> tuple[User | None, str, str]:
    """The user, if one is meant, the channel and the address."""
    given = {name: value for name, value in body.to if value is not None}
    if len(given) != 1:
        raise Invalid.field("to", _("Name one: user, mobile or email."))
    ((kind, value),) = given.items()
    if kind == "user":
        return of_user(value, body.channel)
    channel = CHANNELS[SMS if kind == "mobile" else EMAIL]
    if body.channel and body.channel != channel.name:
        raise Invalid.field("channel", str(_("This channel does not lead to such an address.")))
    try:
        address = channel.read(value)
    except ValueError as problem:
        raise Invalid.field(f"to.{kind}", str(problem)) from None
    # Whose it is: what they do not want holds here, too.
    user = User.objects.filter(**{channel.user_field: address}).first()
    suppression.recall(channel.name, [address])
    return user, channel.name, address


def of_user(who: int | str, wanted: str | None) -> tuple[User, str, str]:
    by = {"pk": min(who, PK)} if isinstance(who, int) else {"username": characters.clean(who)}
    user = User.objects.filter(is_active=True, **by).first()
    if user is None:
        raise Invalid.field("to.user", _("There is no active user of this number or name."))
    has = {
        channel.name: str(address)
        for channel in CHANNELS.values()
        if (address := getattr(user, channel.user_field)) and wanted in (None, channel.name)
    }
    if not has:
        missing = CHANNELS[wanted].missing if wanted else gettext_noop("Has no address at all.")
        raise Invalid.field("to.user", _(missing))
    liked = [name for name in has if CHANNELS[name].wanted_by(user)]
    name = next(iter(liked or has))  # who wants none is told so by the state "suppressed"
    return user, name, has[name]


def check_words(channel: str, subject: str, text: str, values: dict[str, str]) -> None:
    if not markup.to_sms(text):
        raise Invalid.field("text", _("Write what people shall read."))
    if CHANNELS[channel].has_html and not subject:
        raise Invalid.field("subject", _("Write a subject."))
    if len(values) > 100:
        raise Invalid.field("values", _("Give at most 100 values."))
    for where, words in {"subject": subject, "text": text}.items():
        if problem := placeholders.problem(words):
            raise Invalid.field(where, problem)
    for name in placeholders.needed(subject, text):
        if name not in values:
            sentence = _("There is no value for ((%(name)s)).")
            raise Invalid.field("values", sentence % {"name": name})


def times(body: MessageIn) -> tuple[datetime | None, datetime | None]:
    """Not before; not after."""
    now = clock.now()
    send_at = body.send_at if body.send_at and body.send_at > now else None
    if send_at and send_at > now + FAR:
        raise Invalid.field("send_at", _("Choose a time within a year."))
    if body.not_after and body.not_after <= (send_at or now):
        raise Invalid.field("not_after", _("This time is over before it can be sent."))
    return send_at, body.not_after
