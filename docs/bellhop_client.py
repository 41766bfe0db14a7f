"""A client of Bellhop's API in one file, by the standard library alone: copy it into your program.

    bellhop = Bellhop("https://bellhop.example.com", token)
    sent = bellhop.post("/messages", {"to": {"mobile": "+8613900000011"}, "text": "Here."})
    bellhop.get(f"/messages/{sent['id']}")["state"]
    for delivery in bellhop.every("/deliveries", state="failed"):
        print(delivery["id"], delivery["reason"])

Each POST has an Idempotency-Key, so one whose answer was lost is asked again and done once.
"""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

TRIES = 4
LATER = {409: "in_work", 429: "too_many", 503: "unavailable"}  # may be asked again as it is


class Problem(Exception):  # noqa: N818
    """What was not done. `code` is stable; `field` is empty where it is about none."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.status, self.code = facts["status"], facts["code"]
        self.field, self.errors = facts.get("field", ""), facts.get("errors", {})
        super().__init__(f"{self.code}: {facts['detail']}")


class Bellhop:
    def __init__(self, url: str, token: str, seconds: float = 20) -> None:
        self.base, self.token, self.seconds = f"{url.rstrip('/')}/api/v1", token, seconds

    def get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        return self.ask("GET", f"{path}?{urllib.parse.urlencode(asked)}" if asked else path)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        """`key`: your own name for what is asked, such as the number of an order; else it is safe
        for this call alone."""
        return self.ask("POST", path, body, key or uuid.uuid4().hex)

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """All of a list, part by part."""
        cursor: str | None = ""
        while cursor is not None:
            part = self.get(path, cursor=cursor, **query)
            yield from part["items"]
            cursor = part["next"]

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The answer, or None where there is none. Raises Problem, or OSError when nobody
        answers."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if key:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                with urllib.request.urlopen(request, timeout=self.seconds) as answer:  # noqa: S310
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as refused:
                with refused:
                    facts = problem_of(refused)
                if last or LATER.get(facts["status"]) != facts["code"]:
                    raise Problem(facts) from None
                time.sleep(min(float(refused.headers.get("Retry-After", 1)), self.seconds))
            except OSError:
                if last or not (key or method == "GET"):
                    raise
                time.sleep(1)
        raise AssertionError


def problem_of(refused: urllib.error.HTTPError) -> dict[str, Any]:
    if refused.headers.get_content_type() == "application/problem+json":
        facts: dict[str, Any] = json.load(refused)
        return facts
    return {"status": refused.code, "code": "internal", "detail": refused.reason}
