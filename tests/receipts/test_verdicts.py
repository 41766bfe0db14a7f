"""Hard and soft bounces of every email service, by events as Anymail's own tests have them: what is
listed, and as what."""

import json
import warnings

import pytest
from anymail.signals import EventType
from django.urls import resolve

from notices.receipts import anymail, verdicts

SES = {"notificationType": "Bounce", "mail": {"messageId": "m", "destination": ["a@example.com"]}}


def ses(kind, sub="General", answer=None):
    person = {"emailAddress": "a@example.com"} | ({"diagnosticCode": answer} if answer else {})
    bounce = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [person]}
    return SES | {"bounce": bounce}


def brevo(event, reason):
    return {"event": event, "email": "a@example.com", "ts_epoch": 1520363423000, "reason": reason}


def mailersend(kind, reason):
    return {
        "type": f"activity.{kind}",
        "data": {
            "type": kind,
            "created_at": "2023-02-27T21:48:13.593000Z",
            "morph": {"object": "recipient_bounce", "reason": reason},
        },
    }


def mailgun(reason, severity="permanent", **answer):
    return {
        "event-data": {
            "event": "failed",
            "severity": severity,
            "reason": reason,
            "timestamp": 1534110422.3,
            "recipient": "a@example.com",
            "delivery-status": answer,
        }
    }


def mailjet(hard, error, related="recipient", **more):
    return {
        "event": "bounce",
        "time": 1498093527,
        "email": "a@example.com",
        "hard_bounce": hard,
        "error_related_to": related,
        "error": error,
    } | more


def mailtrap(event, response):
    return {"event": event, "timestamp": 1498093527, "message_id": "1", "response": response}


def mandrill(event, description, diag):
    message = {"email": "a@example.com", "bounce_description": description, "diag": diag}
    return {"event": event, "ts": 1461095246, "msg": message}


def postmark(kind, details="", record="Bounce"):
    return {
        "RecordType": record,
        "Type": kind,
        "Email": "a@example.com",
        "Details": details,
        "BouncedAt": "2026-11-21T02:05:04Z",
        "ID": 1,
    }


def resend(message, **more):
    data = {"bounce": {"message": message} | more, "email_id": "1", "to": ["a@example.com"]}
    return {"type": "email.bounced", "created_at": "2023-10-02T18:11:26.101Z", "data": data}


def sendgrid(event="bounce", **more):
    return {"email": "a@example.com", "event": event, "timestamp": 1461095250} | more


def sparkpost(kind, reason, event="bounce"):
    return {
        "msys": {
            "message_event": {
                "type": event,
                "bounce_class": kind,
                "raw_rcpt_to": "a@example.com",
                "raw_reason": reason,
                "timestamp": "1464824548",
            }
        }
    }


def unisender(status, answer, event="hard_bounced"):
    told = {"delivery_status": status, "destination_response": answer}
    return {
        "status": event,
        "email": "a@example.com",
        "event_time": "2023-10-02 18:11:26",
        "delivery_info": told,
    }


def postal(**payload):
    message = {"id": 1, "to": "a@example.com", "direction": "outgoing"}
    return {"timestamp": 1606753101.9, "payload": {"message": message} | payload}


