"""What providers report: checked, stored, applied; twice, out of order, early, forged or huge."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import jobs
from notices.audience import suppression
from notices.delivery import states
from notices.models import Delivery, FailedAttempt, Notice, Receipt, State, Suppression
from notices.providers import twilio, yuntongxun
from notices.providers.rehearsal.memory import Memory
from notices.receipts import apply
from queueing import redis as bell
from tests.support.world import send_single, swept

pytestmark = pytest.mark.django_db(transaction=True)
SID, TOKEN, KEY = "AC0123", "12345", "gateway-key"
WANG = "+8613900000002"
HOST = "https://bellhop.example.com"


@pytest.fixture(autouse=True)
def providers(settings):
    settings.PUBLIC_URL = HOST
    settings.SMS_URLS = [
        f"twilio://{SID}:{TOKEN}@+15550001111",
        f"webhook+https://{KEY}@sms.example.com/send",
        "yuntongxun://SID:TOKEN@APP?code_template=1",
    ]
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": "esp:secret",
        "MAILGUN_API_KEY": "key",
        "MAILGUN_WEBHOOK_SIGNING_KEY": "signing",
        "POSTMARK_SERVER_TOKEN": "token",
        "SENDGRID_API_KEY": "key",
    }


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(bell, "away_until", 0.0)


def delivery(**changes):
    facts = {
        "message": "account_exists",
        "channel": "sms",
        "address": WANG,
        "state": State.SENT,
        "provider": "twilio",
        "provider_ref": "SM1",
    } | changes
    return Delivery.objects.create(**facts)


def state_of(row):
    row.refresh_from_db()
    return row.state


# Twilio


def test_signature_is_the_one_of_twilios_own_example():
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
        "From": "+14158675309", "To": "+18005551212",
    }  # fmt: skip
    text = url + "".join(name + form[name] for name in sorted(form))
    assert twilio.signature("12345", text) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def post_twilio(client, path="/receipts/twilio/", token=TOKEN, host=HOST, **form):
    pairs = "".join(name + form[name] for name in sorted(form))
    mac = hmac.new(token.encode(), f"{host}{path}{pairs}".encode(), hashlib.sha1)
    signature = base64.b64encode(mac.digest()).decode()
    return client.post(path, form, headers={"X-Twilio-Signature": signature})


def callback(client, status, sid="SM1", **more):
    facts = {"MessageSid": sid, "MessageStatus": status, "To": WANG, "AccountSid": SID}
    return post_twilio(client, **facts, **more)


def test_twilio_says_delivered(client, burst):
    row = delivery()
    assert callback(client, "sent").status_code == 204
    assert not Receipt.objects.exists()
    assert callback(client, "delivered").status_code == 204
    assert state_of(row) == State.SENT  # the request only stores
    burst("default")
    assert (state_of(row), row.reason) == (State.DELIVERED, "")
    assert Receipt.objects.get().handled_at


def test_twilio_says_that_the_number_is_dead(client, burst):
    row = delivery()
    callback(client, "undelivered", ErrorCode="30005")
    burst("default")
    assert (state_of(row), row.reason) == (State.BOUNCED, "The number is not in service.")
    assert Suppression.objects.get().kind == "dead"
    callback(client, "undelivered", sid="SM2", ErrorCode="30003")
    burst("default")
    assert Suppression.objects.count() == 1  # a phone that is off is not dead


def test_twilio_behind_a_proxy_is_called_by_its_public_name(client, settings):
    assert callback(client, "delivered").status_code == 204
    assert callback(client, "delivered", token="other").status_code == 403
    ported = post_twilio(client, host=f"{HOST}:443", MessageSid="SM3", MessageStatus="delivered")
    assert ported.status_code == 204
    settings.PUBLIC_URL = ""
    assert callback(client, "delivered", sid="SM4").status_code == 403
    assert callback(client, "delivered", sid="SM4", host="http://testserver").status_code == 204
    assert Receipt.objects.count() == 3


def test_forged_is_refused_and_changes_nothing(client, settings):
    row = delivery()
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005"}
    for signature in ("", "x", "ü".encode().decode("latin-1")):
        answer = client.post("/receipts/twilio/", form, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 403
    settings.SMS_URLS = ["twilio://AC@+15550001111", "memory:"]  # no token: nothing is believed
    assert callback(client, "delivered", token="").status_code == 403
    assert not Receipt.objects.exists()
    assert state_of(row) == State.SENT
    assert client.get("/receipts/twilio/").status_code == 405


@pytest.mark.parametrize("path", ["twilio/", "twilio/inbound/", "webhook/", "yuntongxun/x/"])
def test_huge_is_refused_unread(client, path):
    answer = client.post(f"/receipts/{path}", {"Body": "x" * 70_000})
    assert answer.status_code == 413


def test_stop_and_start_by_sms(client, burst):
    def say(text, sid, **more):
        answer = post_twilio(
            client, "/receipts/twilio/inbound/", MessageSid=sid, From=WANG, Body=text, **more
        )
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
        burst("default")
        return list(Suppression.objects.filter(lifted_at=None).order_by("kind").values_list("kind"))

    Suppression.objects.create(channel="sms", address=WANG, kind="dead")
    assert say("When do you open?", "IN1") == [("dead",)]
    assert say(" stop. ", "IN2") == [("dead",), ("stop",)]
    assert say("Start", "IN3") == [("dead",)]
    assert say(" stop. ", "IN2") == [("dead",)]  # once more the same: it was taken back since
    assert say("退订", "IN4") == [("dead",), ("stop",)]
    assert say("YES", "IN5") == [("dead",)]
    assert say("Basta", "IN6", OptOutType="STOP") == [("dead",), ("stop",)]


# Yuntongxun


def report(client, secret=None, **facts):
    path = f"/receipts/yuntongxun/{secret or yuntongxun.secret()}/"
    facts = {"action": "SMSArrived", "apiVersion": "2013-12-26", "fromNum": "13900000002"} | facts
    return client.post(path, {"Request": facts}, content_type="application/json")


def test_yuntongxun_reports(client, burst):
    came, back = (
        delivery(provider="yuntongxun", provider_ref=ref, address=address)
        for ref, address in (("aa", WANG), ("bb", "+8613900000003"))
    )
    answer = report(client, smsType="1", content="aa", status="0", deliverCode="DELIVRD")
    assert answer.json() == {"statusCode": "000000"}
    report(
        client, smsType="1", content="bb", status="1", deliverCode="UNDELIV", fromNum="13900000003"
    )
    report(client, smsType="0", content="TD", recvTime="20261121010101")
    doubtful = delivery(provider="yuntongxun", provider_ref="20261121ab", state=State.UNCERTAIN)
    report(client, smsType="1", content="cc", status="0", reqId="20261121ab")
    burst("default")
    assert state_of(doubtful) == State.DELIVERED  # known by the number that we gave the request
    assert state_of(came) == State.DELIVERED
    assert (state_of(back), back.reason) == (
        State.BOUNCED,
        "The carrier reports that it did not arrive (UNDELIV).",
    )
    assert Suppression.objects.get().address == WANG


@pytest.mark.parametrize("times", [("1", "2", "3"), (None, None, None)])
def test_stop_again_after_start_by_yuntongxun(client, burst, times):
    listed = []
    for word, at in zip(("退订", "订阅", "退订"), times, strict=True):
        report(client, smsType="0", content=word, recvTime=at)
        burst("default")
        listed.append(suppression.active("sms", WANG).exists())
    assert listed == [True, False, True]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"deliverCode": "DELIVRD"}, State.DELIVERED),
        ({"status": 0}, State.DELIVERED),
        ({"status": "1"}, State.BOUNCED),
        ({"deliverCode": "UNDELIV"}, State.BOUNCED),
        ({}, State.SENT),
        ({"status": None, "deliverCode": ""}, State.SENT),
    ],
)
def test_yuntongxun_reports_in_part(client, burst, facts, state):
    row = delivery(provider="yuntongxun")
    answer = report(client, smsType="1", content="SM1", **facts)
    assert answer.json() == {"statusCode": "000000"}
    burst("default")
    assert state_of(row) == state


def test_number_of_a_report_is_read_as_the_providers_country_writes_it(client, burst, settings):
    settings.DEFAULT_REGION = "US"
    report(client, smsType="0", content="TD", fromNum="13900000002")
    report(client, smsType="0", content="TD", fromNum="+86 139-0000-0003")
    burst("default")
    listed = Suppression.objects.order_by("address").values_list("address", flat=True)
    assert list(listed) == [WANG, "+8613900000003"]


def test_command_shows_what_to_paste(capsys, settings):
    call_command("receipts")
    told = capsys.readouterr()
    assert f"{HOST}/receipts/twilio/inbound/" in told.out
    assert f"{HOST}/receipts/yuntongxun/{yuntongxun.secret()}/" in told.out
    assert told.err == ""
    settings.PUBLIC_URL = ""
    call_command("receipts")
    assert "PUBLIC_URL is not set" in capsys.readouterr().err


def test_door_of_yuntongxun_is_shut_when_it_is_not_used(client, settings, capsys):
    settings.SMS_URLS = settings.SMS_URLS[:2]
    assert report(client, smsType="0", content="TD", recvTime="1").status_code == 403
    assert not Receipt.objects.exists()
    call_command("receipts")
    assert "yuntongxun" not in capsys.readouterr().out


def test_address_of_yuntongxun_outlives_a_change_of_the_key(client, settings):
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 10
    address = yuntongxun.secret(before)
    facts = {"smsType": "1", "content": "aa", "status": "0"}
    assert yuntongxun.secret() != address
    assert report(client, address, **facts).status_code == 403
    settings.SECRET_KEY_FALLBACKS = ["older" * 10, before]
    assert report(client, address, **facts).status_code == 200
    assert report(client, **facts).status_code == 200


def test_secret_of_yuntongxun_is_in_no_log(client, caplog, settings):
    assert report(client, "0" * 32, smsType="1", content="aa", status="0").status_code == 403
    there = f"/receipts/yuntongxun/{yuntongxun.secret()}/"
    assert client.post(there, "{", content_type="application/json").status_code == 400
    assert client.get(there).status_code == 405
    assert client.post(there, "x" * 70_000, content_type="application/json").status_code == 413
    in_chunks = {"wsgi.input": BytesIO(b"x" * 70_000), "wsgi.input_terminated": True}
    in_chunks |= {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert client.post(there, **in_chunks).status_code == 413
    settings.SECURE_SSL_REDIRECT = True
    assert client.post(there, "{}", content_type="application/json").status_code == 403
    assert not Receipt.objects.exists()
    assert caplog.text.count("/receipts/yuntongxun/…/") == 6
    assert yuntongxun.secret() not in caplog.text


# A gateway of one's own


def sign(body, key=KEY):
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def gateway(client, key=KEY, **facts):
    body = json.dumps(facts).encode()
    headers = {"X-Bellhop-Signature": sign(body, key)}
    return client.post("/receipts/webhook/", body, content_type="application/json", headers=headers)


def test_gateway_reports_by_our_number_or_its_own(client, burst):
    ours, its = (delivery(provider="webhook", provider_ref=ref) for ref in ("", "g-2"))
    assert gateway(client, delivery=ours.pk, state="delivered").status_code == 204
    assert gateway(client, id="g-2", state="failed", reason="Phone\nis off.").status_code == 204
    burst("default")
    assert state_of(ours) == State.DELIVERED
    assert (state_of(its), its.reason) == (State.BOUNCED, "Phone is off.")


@pytest.mark.parametrize(
    ("age", "status"),
    [(0, 204), (290, 204), (-290, 204), (310, 403), (-310, 403), (7 * 86400, 403)],
)
def test_gateway_may_sign_the_time(client, age, status):
    stamp, body = str(int(time.time()) - age), b'{"id": "g", "state": "delivered"}'
    headers = {
        "X-Bellhop-Timestamp": stamp,
        "X-Bellhop-Signature": sign(f"{stamp}.".encode() + body),
    }

    def post(body, headers):
        there = "/receipts/webhook/"
        return client.post(
            there, body, content_type="application/json", headers=headers
        ).status_code

    assert post(body, headers) == status
    assert post(body, headers | {"X-Bellhop-Timestamp": str(int(stamp) + 1)}) == 403
    assert post(body, headers | {"X-Bellhop-Timestamp": "now"}) == 403
    # What was recorded with a time is no report without one.
    without = {"X-Bellhop-Signature": headers["X-Bellhop-Signature"]}
    assert post(body, without) == 403
    assert post(f"{stamp}.".encode() + body, without) == 400
    assert post(body, {"X-Bellhop-Timestamp": stamp, "X-Bellhop-Signature": sign(body)}) == 403


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"state": "delivered"},
        {"id": "g", "state": "lost"},
        {"delivery": -1, "state": "failed"},
        {"delivery": 10**30, "state": "failed"},
        {"delivery": [1], "state": ["failed"]},
    ],
)
def test_gateway_says_nonsense(client, facts):
    assert gateway(client, **facts).status_code == 400
    assert not Receipt.objects.exists()


def test_gateway_needs_its_key(client, settings):
    assert gateway(client, "other", id="g", state="failed").status_code == 403
    settings.SMS_URLS = ["webhook+https://sms.example.com/send"]
    assert gateway(client, "", id="g", state="failed").status_code == 403
    strange = gateway(client, id="g\x00\ud800", state="failed")
    assert strange.status_code == 403
    assert not Receipt.objects.exists()


def test_strange_characters_are_stored_without_harm(client):
    assert gateway(client, id="g\x00\ud800", state="failed", reason="\x00").status_code == 204
    assert Receipt.objects.get().ref == "g?"


# Order, number and time


@pytest.mark.parametrize("started", [State.SENDING, State.UNCERTAIN, State.SENT])
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(["deferred", "delivered", "bounced"]), st.booleans())))
def test_states_only_move_forward_whatever_the_order_and_number(started, told):
    """The strongest wins; `at_once`: whether the next report comes before this one is applied."""
    row = delivery(state=started, token="t", lease_until=timezone.now())
    rank = {started: 0, State.DELIVERED: 1, State.BOUNCED: 2, State.SENT: 0}
    highest = 0
    for number, (kind, at_once) in enumerate(told):
        one = Receipt(provider="twilio", ref="SM1", channel="sms", kind=kind,
                      delivery_number=row.pk, address=WANG if number % 2 else "")  # fmt: skip
        apply.store([one, one])
        if not at_once:
            apply.take()
            assert rank[state_of(row)] >= highest
            highest = rank[state_of(row)]
    apply.take()
    kinds = {kind for kind, _ in told}
    expected = started
    if "delivered" in kinds:
        expected = State.DELIVERED
    if "bounced" in kinds:
        expected = State.BOUNCED
    assert state_of(row) == expected
    assert not Receipt.objects.filter(handled_at=None).exists()
    Receipt.objects.all().delete()


def test_same_report_twice_is_one_row(client):
    for _ in range(3):
        assert callback(client, "delivered").status_code == 204
    assert Receipt.objects.count() == 1


def test_report_before_our_own_sent_is_stored(monkeypatch, settings):
    """The provider reports while its answer to us is still on the way."""
    row = delivery(state=State.QUEUED, provider="", provider_ref="")

    def send(self, delivery, wording):
        apply.store([Receipt(provider="memory", ref="M1", channel="sms", kind="delivered")])
        apply.take()
        return "M1"

    monkeypatch.setattr(Memory, "send", send)
    settings.SMS_URLS = ["memory:"]
    send_single(row)
    assert state_of(row) == State.SENT
    receipt = Receipt.objects.get()
    assert (receipt.handled_at, receipt.looks) == (None, 1)
    assert ("take_receipts", ()) not in swept()
    Receipt.objects.update(due_at=timezone.now())
    assert ("take_receipts", ()) in swept()
    apply.take()
    assert state_of(row) == State.DELIVERED


def test_late_sent_does_not_overwrite_delivered(monkeypatch, settings):
    settings.SMS_URLS = ["memory:"]
    row = delivery(state=State.QUEUED, provider="", provider_ref="")

    def send(self, delivery, wording):
        facts = {"provider": "memory", "ref": "M1", "channel": "sms", "kind": "delivered"}
        apply.store([Receipt(delivery_number=row.pk, **facts)])
        apply.take()
        return "M1"

    monkeypatch.setattr(Memory, "send", send)
    send_single(row)
    assert state_of(row) == State.DELIVERED
    assert row.provider_ref == "M1"


def test_uncertain_is_settled_by_a_report(client, burst, staff):
    new = Notice.objects.create(
        subject="Lift", text="Lift", channels=["sms"], state=Notice.State.FINISHED
    )
    row = delivery(state=State.UNCERTAIN, reason="No answer.", notice=new, message="notice")
    callback(client, "delivered")
    burst("default")
    assert (state_of(row), row.reason) == (State.DELIVERED, "")
    new.refresh_from_db()
    assert new.state == Notice.State.FINISHED


def test_bad_news_of_an_earlier_try_does_not_stop_the_next():
    row = delivery(state=State.QUEUED, provider_ref="")
    facts = {"provider": "twilio", "ref": "SM1", "channel": "sms", "kind": "bounced"}
    apply.store([Receipt(delivery_number=row.pk, **facts)])
    apply.take()
    assert state_of(row) == State.QUEUED
    Delivery.objects.update(state=State.SENT, provider_ref="SM2")
    Receipt.objects.update(due_at=timezone.now())
    apply.take()
    assert state_of(row) == State.SENT


@pytest.mark.parametrize("provider", ["twilio-2", "yuntongxun-12", "webhook-3"])
def test_second_account_at_a_provider_reports_by_the_same_door(provider):
    row = delivery(provider=provider)
    name = provider.partition("-")[0]
    apply.store([Receipt(provider=name, ref="SM1", channel="sms", kind="delivered")])
    apply.take()
    assert state_of(row) == State.DELIVERED


def test_gateway_says_nothing_of_what_another_provider_carries(client):
    told = [delivery(provider="twilio", provider_ref=ref) for ref in ("", "SM2")]
    for row in told:
        for state in ("delivered", "failed"):
            assert gateway(client, delivery=row.pk, state=state).status_code == 204
    apply.take()
    assert [(state_of(row), row.provider_ref) for row in told] == [("sent", ""), ("sent", "SM2")]


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.UNCERTAIN, State.DELIVERED])
def test_bad_news_of_the_provider_before_says_nothing_of_the_one_after(client, state):
    row = delivery(provider="webhook", provider_ref="", state=state, token="t")
    FailedAttempt.objects.create(delivery=row, provider="twilio-2", reason="It did not answer.")
    facts = {"provider": "twilio", "ref": "SM1", "channel": "sms", "delivery_number": row.pk}
    apply.store([Receipt(address=WANG, kind="bounced", dead=True, **facts)])
    apply.take()
    assert (state_of(row), row.provider_ref, row.token) == (state, "", "t")
    assert Suppression.objects.get().address == WANG  # it is dead whoever says so
    apply.store([Receipt(address=WANG, kind="delivered", **facts)])
    apply.take()
    assert (state_of(row), row.provider_ref) == (State.DELIVERED, "")  # that one has arrived
    assert not Receipt.objects.filter(handled_at=None).exists()


@pytest.mark.parametrize("earlier", ["", "20261121aa", "SM1"])
@pytest.mark.parametrize("number", ["SM2", "SM3"])
def test_early_bad_news_waits_for_the_number_in_the_answer(earlier, number):
    """It is about this try if the provider's answer names the same number."""
    row = delivery(state=State.SENDING, provider_ref=earlier, token="t")
    facts = {"provider": "twilio", "ref": "SM2", "channel": "sms", "kind": "bounced"}
    apply.store([Receipt(delivery_number=row.pk, **facts)])
    apply.take()
    assert (state_of(row), row.provider_ref) == (State.SENDING, earlier)
    states.record(states.Outcome(row, State.SENT, "", "twilio", number), "t")
    Receipt.objects.update(due_at=timezone.now())
    apply.take()
    assert state_of(row) == (State.BOUNCED if number == "SM2" else State.SENT)
    assert Receipt.objects.get().handled_at


