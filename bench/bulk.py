"""What the bulk benchmarks share: people/s from pressing send to the last one accepted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench import place
from bench.figures import Figure, interleaved
from bench.guests import check, guest
from bench.place import Asked, Place

Press = Callable[[], float]  # the time.monotonic() of pressing
Ready = Callable[[Place, Asked, int], Press]
LONGEST = 600  # seconds for one turn


@dataclass
class Contender:
    """`people`: of a turn that takes a few seconds. `ready` has everything running that sends to
    the door, for so many people."""

    people: int
    ready: Ready


@dataclass
class Contest:
    """`door`: the process that is sent to; `address`: the field of a guest that it is sent to;
    `all_of`: how many people everyone writes to, instead of as many as suits them."""

    door: tuple[str, ...]
    address: str
    contenders: Mapping[str, Contender]
    all_of: int = 0

    def __post_init__(self) -> None:
        self.sizes: dict[str, float] = {}  # bytes per person

    def hold(self, runs: int, what: str) -> dict[str, Figure]:
        turns = {name: partial(self.turn, name) for name in self.contenders}
        return interleaved(turns, runs, what, "recipients/s")

    def turn(self, name: str) -> float:
        contender = self.contenders[name]
        people = self.all_of or contender.people
        with place.opened() as here:
            door = here.asked(*self.door)
            press = contender.ready(here, door, people)
            speed = pace(door, people, self.address, press)
            self.sizes[name] = door.ask("list")["bytes"] / people
        return speed

    def notes(self) -> list[str]:
        """How many people, and how much for each."""
        many = (f"{name} {self.all_of or one.people:,}" for name, one in self.contenders.items())
        sizes = (f"{name} {size:,.0f}" for name, size in self.sizes.items())
        return [
            f"Recipients of a turn: {', '.join(many)}.",
            f"Bytes for a recipient at the door: {', '.join(sizes)}.",
            "Checked at the door: each recipient once, called by the right name.",
        ]


def pace(door: Asked, people: int, address: str, press: Press) -> float:
    """People/s, measured at the `door`, which shall have reached each of them once."""
    pressed = press()
    while (seen := door.ask("count"))["count"] < people:
        if time.monotonic() - pressed > LONGEST:
            raise AssertionError(f"{seen['count']} of {people} within {LONGEST} s")
        time.sleep(0.05)
    time.sleep(0.2)  # for a copy too many
    everyone = (guest(number) for number in range(people))
    wanted = {getattr(one, address): one.username for one in everyone}
    check([(to, name) for to, name in door.ask("list")["people"]], wanted)
    return people / (float(seen["last"]) - pressed)
