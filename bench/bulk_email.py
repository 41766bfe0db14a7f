"""Bulk email over SMTP, a personal line in each."""

from bench import bulk, place
from bench.bellhop import Bellhop
from bench.figures import Result, Target, interleaved

NAME = "email"
TITLE = "Bulk email over SMTP, 2 workers"


def run(runs: int, full: bool) -> Result:
    people = 20_000 if full else 5_000
    contenders = {
        "Bellhop": lambda: bellhop(people),
        "floor: smtplib alone": lambda: floor(people * 4),
    }
    figures = interleaved(contenders, runs, "an email to each of many", "recipients/s")
    ours = figures["Bellhop"]
    return Result(
        TITLE,
        list(figures.values()),
        [Target("Bellhop ÷ floor", ours.over(figures["floor: smtplib alone"]), 0.7, unit="×")],
    )


def bellhop(people: int) -> float:
    with place.opened() as here:
        sink = here.asked("bench.processes.sink")
        house = Bellhop(here, people, EMAIL_URL=f"smtp://127.0.0.1:{sink.port}")
        return bulk.pace(sink, people, "email", lambda: house.press("email"))


def floor(people: int) -> float:
    with place.opened() as here:
        sink = here.asked("bench.processes.sink")
        words = ("-m", "bench.processes.floor", "email", str(sink.port), str(people), "2")
        return bulk.pace(sink, people, "email", lambda: float(place.command(*words)))
