"""Limits on how often: for whom they are counted, and where."""

import runpy
import threading

import pytest

from signup import rates
from tests.signup.test_signup import CLOSED
from tests.support.processes import ROOT, eventually
from web.problems import Busy, TooMany

PASSWORD = "let me in please"
ONCE = rates.Limit("test", "1/minute", "somebody")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("64:ff9b::192.0.2.7", "192.0.2.7"),
        ("2002:c000:207:1::5", "192.0.2.7"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdf8", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:4711", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::6]:4711", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_ipv4_inside_ipv6_is_ipv4(rf, settings, address, origin):
    assert rates.origin(rf.get("/", REMOTE_ADDR=address)) == origin
    settings.TRUSTED_PROXIES = 1
    request = rf.get("/", headers={"X-Forwarded-For": f"203.0.113.9, {address}"})
    assert rates.origin(request) == origin


def test_two_ipv4_visitors_of_a_dual_stack_socket_are_two(rf):
    found = {rates.origin(rf.get("/", REMOTE_ADDR=f"::ffff:192.0.2.{n}")) for n in (7, 8)}
    assert len(found) == 2


def test_without_redis_a_process_counts_by_itself(settings):
    settings.REDIS_URL = CLOSED
    rates.spend_anyway(ONCE)
    with pytest.raises(TooMany) as refused:
        rates.spend_anyway(ONCE)
    assert 0 < refused.value.wait <= 60
    rates.spend_anyway(ONCE._replace(subject="another"))


def test_what_a_process_counts_by_itself_is_bounded(settings, monkeypatch):
    settings.REDIS_URL = CLOSED
    monkeypatch.setattr(rates, "OWN_KEYS", 10)
    for number in range(30):
        rates.spend_anyway(ONCE._replace(subject=str(number)))
    assert len(rates.own_storage().events) <= 11


@pytest.mark.django_db(transaction=True)
def test_registering_is_limited_per_origin(client, monkeypatch):
    monkeypatch.setattr(rates, "REGISTER_ORIGIN", "2/minute")
    body = {
        "username": "guest_wang", "password": PASSWORD, "password2": PASSWORD, "allow": True,
        "mobile": "13800138000", "sms_code": "000000",
    }  # fmt: skip

    def register(**more):
        return client.post("/signup/", body, content_type="application/json", **more)

    assert [register().status_code for _ in range(3)] == [400, 400, 429]
    answer = register()
    assert answer.json()["code"] == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert register(REMOTE_ADDR="192.0.2.9").status_code == 400


def test_no_more_passwords_are_hashed_at_once_than_leave_threads_for_others():
    threads = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["threads"]
    assert threads > rates.HASHES.places + rates.SOUNDS.places
    begun, over = [], threading.Event()

    def hashes():
        with rates.a_hash():
            begun.append(1)
            over.wait(10)

    threads = [threading.Thread(target=hashes) for _ in range(rates.HASHES.places)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(begun) == rates.HASHES.at_once)
    with pytest.raises(Busy), rates.a_hash():
        pass
    assert len(begun) == rates.HASHES.at_once
    over.set()
    for thread in threads:
        thread.join()
    assert len(begun) == rates.HASHES.places
    with rates.a_hash():
        pass
