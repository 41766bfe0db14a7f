"""A file becomes people, a part after the other. Each part is one transaction: whoever is killed
has done it or not, and two who work on the same file take turns."""

import io
import time
from collections.abc import Callable, Iterator
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from config import clock
from signup import groups
from signup.batches import Batch
from signup.people import BadRow, Person, read_person
from signup.uploads import columns, recipients
from signup.uploads.columns import ATTRIBUTE
from signup.uploads.models import WORKED_ON, Part, Upload
from web import tables

PART = 500  # rows
MOST_ROWS = 200_000
MOST_CHARACTERS = 50_000_000  # of all cells: a small workbook may say the same text very often
MOST_NEW_GROUPS = 100
JUDGED_OF_A_PART = (
    "state", "problems", "bad", "created", "updated", "unchanged", "recipients", "repeated",
)  # fmt: skip
SECONDS = 2.0  # after which a step looks whether something else waits
TOLD_EVERY = 1.0  # seconds, in which the file, of many MB, stands in the row that is written

State = Upload.State
Row = tuple[int, list[str] | str]


def work(pk: int, more_urgent: Callable[[], bool | None] = lambda: False) -> bool:
    """Whether there is more to do, for a job that comes later."""
    upload = Upload.objects.filter(pk=pk).first()
    if upload is None or upload.state not in WORKED_ON:
        return False
    with translation.override(upload.language):
        if upload.state == State.READING:
            return read(upload, more_urgent)
        until, seen = time.monotonic() + SECONDS, recipients.Seen()
        while step(pk, seen):
            if time.monotonic() >= until and more_urgent() is not False:
                return True
    return False


# Reading


def read(upload: Upload, more_urgent: Callable[[], bool | None]) -> bool:
    known, until, told = upload.parts.count(), None, time.monotonic()
    try:
        for number, part in enumerate(parts_of(upload)):
            if number < known:
                continue  # by one who was killed
            part.number = number
            try:
                with transaction.atomic():
                    part.save(force_insert=True)
                    if time.monotonic() >= told + TOLD_EVERY:
                        Upload.objects.filter(pk=upload.pk).update(active_at=clock.now())
                        told = time.monotonic()
            except IntegrityError:
                return False  # somebody else reads it at this moment, or it was removed
            # From here, since a file is read from its beginning each time.
            until = until or time.monotonic() + SECONDS
            if number > known and time.monotonic() >= until and more_urgent() is not False:
                return True
        if not upload.parts.exists():
            raise tables.BadFile(_("There are no people in it: it has a first row only."))
    except tables.BadFile as problem:
        end(upload.pk, State.BROKEN, problem=str(problem))
    else:
        end(upload.pk, State.MAPPING, columns=upload.columns, mapping=upload.mapping)
    return False


def end(pk: int, state: Upload.State, **facts: object) -> None:
    reading = Upload.objects.filter(pk=pk, state=State.READING)
    reading.update(state=state, data=None, **facts)
    if state == State.BROKEN:
        Part.objects.filter(upload=pk).delete()


def parts_of(upload: Upload) -> Iterator[Part]:
    """Raises BadFile. Sets the upload's columns and mapping."""
    rows: list[Row] = []
    characters = 0
    for count, row in enumerate(rows_of(upload), 1):
        rows.append(row)
        characters += sum(map(len, row[1]))
        if count > MOST_ROWS or characters > MOST_CHARACTERS:
            raise tables.BadFile(
                _("This is too much. Send at most %(number)d rows at once.") % {"number": MOST_ROWS}
            )
        if len(rows) == PART:
            yield Part(upload=upload, rows=rows, size=len(rows))
            rows = []
    if rows:
        yield Part(upload=upload, rows=rows, size=len(rows))


def rows_of(upload: Upload) -> Iterator[Row]:
    def wanted(first: list[str]) -> set[int]:
        if not any(first):
            raise tables.BadFile(_("This file is empty."))
        if len(first) > tables.MOST_COLUMNS:
            raise tables.BadFile(
                _("It has more than %(number)d columns. Leave some out.")
                % {"number": tables.MOST_COLUMNS}
            )
        upload.columns = [each[:100] for each in first]
        upload.mapping = columns.mapped(upload, first)
        # What stands in a text may be several lines there.
        of_one_line = set(columns.choices(upload)) - {columns.VALUE}
        return {place for place, meaning in enumerate(upload.mapping) if meaning in of_one_line}

    found = tables.cells(io.BytesIO(bytes(upload.data or b"")), wanted)
    next(found, None)
    for number, row in found:
        yield number, row if isinstance(row, str) else [each.replace("\0", "") for each in row]