HARD_BY_RESEND = (
    "The recipient's email provider sent a hard bounce message, but didn't specify the reason for "
    "the hard bounce. We recommend removing the recipient's email address from your mailing list."
)
FULL_BY_RESEND = (
    "The recipient's email provider sent a bounce message because the recipient's inbox was full."
)
SUPPRESSED_BY_RESEND = (
    "Resend has suppressed sending to this address because it is on the account-level suppression "
    "list."
)
UNKNOWN = "550 5.1.1 <a@example.com>: Recipient address rejected: User unknown"
OUTLOOK = "550 5.5.0 Requested action not taken: mailbox unavailable."
LISTED = [
    ("amazon_ses", ses("Permanent", answer="smtp; 550 5.1.1 <a@example.com>... User unknown")),
    ("amazon_ses", ses("Permanent")),
    ("amazon_ses", ses("Permanent", "Suppressed")),
    ("brevo", brevo("hard_bounce", f" RecipientError: {OUTLOOK}")),
    ("brevo", brevo("hard_bounce", OUTLOOK)),
    ("brevo", brevo("invalid_email", "(guessing invalid_email includes a reason)")),
    ("sendinblue", brevo("hard_bounce", OUTLOOK)),
    ("mailersend", mailersend("hard_bounced", "Host or domain name not found")),
    ("mailgun", mailgun("bounce", code=550, message="5.1.1 The email account that you tried to")),
    ("mailgun", mailgun("bounce", code=550, message="No such recipient here")),
    ("mailgun", mailgun("suppress-bounce", code=605, message="", description="Not delivering")),
    ("mailjet", mailjet(True, "invalid domain", "domain")),
    ("mailjet", mailjet(True, "user unknown")),
    ("mailjet", mailjet(True, "")),
    ("mailtrap", mailtrap("bounce", "bounced (550 5.1.1 The email account does not exist.)")),
    ("mailtrap", mailtrap("bounce", "bounced (550 No such user)")),
    ("mandrill", mandrill("hard_bounce", "bad_mailbox", "smtp;550 5.1.1 The email account that")),
    ("mandrill", mandrill("hard_bounce", "general", OUTLOOK)),
    ("postal", postal(status="HardFail", output=UNKNOWN)),
    ("postal", postal(status="HardFail", output="550 No such user")),
    ("postmark", postmark("HardBounce", f"smtp;{OUTLOOK}")),
    ("postmark", postmark("BadEmailAddress")),
    ("resend", resend(HARD_BY_RESEND)),
    ("resend", resend(HARD_BY_RESEND, type="Permanent", subType="General")),
    ("sendgrid", sendgrid(type="bounce", reason=OUTLOOK)),
    ("sendgrid", sendgrid(type="bounce", reason="500 unknown recipient", status="5.0.0")),
    ("sendgrid", sendgrid("dropped", reason="Bounced Address", status="5.0.0")),
    ("sendgrid", sendgrid("dropped", reason="Invalid")),
    ("sendgrid", sendgrid(type="blocked", reason=UNKNOWN)),
    ("sparkpost", sparkpost("10", UNKNOWN)),
    ("sparkpost", sparkpost("30", "550 no")),
    ("unisender_go", unisender("err_user_unknown", "550 User unknown")),
    ("unisender_go", unisender("err_mailbox_discarded", "")),
]
# A full mailbox, a filter, a rule, this moment, a fault of ours or of the service.
NOT_LISTED = [
    ("amazon_ses", ses("Transient", "MailboxFull")),
    ("amazon_ses", ses("Undetermined", "Undetermined")),
    ("amazon_ses", ses("Permanent", answer="smtp; 550 5.7.1 Blocked by policy")),
    ("brevo", brevo("soft_bounce", "undefined Unable to find MX of domain no-mx.example.com")),
    ("brevo", brevo("hard_bounce", "550 5.7.1 Blocked")),
    ("brevo", brevo("blocked", "blocked : due to blacklist user")),
    ("brevo", brevo("error", OUTLOOK)),
    ("mailersend", mailersend("soft_bounced", "Unknown reason")),
    ("mailgun", mailgun("old", code=498, message="No MX for nomx.example.com")),
    ("mailgun", mailgun("bounce", code=550, message="4.4.7 Message expired")),
    ("mailgun", mailgun("suppress-complaint", code=607, message="")),
    ("mailjet", mailjet(False, "quota exceeded")),
    ("mailjet", mailjet(True, "quota exceeded")),
    ("mailjet", mailjet(False, "user unknown")),
    ("mailjet", mailjet(True, "content blocked", "spam")),
    ("mailtrap", mailtrap("reject", "")),
    ("mandrill", mandrill("soft_bounce", "mailbox_full", "552 Over quota")),
    ("mandrill", mandrill("soft_bounce", "general", "")),
    ("postal", postal(status="HardFail", output="server output")),
    ("postal", postal(status="HardFail", output="554 5.7.1 Spam")),
    ("postmark", postmark("SoftBounce", "smtp;552 mailbox full")),
    ("postmark", postmark("Unconfirmed")),
    ("resend", resend(FULL_BY_RESEND)),
    ("resend", resend(FULL_BY_RESEND, type="Transient", subType="MailboxFull")),
    ("resend", resend(SUPPRESSED_BY_RESEND)),
    ("sendgrid", sendgrid(type="blocked", reason="550 Blocked")),
    ("sendgrid", sendgrid(type="bounce", reason="mailbox full", status="5.2.2")),
    ("sendgrid", sendgrid("dropped", reason="Unsubscribed Address")),
    ("sparkpost", sparkpost("20", "550 no")),
    ("sparkpost", sparkpost("21", "454 4.4.4 [internal] no MX or A for domain")),
    ("sparkpost", sparkpost("22", "552 full")),
    ("sparkpost", sparkpost("51", "554 spam")),
    ("unisender_go", unisender("err_mailbox_full", "")),
    ("unisender_go", unisender("err_user_unknown", "555 5.7.1 User unknown 'a@example.com'.")),
]


