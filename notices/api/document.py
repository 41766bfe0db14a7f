"""openapi.json: what django-ninja makes of the operations, and what it cannot know of them."""

from typing import Any

from notices.api.problems import CODES, PROBLEM

__all__ = ["complete"]

OF_ALL = (400, 401, 403, 429, 500, 503)
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the first answer again, and do nothing.",
    "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
}
SHAPE = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Leads to what the code means."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": list(CODES), "description": "Stable."},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "field": {"type": "string", "description": "Which field it is about."},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """With the problems that each operation may answer, and the key that each POST takes."""
    parts = schema["components"]
    parts["schemas"]["Problem"] = SHAPE
    statuses = sorted({status for status, _words in CODES.values()})
    parts["responses"] = {f"Problem{status}": problem(status) for status in statuses}
    for path, methods in schema["paths"].items():
        for method, facts in methods.items():
            if method == "post":
                facts["parameters"] = [*facts["parameters"], KEY]
            for status in problems_of(path, method, facts):
                facts["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    return schema


def problem(status: int) -> dict[str, Any]:
    codes = [code for code, (of, _words) in CODES.items() if of == status]
    shape = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": ", ".join(codes),
        "content": {PROBLEM: {"schema": shape}},
    }
    if status in (429, 503):
        words = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": words}
    return answer


def problems_of(path: str, method: str, facts: dict[str, Any]) -> list[int]:
    found = list(OF_ALL)
    if "{" in path:
        found.append(404)
    if method != "get":
        found += [409]
    if method == "post":
        found += [422]
    if "requestBody" in facts:
        found += [413, 415]
    return sorted(found)
