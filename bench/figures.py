"""What a benchmark measures, and the order in which its contenders take their turns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    """One row of the table: one contender's measured values, one for each of the runs."""

    what: str  # what was done: "20,000 emails over SMTP"
    contender: str  # who did it: "Bellhop", "Celery, prefork"
    unit: str  # "recipients/s"
    runs: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.runs)

    def over(self, peer: "Figure") -> float:
        """The median of the ratios run by run: the machine's speed drifts, both were side by
        side."""
        return median(mine / theirs for mine, theirs in zip(self.runs, peer.runs, strict=True))


@dataclass
class Target:
    """A number that the design promises. `met` is said by `value` against `wanted`."""

    what: str  # "bulk email, Bellhop ÷ Celery"
    value: float
    wanted: float
    at_least: bool = True  # else: at most
    unit: str = ""  # "×", "ms"; empty for a bare number

    @property
    def met(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted


@dataclass
class Result:
    """Of one benchmark. `notes`: sentences for the page, such as what was checked and what
    differed between the contenders."""

    title: str
    figures: list[Figure]
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def interleaved(
    contenders: Mapping[str, Callable[[], float]], runs: int, what: str, unit: str
) -> dict[str, Figure]:
    """Each contender once, then each once more, so that all of them meet the same machine."""
    figures = {name: Figure(what, name, unit) for name in contenders}
    for _ in range(runs):
        for name, contender in contenders.items():
            figures[name].runs.append(contender())
    return figures
