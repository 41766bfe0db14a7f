"""Reads and checks a file of so many rows, of which 500 are bad, as a worker does, and prints as
JSON: seconds to read it, to check it, and MB at most.

python -m bench.processes.dropped csv|xlsx people|notice ROWS
"""

import csv
import io
import json
import resource
import sys
import time
from collections.abc import Iterator

import django

django.setup()

from openpyxl import Workbook  # noqa: E402

from bench.guests import guest  # noqa: E402
from signup.models import Upload  # noqa: E402
from signup.uploads import steps  # noqa: E402

BAD = 500


def rows(number: int) -> Iterator[list[str]]:
    yield ["姓名", "手机号", "邮箱", "楼栋", "房间"]
    every = max(1, number // BAD)
    for n in range(number):
        mobile = "1.38E+10" if n % every == 0 else guest(n).mobile
        yield [f"王小明{n}", mobile, guest(n).email, f"B{n % 5}", str(n % 900)]


def file(kind: str, number: int) -> bytes:
    if kind == "csv":
        text = io.StringIO()
        csv.writer(text).writerows(rows(number))
        return text.getvalue().encode()
    book, data = Workbook(), io.BytesIO()  # whose texts are shared, as Excel's are
    for row in rows(number):
        book.active.append(row)
    book.save(data)
    return data.getvalue()


def took(upload: Upload) -> float:
    began = time.monotonic()
    while steps.work(upload.pk):
        pass
    upload.refresh_from_db()
    return time.monotonic() - began


def peak() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    kind, purpose, number = sys.argv[1:]
    if kind == "file":  # in a process of its own, whose memory does not count
        sys.stdout.buffer.write(file(purpose, int(number)))
        sys.exit()
    upload = Upload.objects.create(language="en", purpose=purpose, data=sys.stdin.buffer.read())
    reading = took(upload)
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.JUDGING)
    checking = took(upload)
    assert upload.state == Upload.State.JUDGED, upload.problem
    assert sum(upload.parts.values_list("bad", flat=True)) == min(BAD, int(number))
    print(json.dumps([reading, checking, peak()]))
