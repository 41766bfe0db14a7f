"""Somebody who is to be erased stands in files that were uploaded lately."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from signup.uploads.models import Part, Upload

PART = 20  # parts that are read at once


def remove(texts: Collection[str]) -> int:
    """Empties every row with one of these in a cell, a number also as people write it; how many."""
    wanted = {text.casefold() for text in texts if text}
    numbers = {digits(text) for text in texts if text.startswith("+")}
    for upload in Upload.objects.defer("data").exclude(columns=[]):
        upload.columns, found = emptied(upload.columns, wanted, numbers)
        if found:
            upload.save(update_fields=["columns"])
    rows = 0
    for part in Part.objects.order_by("pk").iterator(chunk_size=PART):
        gone = set()
        for row in part.rows:
            if isinstance(row[1], list):
                cells, found = emptied(row[1], wanted, numbers)
                if found:
                    row[1] = [""] * len(cells)
                    gone.add(row[0])
        if gone:
            rows += len(gone)
            part.problems = [each for each in part.problems if each[0] not in gone]
            # Kept, empty: a notice that is being prepared counts along them.
            part.recipients = part.recipients and [
                blank(each) if each[0] in gone else each for each in part.recipients
            ]
            part.save(update_fields=["rows", "problems", "recipients"])
    return rows


def emptied(
    cells: Iterable[Any], wanted: Collection[str], numbers: Collection[str]
) -> tuple[list[Any], bool]:
    """The cells without those that are meant, and whether there were any."""
    kept = ["" if is_theirs(str(cell), wanted, numbers) else cell for cell in cells]
    return kept, any(a != b for a, b in zip(kept, cells, strict=True))


def is_theirs(cell: str, wanted: Collection[str], numbers: Collection[str]) -> bool:
    if cell.strip().casefold() in wanted:
        return True
    found = digits(cell) if len(cell) < 40 else ""
    return len(found) > 6 and any(each.endswith(found.lstrip("0")) for each in numbers)


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def blank(row: list[Any]) -> list[Any]:
    """Of Part.recipients: a row that tells nobody."""
    number, *texts, values = row
    return [number, *[""] * len(texts), [""] * len(values)]
