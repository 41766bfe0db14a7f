"""What each email service means by a bounce: Anymail has one word for all of theirs.

A bounce is hard when the service says that the address will never take anything. It lists the
address, unless the mail server's own words name something else (audience/bounces.py).
"""

import re
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

from notices.audience import bounces
from notices.models import Receipt

__all__ = ["is_dead", "opt_out"]

# The service -> where its event says what kind of bounce it is, and which of its words are hard.
# A star is any one name.
HARD = {
    "amazon_ses": ("bounce.bounceType", {"permanent"}),
    "brevo": ("event", {"hard_bounce", "invalid_email"}),
    "mailersend": ("data.type", {"hard_bounced"}),
    "mailgun": ("event-data.reason", {"bounce", "suppress-bounce"}),
    "mailjet": ("hard_bounce", {"true"}),
    "mailtrap": ("event", {"bounce"}),
    "mandrill": ("event", {"hard_bounce"}),
    "postmark": ("Type", {"hardbounce", "bademailaddress"}),
    "resend": ("data.bounce.type", {"permanent"}),
    "sendgrid": ("type", {"bounce"}),
    "sparkpost": ("msys.*.bounce_class", {"10", "30"}),  # no such recipient
    "unisender_go": (
        "delivery_info.delivery_status",
        {"err_user_unknown", "err_user_inactive", "err_mailbox_discarded", "err_domain_inactive"},
    ),
}
HARD["sendinblue"] = HARD["brevo"]  # its name until 2023
# What a service calls hard though the mailbox is only full, or does not say otherwise.
NOT_HARD = (("mailjet", "error", "quota exceeded"),)
# Words of services for whom they did not even try, because the person opted out there before.
OPT_OUTS = {
    ("amazon_ses", "bounce.bounceSubType", "unsubscribedrecipient"): Receipt.Kind.UNSUBSCRIBED,
    ("mailgun", "event-data.reason", "suppress-unsubscribe"): Receipt.Kind.UNSUBSCRIBED,
    ("mailgun", "event-data.reason", "suppress-complaint"): Receipt.Kind.COMPLAINED,
    ("sendgrid", "reason", "spam reporting address"): Receipt.Kind.COMPLAINED,
}
REFUSED = re.compile(r"\s*5\d\d\b")


def said(event: AnymailTrackingEvent, path: str) -> str:
    """What stands there in the service's own event, in small letters; an empty text if nothing."""
    found: Any = event.esp_event
    for name in path.split("."):
        if not isinstance(found, dict):
            return ""
        found = next(iter(found.values()), "") if name == "*" else found.get(name, "")
    return str(found).lower() if isinstance(found, str | int) else ""


def is_dead(event: AnymailTrackingEvent, provider: str) -> bool:
    """Whether the address itself is at fault: not a full mailbox, a filter or a policy."""
    words = str(event.mta_response or event.description or "")
    for each in (words, said(event, "status")):
        told = bounces.is_dead(each)
        if told is not None:
            return told
    return is_hard(event, provider, words)


def is_hard(event: AnymailTrackingEvent, provider: str, words: str) -> bool:
    if any(said(event, path) == word for name, path, word in NOT_HARD if name == provider):
        return False
    if event.event_type == EventType.FAILED:  # an error of the service; at Postal, any refusal
        return provider == "postal" and bool(REFUSED.match(words))
    path, hard = HARD.get(provider, ("", set()))
    if kind := said(event, path):
        return kind in hard and event.reject_reason not in OF_OTHERS
    if "hard bounce" in words:  # Resend's sentence, of before it had a type
        return True
    soft = provider == "resend"
    return not soft and (event.event_type == EventType.BOUNCED or event.reject_reason in FAULTS)


FAULTS = (RejectReason.BOUNCED, RejectReason.INVALID)
OF_OTHERS = (
    RejectReason.BLOCKED, RejectReason.SPAM, RejectReason.TIMED_OUT, RejectReason.UNSUBSCRIBED,
)  # fmt: skip


def opt_out(event: AnymailTrackingEvent, provider: str) -> Receipt.Kind | None:
    """Why the service did not even try, when it is because the person wanted no more."""
    for (name, path, word), kind in OPT_OUTS.items():
        if name == provider and said(event, path) == word:
            return kind
    if event.reject_reason == RejectReason.UNSUBSCRIBED:
        return Receipt.Kind.UNSUBSCRIBED
    # A filter of the mail server that calls it spam is no complaint of a person.
    complained = event.reject_reason == RejectReason.SPAM
    return (
        Receipt.Kind.COMPLAINED if complained and event.event_type == EventType.REJECTED else None
    )
