"""What the bulk benchmarks share: people/s from pressing send to the last one accepted."""

import time
from collections.abc import Callable

from bench.guests import Guest, check, guest
from bench.place import Asked

Press = Callable[[], float]  # the time.monotonic() of pressing
LONGEST = 600  # seconds for one turn


def pace(door: Asked, people: int, address: str, press: Press) -> float:
    """People/s, measured at the `door`, which shall have reached each of them once. `address`: the
    field of a guest that the channel uses."""
    pressed = press()
    while (seen := door.ask("count"))["count"] < people:
        if time.monotonic() - pressed > LONGEST:
            raise AssertionError(f"{seen['count']} of {people} within {LONGEST} s")
        time.sleep(0.05)
    time.sleep(0.2)  # for a copy too many
    check([(to, name) for to, name in door.ask("list")["messages"]], wanted(people, address))
    return people / (float(seen["last"]) - pressed)


def wanted(people: int, address: str) -> dict[str, str]:
    everyone: list[Guest] = [guest(number) for number in range(people)]
    return {getattr(one, address): one.username for one in everyone}
