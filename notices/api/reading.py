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

    def shape(content: dict[str, Any]) -> dict[str, Any]:
        found = next(each["schema"] for each in content.values()) if content else {}
        return parts.get(str(found.get("$ref", "")).rpartition("/")[2], found)  # type: ignore[no-any-return]

    def fields(content: dict[str, Any]) -> list[dict[str, Any]]:
        found = shape(content)
        return [
            {
                "name": name,
                "required": name in found.get("required", ()),
                "kind": kind(facts),
                "words": facts.get("description", ""),
            }
            for name, facts in found.get("properties", {}).items()
        ]

    operations = [
        {
            "method": method.upper(),
            "path": path,
            "summary": facts.get("summary", ""),
            "words": facts.get("description", ""),
            "fields": fields(facts.get("requestBody", {}).get("content", {})),
            "answers": [
                {"status": status, "fields": fields(answer.get("content", {}))}
                for status, answer in facts["responses"].items()
                if "$ref" not in answer
            ],
        }
        for path, methods in schema["paths"].items()
        for method, facts in methods.items()
    ]
    codes = [(code, status, words) for code, (status, words) in CODES.items()]

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return render(request, "notices/api.html", {"operations": operations, "codes": codes})

    return view


def kind(facts: dict[str, Any]) -> str:
    """Of a field, in a word: "string", "integer or null"."""
    if choices := facts.get("anyOf"):
        return " or ".join(dict.fromkeys(kind(each) for each in choices))
    if allowed := facts.get("enum"):
        return " or ".join(f'"{each}"' for each in allowed)
    if "$ref" in facts:
        return "object"
    return str(facts.get("format") or facts.get("type", ""))
