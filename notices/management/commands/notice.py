"""notice send, show, pause, resume, again, cancel: for scripts. Form and code are the page's."""

import json
import sys
import time
from argparse import ArgumentParser
from datetime import datetime
from functools import partial
from typing import Any

from django.core.management.base import CommandError

from config import clock
from notices.audience import files
from notices.delivery import again, corrections, lifecycle, quiet_hours
from notices.management.options import (
    Acting,
    add_author,
    add_content,
    by_whom,
    instant,
    member_of_staff,
    once,
    read,
    read_content,
    stored_key,
)
from notices.models import RESENDABLE, Notice
from notices.pages import idempotency
from notices.pages.correcting import MOVING, NOT_NOW, CorrectionForm
from notices.pages.idempotency import Key
from notices.pages.notice_form import NoticeForm
from notices.pages.progress import braked, progress, report, stopped_after

ENDED = (Notice.State.FINISHED, Notice.State.CANCELLED, Notice.State.EXPIRED)
WENT_WRONG = ("failed", "bounced", "uncertain", "expired")


class Command(Acting):
    help = "Sends a notice, shows how far one is, pauses it, or cancels what is still queued of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        send = commands.add_parser("send", help="write a notice and send it")
        add_content(send, once=True)
        send.add_argument("--at", default="", help="when: 2026-12-01T09:00+08:00; else now")
        send.add_argument("--not-after", default="", help="what has not left by then is not sent")
        send.add_argument("--in-quiet-hours", action="store_true", help="not held by them")
        send.add_argument("--no-undo", action="store_true", help="do not wait 10 seconds first")
        send.add_argument(
            "--wait", action="store_true", help="stay until it ended; 1 if some failed"
        )
        show = commands.add_parser("show", help="how far a notice is")
        show.add_argument("number", type=int)
        show.add_argument("--json", action="store_true")
        for name, does in (
            ("pause", "nothing more of it leaves until it is resumed"),
            ("resume", "it goes on where it stopped"),
            ("cancel", "cancel what is still queued"),
        ):
            step = commands.add_parser(name, help=does)
            step.add_argument("number", type=int)
            add_author(step)

        more = commands.add_parser("again", help="send again what failed, or what you choose")
        more.add_argument("number", type=int)
        more.add_argument("--state", action="append", default=[], choices=list(RESENDABLE))
        more.add_argument("--delivery", action="append", default=[], type=int, metavar="NUMBER")
        more.add_argument("--twice", action="store_true", help="some people may get it twice")
        add_author(more)

        text = commands.add_parser("correct", help="another text for those who have not got it")
        text.add_argument("number", type=int)
        text.add_argument("--subject")
        text.add_argument("--text", metavar="FILE", help="Markdown; - is the input")
        add_author(text)

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, command)(**options)

    def send(self, **options: Any) -> None:
        form = read_content(options)
        facts = {name: options[name] for name in ("at", "not_after", "in_quiet_hours")}
        facts |= by_whom(options)
        if upload := form.cleaned_data["upload"]:
            facts["upload"] = upload.digest  # a number would be another one when it came again
            self.tell(files.repeated(upload))
        key = stored_key("notice send", options["key"], idempotency.asked(form) | facts)
        number = once(key, partial(self.accept, form, options, key))
        self.stdout.write(str(number))
        if options["wait"]:
            self.wait(Notice.objects.get(pk=number))

    def tell(self, words: str) -> None:
        if words:
            self.stderr.write(words)

    def accept(self, form: NoticeForm, options: dict[str, Any], key: Key) -> Notice:
        author = member_of_staff(options["by"])
        notice = Notice(**form.written(), **key.columns, author=author)
        start_at = moment("--at", options["at"])
        notice.not_after = moment("--not-after", options["not_after"])
        notice.in_quiet_hours = options["in_quiet_hours"]
        if notice.not_after:
            check_not_after(notice.not_after, start_at, in_quiet_hours=notice.in_quiet_hours)
        if options["no_undo"]:
            start_at = start_at or clock.now()
        if not lifecycle.accept(notice, start_at):
            self.stderr.write("Accepted. Redis is away: it will go out when Redis is back.")
        return notice

    def wait(self, notice: Notice) -> None:
        while notice.state not in ENDED:
            if notice.state == Notice.State.AWAITING:
                raise CommandError(f"Notice {notice.pk} goes when somebody has approved it.")
            self.draw(notice, end="\r" if self.stderr.isatty() else "")
            time.sleep(0.5)
            notice.refresh_from_db()
        self.draw(notice, end="\n")
        counts = report(notice)["counts"]
        self.stdout.write(
            " ".join(f"{state}={number}" for state, number in counts.items() if number)
        )
        if notice.state == Notice.State.EXPIRED or any(counts[state] for state in WENT_WRONG):
            sys.exit(1)

    def draw(self, notice: Notice, end: str) -> None:
        if not end:
            return
        now = progress(notice)
        bar = "#" * (now["percent"] * 30 // 100)
        line = f"[{bar:<30}] {now['percent']:>3} %  {now['settled']} of {now['total']}"
        self.stderr.write(line, ending=end)
        self.stderr.flush()

    def show(self, number: int, **options: Any) -> None:
        notice = find(number)
        facts = report(notice)
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        stop = stopped_after(notice)
        state = f"stopped after {stop.after} of {stop.total}" if stop else notice.state
        self.stdout.write(f"{notice.pk} {notice.subject}: {state}")
        for state, count in facts["counts"].items():
            if count:
                self.stdout.write(f"{count:>9} {state}")
        for why in braked(notice):
            self.stdout.write(f"{why} notice resume {number} lets them go on.")

    def pause(self, number: int, **options: Any) -> None:
        notice = find(number)
        if not lifecycle.pause(notice):
            raise CommandError(f"Notice {number} is {notice.state}: only what goes out is paused.")
        self.stdout.write(f"Notice {number} is paused.")

    def resume(self, number: int, **options: Any) -> None:
        notice = find(number)
        if corrections.waits_for_approval(notice):
            raise CommandError(f"Notice {number} goes on when somebody has approved its new text.")
        if not lifecycle.resume(notice):
            raise CommandError(f"Notice {number} is {notice.state}, not paused.")
        self.stdout.write(f"Notice {number} goes on.")

    def again(self, number: int, **options: Any) -> None:
        notice, by = find(number), member_of_staff(options["by"])
        if not (options["state"] or options["delivery"]):
            raise CommandError("Choose what goes again: --state or --delivery.")
        wanted = again.Wanted(
            states=options["state"], deliveries=options["delivery"], until=clock.now()
        )
        try:
            count = again.send(notice, by, wanted, twice=options["twice"])
        except again.Closed:
            raise CommandError(f"Nothing of notice {number} goes out any more.") from None
        except again.Twice as problem:
            raise CommandError(f"{problem.number} may get it twice: --twice if so.") from None
        self.stdout.write(f"{count} go out again.")

    def correct(self, number: int, **options: Any) -> None:
        notice, by = find(number), member_of_staff(options["by"])
        given = corrections.snapshot(notice)
        if options["subject"] is not None:
            given["subject"] = options["subject"]
        if options["text"] is not None:
            given["text"] = read(options["text"])
        form = CorrectionForm(given, instance=find(number))
        if not form.is_valid():
            raise CommandError(form.errors.as_text())
        try:
            corrections.correct(number, by, notice.version, form.cleaned_data)
        except corrections.NotNow:
            raise CommandError(str(NOT_NOW)) from None
        except corrections.Moving:
            raise CommandError(str(MOVING)) from None
        self.stdout.write(f"Notice {number} is corrected: notice resume {number} lets it go on.")

    def cancel(self, number: int, **options: Any) -> None:
        notice = find(number)
        stopped = lifecycle.cancel(notice)
        if stopped is None:
            notice.refresh_from_db()
            if notice.state == Notice.State.CANCELLED:
                self.stdout.write(f"Notice {number} is cancelled already.")
                return
            raise CommandError(f"Notice {number} had ended already: nothing was left to cancel.")
        self.stdout.write(
            f"Notice {number} is cancelled; {stopped} queued deliveries were not sent."
        )


def find(number: int) -> Notice:
    try:
        return Notice.objects.get(pk=number)
    except (Notice.DoesNotExist, OverflowError):
        raise CommandError(f"There is no notice {number}.") from None


def moment(name: str, text: str) -> datetime | None:
    """The instant that an option names; CommandError when that is none, or past."""
    at = instant(name, text)
    if at and at <= clock.now():
        raise CommandError(f"{name}: {text} is in the past.")
    return at


def check_not_after(end: datetime, start_at: datetime | None, *, in_quiet_hours: bool) -> None:
    try:
        quiet_hours.check(end, start_at, in_quiet_hours=in_quiet_hours)
    except quiet_hours.NeverStarts as never:
        if never.until is None:
            raise CommandError("--not-after: This is over before it could start.") from None
        until = never.until.astimezone(end.tzinfo).isoformat(timespec="minutes")
        raise CommandError(
            f"--not-after: It would be held until {until}: these are the quiet hours. Choose a "
            "later time, or --in-quiet-hours."
        ) from None
