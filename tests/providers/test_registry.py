"""SMS_URLS: what is wrong with an address is told, and nothing of the address."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notices.providers import registry
from tests.config.test_settings import load

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("console:,pigeon://loft", "the 2nd address names no provider"),
        ("twilio://", "the 1st address (twilio) has no account SID."),
        ("console:,twilio://AC1@+15550001111", "the 2nd address (twilio) has no token."),
        ("twilio://AC1:t@", "the 1st address (twilio) has no sender (+number or MG…)."),
        ("twilio://AC1:t/t@+1555", "(twilio) holds a / or # that must be percent-encoded"),
        ("twilio://AC1:t#t@+1555", "(twilio) holds a / or # that must be percent-encoded"),
        ("twilio://AC1:t,t@+1555", "the 1st address (twilio) has no account SID."),
        ("console:,file:x,console:,http://x", "the 4th address names no provider"),
        ("twilio://a:b@c?endpoint=http://example.com", "has an endpoint that is neither"),
        ("twilio://a:b@c?endpoint=https://x:y@example.com", "has an endpoint that is neither"),
        ("twilio://a:b@c?endpoint=ftp://127.0.0.1", "has an endpoint that is neither"),
        ("twilio://a:b@c?rate=often", "has a rate that is not like 10/second"),
        ("twilio://a:b@c?rte=1/second", "an option that it does not know; it knows endpoint, rate"),
        ("yuntongxun://a:b@", "the 1st address (yuntongxun) has no app ID."),
        ("yuntongxun://a:b@c?code_template=x%20y", "has a code_template that is not"),
        ("webhook+https://", "the 1st address (webhook+https) has no host."),
        ("webhook+http://example.com/", "is for this machine only; use webhook+https:"),
        ("webhook+https://x/?rate=0/second", "has a rate that is not like"),
        ("webhook+https://[x/", "cannot be understood"),
        ("webhook+https://x:99999/", "cannot be understood"),
        ("simulate:?speed=1", "an option that it does not know"),
    ],
)
def test_wrong_address_is_told_by_its_place(text, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the sentence is looked at
        registry.read(text)
    assert sentence in str(caught.value)


def test_right_addresses_are_read_in_order():
    urls = [
        "twilio://AC1:s%2Ccret@MGabC?rate=10/second",
        "yuntongxun://a:b@8aF?code_template=1&endpoint=http://127.0.0.1:8000/x",
        "webhook+https://key@sms.example.com/send?a=b",
        "file:var/outbox",
        "simulate:?rate=5/minute",
    ]
    assert registry.read(", ".join(urls)) == urls
    assert registry.read("") == []
    address = registry.address(urls[0])
    assert address == ("twilio", "AC1", "s,cret", "MGabC", {"rate": "10/second"})
    assert registry.address(urls[1]).place == "8aF", "an app ID keeps its capitals"


SECRET = "hUsh-hUsh"
SCHEMES = ["twilio", "yuntongxun", "webhook+https", "webhook+http", "pigeon", "simulate"]


@given(
    st.sampled_from(SCHEMES),
    st.text(alphabet=",/#?@:&%[]=+ \\\u2100é1a", max_size=6),
    st.text(alphabet=",/#?@:&%[]=+ \\\u2100é1a", max_size=6),
)
@example("twilio", "AC1:x,", ":y@+1555")
@example("webhook+https", "", "@[::1")
def test_no_sentence_repeats_a_secret(scheme, before, after):
    said = ""
    try:
        registry.read(f"console:,{scheme}://{before}{SECRET}{after}")
    except ValueError as problem:
        said = str(problem)
    assert "hush" not in said.lower()


@pytest.mark.parametrize(
    "text",
    [
        "twilio://AC1:hush@", "twilio://AC1:x,hush:y@+1555", "webhook+https://hush@[::1",
        "twilio://AC1:hu/sh@hush", "pigeon://hush", "hush:x@y", "twilio://a:hush\u2100@x",
    ],
)  # fmt: skip
def test_start_that_is_refused_prints_no_secret(text):
    done = load(SMS_URLS=text)
    assert done.returncode == 1
    assert "ImproperlyConfigured: SMS_URLS: the " in done.stderr.splitlines()[-1]
    assert "hush" not in done.stderr
