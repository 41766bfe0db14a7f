"""Asks for the staff's pages as a browser does, through everything but the socket. Prints as JSON
what each took in ms, how much of it was the database's, and how many queries it made.

The first round, in which templates are read, does not count. What a process keeps of a count is
thrown away before each page, so each is as slow as it gets.
"""

import json
import time
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402
from django.test import Client  # noqa: E402

from notices.models import Notice  # noqa: E402
from notices.pages import progress  # noqa: E402
from signup.models import User  # noqa: E402

# BIG: the number of the notice with half of all deliveries.
PAGES = {
    "the notices": "/notices/",
    "a notice's page": "/notices/BIG/",
    "its last page": "/notices/BIG/?page=last",
    "its live progress": "/notices/BIG/progress/",
    "its bounced ones": "/notices/BIG/?state=bounced",
    "a search in it": "/notices/BIG/?q=guest777%40",
    "its CSV begins": "/notices/BIG.csv",
    "the health page": "/health/",
    "/readyz": "/readyz",
    "the admin's deliveries": "/admin/notices/delivery/",
    "the admin's search": "/admin/notices/delivery/?q=guest777%40example.com",
}


class Stopwatch(CursorWrapper):
    """Counts queries, and the time in which they run and their rows are fetched."""

    queries = 0
    seconds = 0.0

    def execute(self, *words: Any) -> Any:
        Stopwatch.queries += 1
        return self.timed(super().execute, *words)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        return (lambda *words: self.timed(found, *words)) if name.startswith("fetch") else found

    def timed(self, work: Any, *words: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*words)
        finally:
            Stopwatch.seconds += time.perf_counter() - began


def ask(client: Client, path: str) -> dict[str, float]:
    progress.tallies.clear()
    Stopwatch.queries, Stopwatch.seconds = 0, 0.0
    began = time.perf_counter()
    answer = client.get(path, secure=True)
    if answer.streaming:
        next(iter(answer))
    took = time.perf_counter() - began
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    database_ms = Stopwatch.seconds * 1000
    return {"ms": took * 1000, "database_ms": database_ms, "queries": Stopwatch.queries}


def signed_in() -> Client:
    staff, _ = User.objects.get_or_create(username="reception", is_staff=True, is_superuser=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(staff)
    return client


def main() -> None:
    # No manifest of static files: nobody has collected them.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    client = signed_in()
    connection.make_cursor = lambda cursor: Stopwatch(cursor, connection)  # type: ignore[method-assign]
    big = str(Notice.objects.get(state=Notice.State.SENDING).pk)
    paths = {name: path.replace("BIG", big) for name, path in PAGES.items()}
    for path in paths.values():
        ask(client, path)
    print(json.dumps({name: ask(client, path) for name, path in paths.items()}))


if __name__ == "__main__":
    main()
