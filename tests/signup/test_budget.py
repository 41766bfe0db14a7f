"""The budget of codes: how many may be left unused, to whom the brake is on, and the drill."""

import random
from bisect import bisect_right
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import pytest
import time_machine
from django.utils import timezone

from notices.delivery import retention
from notices.models import Delivery
from signup import budget, codes, flow, pictures, proof
from signup.models import Verification
from tests.signup.test_signup import asked, post
from web.problems import TooMany

CODE = "/signup/code/"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_but_the_budget(settings):
    settings.CODE_BUDGET = "enforce"
    settings.CODE_LIMIT_NUMBER = settings.CODE_LIMIT_ORIGIN = "1000/minute"


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def number(n, prefix="13800"):
    return f"+86{prefix}{n:06d}"


def network(n):
    return f"10.{n // 250}.{n % 250}.7"


def ask(mobile, origin):
    picture = pictures.new()
    return proof.request_code(mobile, picture, pictures.digits(picture), origin)


def use(verification):
    """As who registers does."""
    proof.spend(proof.verify(verification.mobile, codes.derive(verification), verification.pk))


def earlier(used, days, prefix="+8613800"):
    """So many codes to a prefix that were used so many days ago."""
    at = timezone.now() - timedelta(days=days)
    Verification.objects.bulk_create(
        Verification(mobile=number(n), salt="s", prefix=prefix, created_at=at, used_at=at)
        for n in range(used)
    )


def passes(tries, origin=network, start=0):
    """How many of so many codes are sent, each to another number of one prefix."""
    sent = 0
    for n in range(start, start + tries):
        try:
            ask(number(n), origin(n))
        except TooMany:
            continue
        sent += 1
    return sent


@pytest.mark.parametrize(
    ("mobile", "prefix"),
    [("+8613800138000", "+8613800"), ("+14155552671", "+141555"), ("+85251234567", "+85251234")],
)
def test_a_prefix_is_the_country_and_five_digits(mobile, prefix):
    assert budget.prefix_of(mobile) == prefix


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", True),
        ("192.0.2.7", "192.0.3.7", False),
        ("2001:db8:1:2::/64", "2001:db8:1:3::/64", True),
        ("2001:db8:1:2::/64", "2001:db8:2:2::/64", False),
        ("unknown", "unknown", True),
    ],
)
def test_a_network_is_a_24_or_a_48(one, other, same):
    assert (budget.network_of(one) == budget.network_of(other)) is same


def test_a_network_gets_so_many_until_it_uses_them():
    home = "192.0.2.7"
    sent = [ask(f"+8615{n:03d}000000", home) for n in range(10)]  # to many prefixes
    with pytest.raises(TooMany):
        ask("+8615900000000", home)
    use(sent[0])
    ask("+8615900000000", home)


def test_a_prefix_has_a_share_for_all_and_more_for_who_wastes_none(clock):
    assert passes(5, origin=lambda n: "192.0.2.7") == 3
    assert passes(30, start=100) == 17  # of 20: each from a network that asks for the first time
    clock.shift(timedelta(minutes=61))
    assert passes(5, origin=lambda n: "192.0.2.7", start=200) == 0  # 20 of the day are gone
    assert passes(5, start=300) == 5


def test_used_codes_make_the_budget_larger():
    earlier(used=400, days=3)
    earlier(used=100, days=4)
    earlier(used=4000, days=15)  # longer ago than anybody looks
    home = "192.0.2.7"
    counted, _network = budget.counts(["+8613800"], [budget.network_of(home)])
    assert (counted.day, round(counted.hour, 2)) == (80, 13.33)
    earlier(used=1000, days=0)
    counted, _network = budget.counts(["+8613800"], [budget.network_of(home)])
    assert (counted.day, counted.hour) == (200, 200)


def test_a_code_sent_again_counts_as_often_as_it_was_sent(clock):
    first = ask(number(1), network(1))
    picture = pictures.new()
    proof.request_code(number(1), picture, pictures.digits(picture), network(1), first.pk)
    [counted, of_network] = budget.counts(["+8613800"], [budget.network_of(network(1))])
    assert (counted.unused_day, of_network.unused_hour) == (2, 2)
    use(first)
    [counted, of_network] = budget.counts(["+8613800"], [budget.network_of(network(1))])
    assert (counted.unused_day, counted.used_day, of_network.used_hour) == (0, 2, 2)


