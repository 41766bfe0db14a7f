"""schedule add / list / pause / resume / skip / run / end: for scripts. The same forms and the same
code as the pages."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import CommandError

from notices.management.options import (
    Acting,
    add_author,
    add_content,
    add_key,
    by_whom,
    instant,
    member_of_staff,
    once,
    read_content,
    refuse,
    stored_key,
)
from notices.models import Schedule
from notices.pages import idempotency
from notices.pages.idempotency import Key
from notices.pages.notice_form import NoticeForm
from notices.pages.schedule_report import schedule_reports
from notices.pages.timing_form import TimingForm
from notices.schedules import actions

STEPS: dict[str, tuple[Callable[..., object], str]] = {
    "pause": (actions.pause, "is paused"),
    "resume": (actions.resume, "is active again"),
    "skip": (actions.skip, "skips its next time"),
    "run": (actions.run_now, "runs now, out of turn"),
    "end": (actions.end, "has ended"),
}

BY_WHOM = ("skip", "run")  # what its page tells by whom


class Command(Acting):
    help = "Writes a schedule, lists them all, or pauses, resumes, skips, runs or ends one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="a notice that repeats")
        add_content(add)
        add.add_argument(
            "--rule", required=True, help='"0 9 * * 1-5" (cron) or "FREQ=WEEKLY;BYDAY=MO"'
        )
        add.add_argument("--zone", required=True, help="whose clock: Asia/Shanghai")
        add.add_argument(
            "--missed", default="late", metavar="skip|late|MINUTES",
            help="what was missed: skip it, run it once late (the default), or if at most so late",
        )  # fmt: skip
        add.add_argument("--start", default="", metavar="2026-12-01T09:00", help="local; now")
        add.add_argument("--until", default="", metavar="2027-06-30", help="the last day")
        add.add_argument("--times", default="", metavar="N", help="how often in all")
        add.add_argument("--in-quiet-hours", action="store_true", help="not held by them")
        listing = commands.add_parser("list", help="all schedules")
        listing.add_argument("--json", action="store_true")
        for name, (_, what) in STEPS.items():
            step = commands.add_parser(name, help=f"the schedule {what}")
            step.add_argument("number", type=int)
            if name == "skip":
                example = "2026-12-01T09:00+08:00"
                step.add_argument("--at", default="", metavar=example, help="only if that is next")
            if name == "run":
                add_key(step)
            add_author(step)

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        if command in STEPS:
            self.step(command, **options)
        else:
            getattr(self, command)(**options)

    def add(self, **options: Any) -> None:
        form = read_content(options)
        missed = options["missed"]
        timing = TimingForm(
            {
                "when": "repeat",
                "every": "rule",
                "rule": options["rule"],
                "zone": options["zone"],
                "at": options["start"],
                "ends_on": options["until"],
                "times": options["times"],
                "missed": missed if missed in ("skip", "late") else "limit",
                "late_minutes": "" if missed in ("skip", "late") else missed,
                "in_quiet_hours": options["in_quiet_hours"],
            },
            many=form.many,
        )
        asked = idempotency.asked(form, timing) | by_whom(options)
        key = stored_key("schedule add", options["key"], asked)
        number = once(key, partial(self.save, form, timing, key, options["by"]))
        self.stdout.write(str(number))

    def save(self, form: NoticeForm, timing: TimingForm, key: Key, by: str) -> Schedule:
        if not timing.is_valid():
            refuse("Nothing was saved.", timing.errors)
        schedule = Schedule(**form.written(), **key.columns, author=member_of_staff(by))
        timing.apply_to_schedule(schedule)
        actions.add(schedule)
        return schedule

    def list(self, **options: Any) -> None:
        facts = schedule_reports(Schedule.objects.order_by("pk"))
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for each in facts:
            following = each["next"][0] if each["next"] else "-"
            self.stdout.write(
                f"{each['id']} {each['state']} {each['subject']}: {each['words']}, {each['zone']}; "
                f"next {following}; {each['runs']} runs"
            )

    def step(
        self, name: str, number: int, at: str = "", key: str | None = None, by: str = "", **_: Any
    ) -> None:
        do, what = STEPS[name]
        given: dict[str, Any] = {}
        if name in BY_WHOM:
            given["by"] = member_of_staff(by)
        if name == "skip":
            given["at"] = instant("--at", at)
        if name == "run":
            given["request_key"] = stored_key(f"schedule run {number}", key).stored
        try:
            if not Schedule.objects.filter(pk=number).exists():
                raise CommandError(f"There is no schedule {number}.")
            do(number, **given)
        except OverflowError:
            raise CommandError(f"There is no schedule {number}.") from None
        except actions.NotNow:
            if not actions.was_done(number, name, given.get("at")):
                state = Schedule.objects.get(pk=number).get_state_display()
                raise CommandError(f"Schedule {number} is {state}: nothing was changed.") from None
        self.stdout.write(f"Schedule {number} {what}.")
