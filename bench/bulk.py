"""What the bulk benchmarks share: people/s from pressing send to the last one accepted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench import place
from bench.figures import Figure, interleaved
from bench.guests import check, guest
from bench.place import Asked, Place
from bench.report import number

Press = Callable[[], float]  # the time.monotonic() of pressing
Ready = Callable[[Place, Asked, int], Press]
STALLED = 60  # seconds in which nothing came through the door


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
        self.cpu: dict[str, list[float]] = {name: [] for name in self.contenders}  # s per person
        self.figures: dict[str, Figure] = {}
        self.sizes: dict[str, float] = {}  # bytes per person
        self.lines: dict[str, int] = {}  # connections to the door at once, the most of all turns
        self.door_cpu: dict[str, float] = {}  # of a core
        self.memory: dict[str, float] = {}  # MB (PSS) of the workers, the most that was seen

    def hold(self, runs: int, what: str) -> dict[str, Figure]:
        turns = {name: partial(self.turn, name) for name in self.contenders}
        self.figures = interleaved(turns, runs, what, "recipients/s")
        return self.figures

    def turn(self, name: str) -> float:
        contender = self.contenders[name]
        people = self.all_of or contender.people
        with place.opened() as here:
            door = here.asked(*self.door)
            press = contender.ready(here, door, people)
            before, door_before = here.cpu(), place.cpu(door.pid)
            pressed = press()
            seconds = last(door, people, partial(self.look_at_memory, name, here)) - pressed
            self.cpu[name].append((here.cpu() - before) / people)
            self.door_cpu[name] = (place.cpu(door.pid) - door_before) / seconds
            time.sleep(0.2)  # for a copy too many
            self.look_through(name, people, door)
        return people / seconds

    def look_at_memory(self, name: str, here: Place) -> None:
        self.memory[name] = max(self.memory.get(name, 0), here.memory())

    def look_through(self, name: str, people: int, door: Asked) -> None:
        taken = door.ask("list")
        everyone = (guest(number) for number in range(people))
        wanted = {getattr(one, self.address): one.username for one in everyone}
        check([(to, called) for to, called in taken["people"]], wanted)
        self.sizes[name] = taken["bytes"] / people
        self.lines[name] = max(self.lines.get(name, 0), taken["connections"])

    def notes(self, ours: str) -> list[str]:
        """`ours`: the contender whom the ratios are of."""
        mine = self.figures[ours]
        ratios = (
            f"{name} {number(mine.over(figure))}"
            for name, figure in self.figures.items()
            if name != ours
        )
        many = (f"{name} {self.all_of or one.people:,}" for name, one in self.contenders.items())
        lines = (f"{name} {count}" for name, count in self.lines.items())
        sizes = (f"{name} {size:,.0f}" for name, size in self.sizes.items())
        doors = (f"{name} {share:.2f}" for name, share in self.door_cpu.items())
        memory = (f"{name} {mb:,.0f} MB" for name, mb in self.memory.items() if mb)
        used = ((name, 1000 * median(each)) for name, each in self.cpu.items())
        workers = (f"{name} {number(spent)} ms" for name, spent in used if spent)
        return [
            f"{ours} ÷ others, the median turn by turn: {'; '.join(ratios)}.",
            f"Recipients of a turn: {'; '.join(many)}.",
            f"Connections to the door at once, at most: {'; '.join(lines)}.",
            f"Bytes for a recipient at the door: {'; '.join(sizes)}.",
            f"What the door took of a core meanwhile: {'; '.join(doors)}.",
            f"CPU of the workers for a recipient: {'; '.join(workers)}.",
            f"Memory of the workers (PSS), at most: {'; '.join(memory)}.",
            "Checked at the door: each recipient once, called by the right name.",
        ]


def last(door: Asked, people: int, look: Callable[[], None] = lambda: None) -> float:
    """The time.monotonic() at which the last of so many came through the door; `look` is called
    twice a second meanwhile."""
    began = looked = time.monotonic()
    while (seen := door.ask("count"))["count"] < people:
        if time.monotonic() - max(began, seen["last"]) > STALLED:
            raise AssertionError(f"{seen['count']} of {people}, then none for {STALLED} s")
        time.sleep(0.05)
        if time.monotonic() > looked + 0.5:
            look()
            looked = time.monotonic()
    return float(seen["last"])
