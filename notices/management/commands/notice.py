"""notice send / show / cancel: for scripts. The same form and the same code as the page."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notices import schedule
from notices.compose import NoticeForm
from notices.models import Channel, Notice
from notices.progress import progress, report

ENDED = (Notice.State.FINISHED, Notice.State.CANCELLED)
WENT_WRONG = ("failed", "bounced", "uncertain", "expired")


class Command(BaseCommand):
    help = "Sends a notice, shows how far one is, or cancels what is still queued of one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        send = commands.add_parser("send", help="write a notice and send it")
        send.add_argument("--subject", required=True)
        send.add_argument("--text", required=True, metavar="FILE", help="Markdown; - is the input")
        send.add_argument("--channel", required=True, action="append", choices=Channel.values)
        audience = send.add_mutually_exclusive_group(required=True)
        audience.add_argument("--everyone", action="store_true", help="who has that channel")
        audience.add_argument("--addresses", metavar="FILE", help="one a line; - is the input")
        send.add_argument("--no-undo", action="store_true", help="do not wait 10 seconds first")
        send.add_argument(
            "--wait", action="store_true", help="stay until it ended; 1 if some failed"
        )
        show = commands.add_parser("show", help="how far a notice is")
        show.add_argument("number", type=int)
        show.add_argument("--json", action="store_true")
        cancel = commands.add_parser("cancel", help="cancel what is still queued")
        cancel.add_argument("number", type=int)

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, command)(**options)

    def send(self, **options: Any) -> None:
        addresses = options["addresses"]
        form = NoticeForm(
            {
                "subject": options["subject"],
                "text": read(options["text"]),
                "channels": list(dict.fromkeys(options["channel"])),
                "audience": "addresses" if addresses else "everyone",
                "addresses": read(addresses) if addresses else "",
            }
        )
        if not form.is_valid():
            told = [f"{name}: {why}" for name, each in form.complaints().items() for why in each]
            raise CommandError("\n".join(["Nothing was sent.", *told]))
        notice = form.save(commit=False)
        if not schedule.accept(notice, timezone.now() if options["no_undo"] else None):
            self.stderr.write("Accepted. Redis is away: it will go out when Redis is back.")
        self.stdout.write(str(notice.pk))
        if options["wait"]:
            self.wait(notice)

    def wait(self, notice: Notice) -> None:
        while notice.state not in ENDED:
            self.draw(notice, end="\r" if self.stderr.isatty() else "")
            time.sleep(0.5)
            notice.refresh_from_db()
        self.draw(notice, end="\n")
        counts = report(notice)["counts"]
        self.stdout.write(
            " ".join(f"{state}={number}" for state, number in counts.items() if number)
        )
        if any(counts[state] for state in WENT_WRONG):
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
        self.stdout.write(f"{notice.pk} {notice.subject}: {notice.state}")
        for state, count in facts["counts"].items():
            if count:
                self.stdout.write(f"{count:>9} {state}")

    def cancel(self, number: int, **options: Any) -> None:
        stopped = schedule.cancel(find(number))
        if stopped is None:
            raise CommandError(f"Notice {number} had ended already: nothing was left to cancel.")
        self.stdout.write(
            f"Notice {number} is cancelled; {stopped} queued deliveries were not sent."
        )


def find(number: int) -> Notice:
    try:
        return Notice.objects.get(pk=number)
    except (Notice.DoesNotExist, OverflowError):
        raise CommandError(f"There is no notice {number}.") from None


def read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