def test_number_of_an_earlier_try_does_not_stay_for_the_next():
    row = delivery(state=State.QUEUED, provider_ref="")
    facts = {"provider": "twilio", "ref": "SM1", "channel": "sms", "kind": "bounced"}
    apply.store([Receipt(delivery_number=row.pk, **facts)])
    apply.take()
    assert (state_of(row), row.provider_ref) == (State.QUEUED, "")


def test_unknown_numbers_are_given_up_after_a_day(client, burst):
    callback(client, "delivered", sid="SM-of-somebody-else")
    for _ in range(30):
        Receipt.objects.update(due_at=timezone.now())
        apply.take()
    waiting = Receipt.objects.get()
    assert waiting.handled_at is None
    assert waiting.due_at <= timezone.now() + timedelta(hours=1)
    Receipt.objects.update(at=timezone.now() - timedelta(hours=25), due_at=timezone.now())
    apply.take()
    assert Receipt.objects.get().handled_at
    Receipt.objects.update(handled_at=timezone.now() - timedelta(days=8))
    jobs.purge()
    assert not Receipt.objects.exists()


def test_number_of_another_bellhop_on_the_same_account_is_not_ours():
    row = delivery()
    facts = {"provider": "twilio", "channel": "sms", "kind": "bounced"}
    apply.store([Receipt(delivery_number=row.pk, address="+8613900000009", **facts)])
    apply.take()
    assert state_of(row) == State.SENT