def told(provider, facts, rf):
    """The event that Anymail makes of it; without its checks of signatures."""
    view = resolve(f"/{provider}/tracking/", "anymail.urls").func.view_class
    door = object.__new__(view)
    if provider == "amazon_ses":
        return door.esp_to_anymail_events(facts, {"MessageId": "1"})[0]
    if provider == "postal":
        body = json.dumps(facts)
        return door.parse_events(rf.post("/", body, content_type="application/json"))[0]
    if provider == "sparkpost":
        return door.esp_to_anymail_event(*door.unwrap_event(facts))
    if provider == "resend":
        return door.esp_to_anymail_event(facts, rf.post("/"))
    if provider == "mandrill":
        door.signal = None
    return door.esp_to_anymail_event(facts)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(("provider", "facts"), LISTED)
def test_hard_bounce_is_listed(rf, provider, facts):
    assert verdicts.is_dead(told(provider, facts, rf), provider)


@pytest.mark.parametrize(("provider", "facts"), NOT_LISTED)
def test_anything_else_is_not(rf, provider, facts):
    assert not verdicts.is_dead(told(provider, facts, rf), provider)


def test_every_service_of_anymail_is_thought_of():
    from anymail.urls import urlpatterns

    services = {str(each.pattern).strip("^").partition("/")[0] for each in urlpatterns}
    assert services == {*verdicts.HARD, "postal"}
    assert (
        services
        == {name for name, _ in LISTED}
        == {name for name, _ in NOT_LISTED} | {"sendinblue"}
    )


@pytest.mark.parametrize(
    ("provider", "facts", "kinds"),
    [
        (
            "sendgrid",
            sendgrid("dropped", reason="Unsubscribed Address"),
            ["bounced", "unsubscribed"],
        ),
        (
            "sendgrid",
            sendgrid("dropped", reason="Spam Reporting Address"),
            ["bounced", "complained"],
        ),
        ("mailgun", mailgun("suppress-unsubscribe", code=606), ["bounced", "unsubscribed"]),
        ("mailgun", mailgun("suppress-complaint", code=607), ["bounced", "complained"]),
        ("mailjet", mailjet(None, "spam reporter", event="blocked"), ["bounced", "complained"]),
        ("amazon_ses", ses("Permanent", "UnsubscribedRecipient"), ["bounced", "unsubscribed"]),
        ("unisender_go", unisender("err_unsubscribed", ""), ["bounced", "unsubscribed"]),
        # A filter is no person who complained.
        ("sparkpost", sparkpost("51", "554 spam"), ["bounced"]),
        ("sparkpost", sparkpost("52", "554 spam"), ["bounced"]),
        ("unisender_go", unisender("err_spam_rejected", "554 spam"), ["bounced"]),
    ],
)
def test_only_a_person_opts_out(rf, provider, facts, kinds):
    event = told(provider, facts, rf)
    assert event.event_type in (EventType.BOUNCED, EventType.REJECTED)
    assert [receipt.kind for receipt in anymail.receipts_of(event, provider)] == kinds
