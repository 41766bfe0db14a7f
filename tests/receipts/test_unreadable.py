"""Reports that say something else than their provider's documentation: the good ones among them are
kept, and nothing that is sent makes an error of ours."""

import hashlib
import hmac
import json

import pytest

from notices.models import Receipt, Suppression
from notices.providers import yuntongxun
from notices.receipts import apply
from tests.receipts.test_receipts import KEY, post_esp, sign

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _doors(settings):
    settings.SMS_URLS = [f"webhook+https://{KEY}@sms.example.com/", "yuntongxun://a:b@c"]
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": "esp:secret", "MAILGUN_WEBHOOK_SIGNING_KEY": "signing",
        "MANDRILL_WEBHOOK_KEY": "key", "UNISENDER_GO_API_KEY": "key",
        "MAILERSEND_SIGNING_SECRET": "key", "MAILTRAP_TRACKING_SECRET": "key",
    }  # fmt: skip


def bounce(number, **more):
    return {"email": f"a{number}@example.com", "event": "bounce", "type": "bounce", "reason": "no",
            "sg_message_id": f"m{number}", "sg_event_id": str(number),
            "timestamp": 1526923399} | more  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {"timestamp": 1e30},
        {"timestamp": 1e20},
        {"timestamp": 10**400},
        {"timestamp": -1e18},
        {"timestamp": float("inf")},
        {"timestamp": [1]},
        {"event": None},
        {"event": []},
        {"event": "dropped", "reason": 7},
        {"type": {"a": 1}, "event": "dropped"},
    ],
)
def test_one_bad_event_among_many_costs_none_of_the_others(client, caplog, bad):
    events = [bounce(number) for number in range(1000)]
    events[500] |= bad
    assert post_esp(client, "sendgrid", json.dumps(events)).status_code == 200
    if "type" not in bad and bad.get("event") != "dropped":
        assert Receipt.objects.count() >= 999
    assert Receipt.objects.filter(address="a999@example.com").exists()
    apply.take()
    assert Suppression.objects.count() >= 999
    assert "a500@example.com" not in caplog.text


def test_bad_event_is_told_without_its_content(client, caplog):
    events = [bounce(1), bounce(2, timestamp=1e30), "nonsense"]
    assert post_esp(client, "sendgrid", events).status_code == 200
    assert "2 events of a report cannot be read (OverflowError)." in caplog.text
    assert Receipt.objects.get().address == "a1@example.com"


def test_nothing_but_bad_events_cannot_be_read(client):
    assert post_esp(client, "sendgrid", [bounce(1, timestamp=1e30)]).status_code == 400
    assert post_esp(client, "sendgrid", [bounce(1, event="open")]).status_code == 200  # not asked
    assert post_esp(client, "sendgrid", []).status_code == 200
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(
    ("esp", "good", "bad"),
    [
        ("mailjet", {"event": "sent", "email": "a@example.com"}, {"event": "sent", "time": 1e30}),
        ("sparkpost", {"msys": {"message_event": {"type": "delivery", "raw_rcpt_to": "a@b.c"}}},
         {"msys": {"message_event": {"type": "delivery", "timestamp": 1e30}}}),
        ("sparkpost", {"msys": {"message_event": {"type": "delivery"}}}, {"msys": 7}),
    ],
)  # fmt: skip
def test_other_services_that_report_many_at_once(client, esp, good, bad):
    assert post_esp(client, esp, [bad, good, bad]).status_code == 200
    assert Receipt.objects.get().kind == "delivered"
    assert post_esp(client, esp, [bad]).status_code == 400


def test_services_that_report_one_at_once(client):
    facts = {"RecordType": "Delivery", "Recipient": "a@b.c", "DeliveredAt": "99999999-01-01"}
    assert post_esp(client, "postmark", facts).status_code in (200, 400)
    facts = {"event": "delivered", "email": "a@b.c", "ts_epoch": 1e30}
    assert post_esp(client, "brevo", facts).status_code == 400
    stamp, token = "1763690000", "0" * 50
    signature = hmac.new(b"signing", f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    facts = {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {"event": "delivered", "timestamp": 1e30},
    }
    assert post_esp(client, "mailgun", facts).status_code == 400


ESPS = ("brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postmark",
        "sendgrid", "sparkpost", "unisender_go")  # fmt: skip


@pytest.mark.parametrize("depth", [700, 850, 950, 30_000, 50_000])
def test_deep_json_is_refused_at_every_door_of_providers(client, depth):
    deep = "[" * depth + "]" * depth
    for esp in ESPS:
        for body in (deep, f'[{{"event": {deep}}}]', f'{{"RecordType": {deep}, "a": 1}}',
                     f'[{{"event": "bounce", "reason": {deep}, "email": {deep}}}]'):  # fmt: skip
            assert post_esp(client, esp, body).status_code in (200, 400, 403), esp
    body = f'{{"id": {deep}, "delivery": {deep}, "state": "failed", "reason": {deep}}}'.encode()
    signed = {"X-Bellhop-Signature": sign(body)}
    json_type = "application/json"
    answer = client.post("/receipts/webhook/", body, content_type=json_type, headers=signed)
    assert answer.status_code in (204, 400, 413)
    body = f'{{"smsType": "1", "content": {deep}, "status": {deep}}}'
    there = f"/receipts/yuntongxun/{yuntongxun.secret()}/"
    assert client.post(there, body, content_type=json_type).status_code in (200, 400, 413)


@pytest.mark.parametrize("depth", [700, 850, 950, 30_000, 50_000])
@pytest.mark.parametrize("path", ["/signup/", "/signup/code/", "/notices/new/"])
def test_deep_json_is_refused_at_every_door_of_people(client, staff, path, depth):
    client.force_login(staff)
    deep = "[" * depth + "]" * depth
    for body in (deep, f'{{"mobile": {deep}, "subject": {deep}, "channels": {deep}}}'):
        answer = client.post(path, body, content_type="application/json")
        assert answer.status_code in (400, 413)


NUMBERS = ["1e30", "1e400", "-1e400", "NaN", "1" + "0" * 400, "1" + "0" * 5000, "-1", "0.5", "[]"]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_are_too_large_are_no_error_of_ours(client, staff, number):
    body = f'{{"id": {number}, "delivery": {number}, "state": "failed"}}'.encode()
    headers = {"X-Bellhop-Signature": sign(body)}
    json_type = "application/json"
    answer = client.post("/receipts/webhook/", body, content_type=json_type, headers=headers)
    assert answer.status_code in (204, 400, 413)
    body = f'{{"smsType": "1", "content": {number}, "status": {number}, "reqId": {number}}}'
    there = f"/receipts/yuntongxun/{yuntongxun.secret()}/"
    assert client.post(there, body, content_type=json_type).status_code in (200, 400, 413)
    client.force_login(staff)
    for path in ("/signup/", "/signup/code/", "/notices/new/"):
        names = ("mobile", "sms_code", "escalate_minutes", "at", "subject", "count", "key")
        body = json.dumps(dict.fromkeys(names, "@")).replace('"@"', number)
        assert client.post(path, body, content_type=json_type).status_code == 400
    apply.take()