def test_report_lists_an_address_once_though_it_waits(staff):
    facts = {"provider": "twilio", "ref": "SM9", "channel": "sms", "kind": "bounced"}
    apply.store([Receipt(address=WANG, dead=True, **facts)])
    apply.take()
    Suppression.objects.update(lifted_at=timezone.now())
    Receipt.objects.update(due_at=timezone.now())
    apply.take()
    assert Suppression.objects.count() == 1


# Weather


def test_database_away_makes_the_provider_try_again(client, monkeypatch):
    def away(*args):
        raise OperationalError

    monkeypatch.setattr(apply, "store", away)
    answer = callback(client, "delivered")
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


def test_redis_away_stores_all_the_same_and_the_sweep_rings(client, monkeypatch):
    row = delivery()
    tried = []

    class Away:
        def set(self, *args, **options):
            tried.append(args)
            raise ConnectionError

        def delete(self, *args):
            raise ConnectionError

    with monkeypatch.context() as context:
        context.setattr(jobs, "bell", Away)
        for sid in ("SM1", "SM2", "SM3"):
            assert callback(client, "delivered", sid=sid).status_code == 204
        assert len(tried) == 1  # the others did not wait for it
        assert Receipt.objects.count() == 3
        assert ("take_receipts", ()) in swept()
        jobs.take_receipts()
    assert state_of(row) == State.DELIVERED


