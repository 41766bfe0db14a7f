"""The document of the API as a page for people: without scripts, under the strict policy of all
pages. It shows what openapi.json says, so the two cannot differ."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from notices.api.problems import CODES

__all__ = ["page"]


def page(schema: dict[str, Any]) -> Any:
    """The view that shows it."""
    parts = schema["components"]["schemas"]
    shown: set[str] = set()

    def fields(content: dict[str, Any]) -> list[dict[str, Any]]:
        found = next(each.get("schema", {}) for each in content.values()) if content else {}
        name = name_of(found)
        shown.add(name)
        return fields_of(parts.get(name, found))

    operations = [
        {
            "name": f"{method.upper()} {path}",
            "summary": facts.get("summary", ""),
            "words": facts.get("description", ""),
            "fields": [
                *map(asked_by_address, facts["parameters"]),
                *fields(facts.get("requestBody", {}).get("content", {})),
            ],
            "answers": [
                {
                    "status": status,
                    "label": f"{method.upper()} {path}: {status}",
                    "fields": fields(answer.get("content", {})),
                }
                for status, answer in facts["responses"].items()
                if "$ref" not in answer
            ],
        }
        for path, methods in schema["paths"].items()
        for method, facts in methods.items()
    ]
    within = [(name, fields_of(facts)) for name, facts in parts.items() if name not in shown]
    codes = [(code, status, words) for code, (status, words) in CODES.items()]
    context = {"operations": operations, "within": within, "codes": codes}

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return render(request, "notices/api.html", context)

    return view


def asked_by_address(parameter: dict[str, Any]) -> dict[str, Any]:
    """Of a path, a query or a header."""
    place = {"query": "?{}", "header": "{}:", "path": "{{{}}}"}[parameter["in"]]
    name = place.format(parameter["name"])
    facts = {"required": parameter.get("required"), "kind": kind(parameter["schema"])}
    return {"name": name, **facts, "words": parameter.get("description", "")}


def fields_of(shape: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "required": name in shape.get("required", ()),
            "kind": kind(facts),
            "words": facts.get("description", ""),
        }
        for name, facts in shape.get("properties", {}).items()
    ]


def name_of(facts: dict[str, Any]) -> str:
    return str(facts.get("$ref", "")).rpartition("/")[2]


def kind(facts: dict[str, Any]) -> str:
    """Of a field, in a word: "string", "integer or null", "list of Attempt"."""
    if choices := facts.get("anyOf"):
        return " or ".join(dict.fromkeys(kind(each) for each in choices))
    if allowed := facts.get("enum"):
        return " or ".join(f'"{each}"' for each in allowed)
    if name := name_of(facts):
        return name
    if facts.get("type") == "array":
        return f"list of {kind(facts.get('items', {}))}"
    return str(facts.get("format") or facts.get("type", ""))
