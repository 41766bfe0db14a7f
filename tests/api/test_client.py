"""The client of docs/bellhop_client.py against the real server."""

import runpy
import socket
import threading

import pytest

from notices.api import tokens
from notices.models import Delivery, Message, Request
from signup import rates
from tests.support.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

CLIENT = runpy.run_path(str(ROOT / "docs" / "bellhop_client.py"))
Bellhop, Problem = CLIENT["Bellhop"], CLIENT["Problem"]
MESSAGE = {"to": {"mobile": "13900000011"}, "text": "Here."}


@pytest.fixture
def bellhop(live_server):
    scopes = ["messages:send", "deliveries:read", "people:write"]
    return Bellhop(live_server.url, tokens.make("crm", scopes)[1])


def test_it_asks_is_answered_and_is_told_what_is_wrong(bellhop):
    sent = bellhop.post("/messages", MESSAGE, key="order-1")
    assert bellhop.post("/messages", MESSAGE, key="order-1") == sent
    assert bellhop.get(f"/messages/{sent['id']}")["state"] == "queued"
    with pytest.raises(Problem, match="invalid") as refused:
        bellhop.post("/messages", MESSAGE | {"text": ""})
    assert (refused.value.status, refused.value.field) == (400, "text")
    group = bellhop.post("/groups", {"name": "Guests"})
    assert bellhop.ask("DELETE", f"/groups/{group['id']}") is None
    assert Message.objects.count() == 1


def test_a_list_is_read_to_its_end(bellhop):
    Delivery.objects.bulk_create(
        Delivery(message="code", channel="sms", address=f"+861390000{n:04}") for n in range(5)
    )
    assert len({each["id"] for each in bellhop.every("/deliveries", limit=2)}) == 5


def test_it_waits_as_long_as_it_is_told(bellhop, monkeypatch):
    monkeypatch.setattr(rates, "API_TOKEN", "1/second")
    for _each in range(3):
        assert bellhop.get("/token")["name"] == "crm"


def test_what_was_lost_on_the_way_back_is_asked_again_and_done_once(bellhop, live_server):
    """Whatever stands between takes the first answer with it."""
    lost = []

    def carry(door):
        for _each in range(2):
            near, _address = door.accept()
            with (
                near,
                socket.create_connection((live_server.thread.host, live_server.thread.port)) as far,
            ):
                asked = near.recv(65536)
                while b"parcel" not in asked:
                    asked += near.recv(65536)
                far.sendall(asked)
                answer = b""
                while part := far.recv(65536):
                    answer += part
                lost.append(answer)
                if len(lost) == 2:
                    near.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=carry, args=[door], daemon=True).start()
        bellhop.base = f"http://127.0.0.1:{door.getsockname()[1]}/api/v1"
        sent = bellhop.post("/messages", MESSAGE | {"text": "A parcel."})
    assert (len(lost), Message.objects.count(), Request.objects.count()) == (2, 1, 1)
    assert sent["id"] == Message.objects.get().pk