def test_ten_thousand_ring_once(client, redis):
    for number in range(50):
        callback(client, "delivered", sid=f"SM{number}")
    assert redis.llen("rq:queue:default") == 1
    assert Receipt.objects.count() == 50


def test_a_burst_is_applied_in_bulk(django_assert_max_num_queries):
    Delivery.objects.bulk_create(
        Delivery(message="welcome", channel="sms", address=f"+86139{n:08}", state=State.SENT,
                 provider="twilio", provider_ref=f"SM{n}")
        for n in range(3000)
    )  # fmt: skip
    apply.store(
        [
            Receipt(provider="twilio", ref=f"SM{n}", channel="sms", kind="delivered")
            for n in range(3000)
        ]
    )
    with django_assert_max_num_queries(40):
        apply.take()
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 3000


def test_finding_deliveries_uses_the_index():
    rows = Delivery.objects.filter(provider_ref__in=["SM1", "SM2"]).exclude(provider_ref="")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            plan = rows.explain()
            cursor.execute("RESET enable_seqscan")
    else:
        plan = rows.explain()
    assert "delivery_of_receipt" in plan


# Email, by Anymail's own views


def post_esp(client, esp, facts, secret="esp:secret"):
    credentials = base64.b64encode(secret.encode()).decode()
    return client.post(
        f"/anymail/{esp}/tracking/",
        facts,
        content_type="application/json",
        headers={"Authorization": f"Basic {credentials}"},
    )


