"""What the DNS says of the sender's domain, by a real resolver that asks a server of ours."""

import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from notices.providers import sender_domain

pytestmark = pytest.mark.once


@pytest.fixture
def resolver():
    """A name server on this machine that knows `records`: name -> TXT. A test fills it."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    records, stopped = {}, threading.Event()

    def serve():
        while not stopped.is_set():
            data, client = server.recvfrom(4096)
            asked = dns.message.from_wire(data) if data else None
            if asked is None or records.get("silent"):
                continue
            answer = dns.message.make_response(asked)
            answer.flags |= dns.flags.RA
            name = asked.question[0].name.to_text().rstrip(".")
            if name in records and asked.question[0].rdtype == dns.rdatatype.TXT:
                text = dns.rrset.from_text(name + ".", 60, "IN", "TXT", f'"{records[name]}"')
                answer.answer.append(text)
            elif name != "acme.io":
                answer.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    asks = dns.resolver.Resolver(configure=False)
    asks.nameservers, asks.port = ["127.0.0.1"], server.getsockname()[1]
    asks.records = records
    yield asks
    stopped.set()
    server.sendto(b"", server.getsockname())
    thread.join()
    server.close()


def test_what_is_there_is_seen_and_what_is_not(resolver, settings):
    settings.DEFAULT_FROM_EMAIL = "Acme <desk@acme.io>"
    assert sender_domain.look(resolver) == ("acme.io", False, False, False)
    resolver.records |= {
        "acme.io": "v=spf1 -all",
        "k1._domainkey.acme.io": "k=rsa; p=MIGf",
        "_dmarc.acme.io": "v=DMARC1; p=none",
    }
    assert sender_domain.look(resolver) == ("acme.io", True, True, True)
    settings.DKIM_SELECTORS = ["other"]
    assert sender_domain.look(resolver) == ("acme.io", True, False, True)


@pytest.mark.parametrize("sender", ["desk@acme.io", "desk@nobody.io", "desk@localhost"])
def test_without_a_network_it_could_not_look_and_nobody_waits(resolver, settings, sender):
    settings.DEFAULT_FROM_EMAIL = sender
    resolver.records["silent"] = "yes" if "acme" in sender else ""
    began = time.monotonic()
    assert sender_domain.look(resolver)[1:] == (None, None, None)
    assert time.monotonic() - began < sender_domain.SECONDS + 0.5
