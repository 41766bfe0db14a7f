"""Asks the API as another program does."""

import json
from typing import Any

from django.test import Client

NONE: Any = object()


def ask(secret: str, path: str, body: Any = NONE, method: str = "", **headers: str) -> Any:
    """GET without a body, else POST, unless `method` is named."""
    headers = {"authorization": f"Bearer {secret}", **headers}
    client = Client()
    if body is NONE and method in ("", "GET"):
        return client.get(path, headers=headers)
    content = "" if body is NONE else json.dumps(body)
    return client.generic(
        method or "POST", path, content, content_type="application/json", headers=headers
    )