@pytest.fixture
def email():
    return delivery(
        channel="email", address="wang@example.com", message="welcome", provider="postmark",
        provider_ref="883953f4-6105-42a2-a16a-77a8eac79483",
    )  # fmt: skip


def postmark(email, **facts):
    return {
        "MessageID": email.provider_ref,
        "Metadata": {"delivery": str(email.pk)},
        "ServerID": 23,
        "Tag": "",
        "MessageStream": "outbound",
    } | facts


def test_postmark_delivers_and_bounces_afterwards(client, burst, email):
    facts = postmark(
        email, RecordType="Delivery", Recipient="Wang@example.com", Details="250 OK",
        DeliveredAt="2026-11-21T02:03:04Z",
    )  # fmt: skip
    assert post_esp(client, "postmark", facts).status_code == 200
    burst("default")
    assert state_of(email) == State.DELIVERED
    facts = postmark(
        email, RecordType="Bounce", ID=42, Type="HardBounce", TypeCode=1, Name="Hard bounce",
        Email="wang@example.com", BouncedAt="2026-11-21T02:05:04Z", Inactive=True,
        Details="smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        Description="The server was unable to deliver your message", CanActivate=True,
    )  # fmt: skip
    assert post_esp(client, "postmark", facts).status_code == 200
    burst("default")
    assert state_of(email) == State.BOUNCED
    assert email.reason.startswith("It came back. smtp;550 5.1.1 The email account")
    assert Suppression.objects.get().kind == "bounced"
    assert post_esp(client, "postmark", facts | {"RecordType": "Delivery"}).status_code == 200
    burst("default")
    assert state_of(email) == State.BOUNCED


