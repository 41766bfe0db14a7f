"""Asks for the staff's pages as a browser does, through everything but the socket; prints as JSON
what each took, and how much of it was the database's."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from notices.models import Notice  # noqa: E402
from signup.models import User  # noqa: E402

PAGES = {
    "the notices": "/notices/",
    "a notice's page": "/notices/BIG/",
    "its page 100": "/notices/BIG/?page=100",
    "its last page": "/notices/BIG/?page=last",
    "its live progress": "/notices/BIG/progress/",
    "its bounced": "/notices/BIG/?state=bounced",
    "its search": "/notices/BIG/?q=guest777%40",
    "its JSON": "/notices/BIG.json",
    "its CSV, first kilobyte": "/notices/BIG.csv",
    "the suppression list": "/notices/suppressed/",
    "the health page": "/health/",
    "/readyz": "/readyz",
    "the admin's deliveries": "/admin/notices/delivery/",
    "the admin's search": "/admin/notices/delivery/?q=guest77%40example.com",
    "the admin's filter": "/admin/notices/delivery/?state__exact=uncertain",
    "a delivery in the admin": "/admin/notices/delivery/7/change/",
    "the admin's receipts": "/admin/notices/receipt/",
}


class Stopwatch:
    """Counts queries and their milliseconds."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, float]] = []

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.queries.append((sql, (time.perf_counter() - began) * 1000))


@contextmanager
def watched() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    with connection.execute_wrapper(watch):
        yield watch


def ask(client: Client, path: str) -> dict[str, Any]:
    began = time.perf_counter()
    with watched() as watch:
        answer = client.get(path, secure=True)
        if answer.streaming:
            next(iter(answer))
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return {
        "ms": took,
        "queries": len(watch.queries),
        "database_ms": sum(each for _, each in watch.queries),
        "slowest": max(watch.queries, key=lambda each: each[1], default=("", 0)),
    }


def signed_in() -> Client:
    staff, _ = User.objects.get_or_create(username="reception", is_staff=True, is_superuser=True)
    client = Client(SERVER_NAME="localhost")
    client.force_login(staff)
    return client


def main(times: int) -> None:
    settings.DEBUG = False  # as Django's own test runner: nothing keeps a list of all queries
    client = signed_in()
    big = str(Notice.objects.get(state=Notice.State.SENDING).pk)
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(times + 1):  # the first time templates are read
        for name, pattern in PAGES.items():
            path = pattern.replace("BIG", big)
            if number:
                found.setdefault(name, []).append(ask(client, path))
            else:
                ask(client, path)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