def test_it_costs_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        budget.check(budget.Asked(number(1), network(1)))


def test_who_is_held_hears_why_and_what_to_do(client, caplog):
    passes(30)
    answer = post(CODE, asked("13800777777"), client)
    assert answer.status_code == 429
    assert 3500 < int(answer["Retry-After"]) <= 3601
    assert "ask who runs this site" in answer.json()["errmsg"]
    assert "event=budget" in caplog.text
    assert "held=+8613800 mode=enforce" in caplog.text
    assert "13800777777" not in caplog.text
    assert not Delivery.objects.filter(address="+8613800777777").exists()
    post(CODE, asked("13900777777"), client)
    assert Delivery.objects.filter(address="+8613900777777").exists()


def test_record_only_tells(settings, caplog):
    settings.CODE_BUDGET = "record"
    assert passes(30) == 30
    assert caplog.text.count("mode=record") == 10


def test_off_neither_counts_nor_keeps(settings, django_assert_num_queries):
    settings.CODE_BUDGET = "off"
    with django_assert_num_queries(0):
        budget.check(budget.Asked(number(1), network(1)))
    assert ask(number(1), network(1)).network == ""


def test_what_staff_release_goes_for_a_day(clock):
    passes(30)
    budget.release("+8613800")
    assert passes(5, start=100) == 5
    budget.hold("+8613800")
    assert passes(5, start=200) == 0
    budget.release("+8613800")
    clock.shift(timedelta(hours=25))
    assert passes(30, start=300) == 20


def test_networks_are_forgotten_after_a_day(clock):
    ask(number(1), network(1))
    budget.release("+8613800")
    retention.run()
    assert Verification.objects.exclude(network="").exists()
    clock.shift(timedelta(hours=25))
    retention.run()
    assert Verification.objects.get().network == ""
    assert Verification.objects.get().prefix == "+8613800"
    assert not budget.released(["+8613800"])


# The drill


def drill(clock, prefixes, numbers, origins, people):
    """In three hours somebody pumps, by numbers and origins in any order, and people sign up, who
    use their code within two minutes. Prefix -> when it got a code that nobody used; and how many
    of the people came in."""
    chance = random.Random(15)
    starts = [f"13{n:03d}" for n in range(prefixes)]
    moments = [
        (chance.uniform(0, 3 * 3600), number(n, starts[n % prefixes]), network(n * 7 % origins), "")
        for n in range(numbers)
    ]
    for n in range(people):
        mobile, at = number(900_000 + n, chance.choice(starts)), chance.uniform(0, 3 * 3600)
        moments.append((at, mobile, f"20.{n // 250}.{n % 250}.9", f"guest_{n}"))
    pumped, came, waiting = defaultdict(list), 0, []
    for at, mobile, origin, name in sorted(moments):
        while waiting and waiting[0][0] < at:
            came += signed_up(clock, *heappop(waiting))
        clock.move_to(NOON + timedelta(seconds=at))
        with suppress(TooMany):
            verification = ask(mobile, origin)
            if name:
                heappush(waiting, (at + chance.uniform(15, 120), name, verification.pk))
            else:
                pumped[budget.prefix_of(mobile)].append(at)
    return pumped, came + sum(signed_up(clock, *each) for each in sorted(waiting))


def signed_up(clock, at, name, pk):
    clock.move_to(NOON + timedelta(seconds=at))
    verification = Verification.objects.get(pk=pk)
    values = {"username": name, "name": "", "password": "right horse 22", "email": ""}
    own = proof.verify(str(verification.mobile), codes.derive(verification), pk)
    return bool(flow.register(values, "http://testserver", own))


def most_in_an_hour(moments):
    return max(bisect_right(moments, at + 3600) - n for n, at in enumerate(moments))


@pytest.mark.parametrize(
    ("prefixes", "numbers", "origins", "people"),
    [(6, 400, 30, 30), pytest.param(100, 10_000, 500, 500, marks=pytest.mark.faults)],
)
def test_who_pumps_gets_next_to_nothing_and_people_come_in(
    clock, settings, prefixes, numbers, origins, people
):
    pumped, came = drill(clock, prefixes, numbers, origins, people)
    most = max(map(most_in_an_hour, pumped.values()))
    sent = sum(map(len, pumped.values()))
    print(f"{sent} of {numbers} codes, {most} an hour to a prefix; {came} of {people} people")
    assert most <= 20
    assert came >= 0.99 * people