@pytest.mark.parametrize(
    ("kind", "details", "state", "listed"),
    [
        ("SoftBounce", "smtp;552 5.2.2 Mailbox full", State.BOUNCED, []),
        ("SoftBounce", "", State.BOUNCED, []),
        ("HardBounce", "", State.BOUNCED, ["bounced"]),
        ("Transient", "smtp;451 4.7.1 Greylisted", State.SENT, []),
        ("BadEmailAddress", "", State.BOUNCED, ["bounced"]),
        ("SpamComplaint", "", State.SENT, ["complained"]),
    ],
)
def test_postmark_kinds_of_bounce(client, burst, email, kind, details, state, listed):
    facts = postmark(email, RecordType="Bounce", ID=1, Type=kind, Email="wang@example.com",
                     BouncedAt="2026-11-21T02:05:04Z", Details=details)  # fmt: skip
    assert post_esp(client, "postmark", facts).status_code == 200
    burst("default")
    assert state_of(email) == state
    assert list(Suppression.objects.values_list("kind", flat=True)) == listed


def test_unsubscribed_at_the_provider(client, burst, email):
    facts = postmark(email, RecordType="SubscriptionChange", Recipient="wang@example.com",
                     SuppressSending=True, SuppressionReason="ManualSuppression",
                     ChangedAt="2026-11-21T02:05:04Z")  # fmt: skip
    assert post_esp(client, "postmark", facts).status_code == 200
    burst("default")
    assert Suppression.objects.get().kind == "unsubscribed"