# Judging and importing


def step(pk: int, seen: recipients.Seen | None = None) -> bool:
    """One part; whether there may be another. `seen`: of the steps before."""
    seen = seen or recipients.Seen()
    with transaction.atomic():
        upload = Upload.objects.select_for_update().defer("data").filter(pk=pk).first()
        if upload is None or upload.state not in (State.JUDGING, State.IMPORTING):
            return False
        # SQLite reads every row from its beginning to come to its state: not those done above.
        waiting = upload.parts.exclude(state=upload.state).order_by("number")
        part = waiting.filter(number__gte=seen.number).first() or waiting.first()
        if part is None:
            upload.state = State.JUDGED if upload.state == State.JUDGING else State.FINISHED
        elif upload.state == State.JUDGING and upload.purpose == Upload.Purpose.NOTICE:
            part.problems, part.bad = [], 0
            for number, problem in recipients.judge(upload, part, seen):
                note(upload, part, number, problem)
        elif upload.state == State.JUDGING:
            judge(upload, part)
        else:
            keep(upload, part)
        upload.active_at = clock.now()
        upload.save(update_fields=["state", "active_at", "new_groups"])
        if part:
            seen.number = part.number + 1
            part.state = upload.state
            part.save(update_fields=JUDGED_OF_A_PART)
    return part is not None


def people(upload: Upload, part: Part) -> Iterator[tuple[int, Person | BadRow]]:
    meanings = {
        place: meaning.removeprefix(ATTRIBUTE)
        for place, meaning in enumerate(upload.mapping)
        if meaning
    }
    there = set(groups.attributes())
    own = [
        each.removeprefix(ATTRIBUTE)
        for each in upload.mapping
        if each.startswith(ATTRIBUTE) and each.removeprefix(ATTRIBUTE) in there
    ]
    for number, row in part.rows:
        if isinstance(row, str):
            yield number, BadRow(row)
            continue
        try:
            named = {meaning: row[place] for place, meaning in meanings.items()}
            yield number, read_person(number, named, own)
        except BadRow as problem:
            yield number, problem


def judge(upload: Upload, part: Part) -> None:
    part.problems, part.bad = [], 0
    found = list(people(upload, part))
    names = {name for _number, each in found if isinstance(each, Person) for name in each.groups}
    known = groups.known(names) | {groups.key_of(each) for each in upload.new_groups}
    for number, person in found:
        if isinstance(person, Person):
            try:
                count_groups(upload, person, known)
                continue
            except BadRow as problem:
                person = problem
        note(upload, part, number, person)


def count_groups(upload: Upload, person: Person, known: set[str]) -> None:
    """An email in the column of groups would make a group of each person."""
    for name in person.groups:
        if (key := groups.key_of(name)) in known:
            continue
        if len(upload.new_groups) >= MOST_NEW_GROUPS:
            words = _("This would be one group more than %(number)d new ones. Make it first.")
            words %= {"number": MOST_NEW_GROUPS}
            raise BadRow(words, ("groups", words))
        upload.new_groups.append(name)
        known.add(key)


def note(upload: Upload, part: Part, number: int, problem: BadRow) -> None:
    part.bad += 1
    places = {meaning.removeprefix(ATTRIBUTE): at for at, meaning in enumerate(upload.mapping)}
    places |= {f"{columns.VALUE}:{at}": at for at in range(len(upload.mapping))}
    part.problems += [[number, places.get(column), words] for column, words in problem.cells]


def keep(upload: Upload, part: Part) -> None:
    bad = {number for number, _place, _words in part.problems}
    group = groups.make(upload.group)[0] if upload.group else None
    new = partial(Batch, upload.by)
    batch = new()
    for number, person in people(upload, part):
        if number in bad:
            continue
        if not isinstance(person, Person):  # an attribute was deleted meanwhile
            note(upload, part, number, person)
            continue
        # A second row about the same person has to see what the first one did.
        if batch.mentions(person):
            save(upload, part, batch, group)
            batch = new()
        batch.add(person)
    save(upload, part, batch, group)


def save(upload: Upload, part: Part, batch: Batch, group: groups.Group | None) -> None:
    for person, outcome in batch.save(group):
        if isinstance(outcome, BadRow):
            note(upload, part, person.row, outcome)
        else:
            setattr(part, outcome, getattr(part, outcome) + 1)