@pytest.mark.parametrize("address", ["wang@bücher.example", "wang@xn--bcher-kva.example"])
@pytest.mark.parametrize("known", [True, False])
def test_international_domain_is_the_same_however_it_is_written(
    client, burst, email, address, known
):
    """It leaves as xn--…, and so the provider names it."""
    Delivery.objects.update(address=address)
    facts = postmark(
        email, RecordType="Bounce", ID=1, Type="HardBounce", BouncedAt="2026-11-21T02:05:04Z",
        Email="Wang@XN--bcher-kva.example",
    )  # fmt: skip
    facts |= {} if known else {"MessageID": "of another", "Metadata": {}}
    assert post_esp(client, "postmark", facts).status_code == 200
    burst("default")
    assert state_of(email) == (State.BOUNCED if known else State.SENT)
    assert Suppression.objects.get().address == "wang@bücher.example"
    assert suppression.among("email", ["wang@bücher.example"])


UNSUBSCRIBED = {"RecordType": "SubscriptionChange", "Recipient": "wang@example.com",
                "SuppressSending": True, "SuppressionReason": "ManualSuppression"}  # fmt: skip
COMPLAINED = {"RecordType": "Bounce", "Type": "SpamComplaint", "Email": "wang@example.com"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            UNSUBSCRIBED | {"ChangedAt": "2026-11-21T02:05:04Z"},
            UNSUBSCRIBED | {"ChangedAt": "2026-11-21T03:05:04Z"},
        ),
        (COMPLAINED | {"ID": 42}, COMPLAINED | {"ID": 43}),
        (UNSUBSCRIBED, UNSUBSCRIBED),
    ],
)
def test_opting_out_again_after_taking_it_back(client, burst, email, first, second):
    def opt_out(facts):
        assert post_esp(client, "postmark", postmark(email, **facts)).status_code == 200
        burst("default")
        listed = suppression.active("email", "wang@example.com").exists()
        Suppression.objects.update(lifted_at=timezone.now())
        return listed

    assert opt_out(first)
    assert opt_out(second)
    if first != second:
        assert not opt_out(second)  # only a repetition
    assert state_of(email) == State.SENT


def test_opt_out_without_address_is_known_by_the_message(client, burst, email):
    facts = {**UNSUBSCRIBED, "Recipient": "", "ChangedAt": "2026-11-21T02:05:04Z", "Metadata": {}}
    assert post_esp(client, "postmark", postmark(email, **facts)).status_code == 200
    burst("default")
    assert Suppression.objects.get().address == "wang@example.com"


def test_mailgun(client, burst, email):
    Delivery.objects.update(provider="mailgun", provider_ref="<20261121.1.ABC@mg.example.com>")
    stamp, token = "1763690000", "0" * 50
    signature = hmac.new(b"signing", f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    facts = {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {
            "event": "failed", "severity": "permanent", "reason": "bounce", "id": "G9Bn5sl1",
            "timestamp": 1763690000.5, "recipient": "wang@example.com", "tags": [],
            "message": {"headers": {"message-id": "20261121.1.ABC@mg.example.com"}},
            "delivery-status": {"code": 550, "message": "5.1.1 No such user", "description": ""},
            "user-variables": {},
        },
    }  # fmt: skip
    forged = facts | {"signature": facts["signature"] | {"signature": "0" * 64}}
    assert post_esp(client, "mailgun", forged).status_code == 403
    assert post_esp(client, "mailgun", facts).status_code == 200
    burst("default")
    assert (state_of(email), email.reason) == (State.BOUNCED, "It came back. 5.1.1 No such user")
    assert Suppression.objects.get().kind == "bounced"
    assert Receipt.objects.get().told_at.timestamp() == 1763690000.5


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_sendgrid_reports_many_at_once(client, burst, django_assert_max_num_queries):
    rows = [
        delivery(channel="email", address=f"guest{n}@example.com", message="welcome",
                 provider="sendgrid", provider_ref=f"sg-{n}")
        for n in range(20)
    ]  # fmt: skip
    events = [
        {
            "email": row.address, "timestamp": 1763690000, "event": "delivered",
            "smtp-id": f"<bellhop-{row.pk}@example.com>", "anymail_id": row.provider_ref,
            "sg_event_id": f"ev{row.pk}", "response": "250 OK",
        }
        for row in rows
    ]  # fmt: skip
    blocked = events[0] | {
        "event": "bounce",
        "type": "blocked",
        "reason": "550 Blocked",
    }
    dropped = events[1] | {"event": "dropped", "reason": "Bounced Address", "sg_event_id": "d"}
    with django_assert_max_num_queries(4):
        assert post_esp(client, "sendgrid", [*events, blocked, dropped]).status_code == 200
    burst("default")
    assert [state_of(row) for row in rows[:3]] == ["bounced", "bounced", "delivered"]
    assert Suppression.objects.get().address == "guest1@example.com"


def test_email_by_smtp_of_an_esp_is_known_by_our_message_id(client, burst, email):
    Delivery.objects.update(provider="smtp", provider_ref="")
    facts = postmark(email, RecordType="Delivery", Recipient="wang@example.com",
                     MessageID=f"<bellhop-{email.pk}@example.com>", Metadata={})  # fmt: skip
    post_esp(client, "postmark", facts)
    burst("default")
    assert state_of(email) == State.DELIVERED


@pytest.mark.parametrize(
    "esp", ["mailgun", "amazon_ses", "mailersend", "postal", "unisender_go", "mandrill", "resend"]
)
def test_esp_that_is_not_set_up_is_refused(client, settings, email, esp):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "esp:secret"}
    answer = client.post(f"/anymail/{esp}/tracking/", "[]", content_type="application/json")
    assert answer.status_code == 403
    assert post_esp(client, esp, postmark(email)).status_code in (400, 403)
    assert not Receipt.objects.exists()


def test_only_the_services_that_are_used_have_a_door(client, settings, email):
    facts = postmark(email, RecordType="Delivery", Recipient="wang@example.com")
    settings.ANYMAIL = {"WEBHOOK_SECRET": "esp:secret"}
    settings.EMAIL_URL = "anymail://brevo"
    assert post_esp(client, "postmark", facts).status_code == 403
    assert post_esp(client, "brevo", {"event": "delivered", "email": "a@b.c"}).status_code == 200
    settings.ANYMAIL["POSTMARK_SERVER_TOKEN"] = "token"  # it sent before
    assert post_esp(client, "postmark", facts).status_code == 200
    settings.ANYMAIL = {"WEBHOOK_SECRET": "esp:secret"}
    settings.EMAIL_URL = "smtp+tls://token:token@smtp.postmarkapp.com:587"
    assert post_esp(client, "postmark", facts).status_code == 200


def test_esp_that_is_forged_unreadable_or_huge(client, settings, email):
    facts = postmark(email, RecordType="Delivery", Recipient="wang@example.com")
    assert post_esp(client, "postmark", facts, "esp:wrong").status_code == 403
    assert post_esp(client, "postmark", "[1]").status_code == 400
    assert post_esp(client, "postmark", "{").status_code == 400
    assert post_esp(client, "pigeon", facts).status_code == 404
    assert post_esp(client, "postmark", {"x": "y" * 2_100_000}).status_code == 413
    settings.ANYMAIL = {}  # without a secret Anymail would believe everybody
    assert post_esp(client, "postmark", facts).status_code == 403
    assert not Receipt.objects.exists()
