"""The page's fields for a rule, and the rule that they say, both ways."""

from collections.abc import Mapping
from typing import Any

FREQUENCIES = {"minutes": "MINUTELY", "hours": "HOURLY", "days": "DAILY", "weeks": "WEEKLY"}


def rule_of(given: Mapping[str, Any]) -> str:
    """What the fields say, as a rule."""
    every = given["every"] or "days"
    if every == "rule":
        return str(given["rule"])
    if every == "month":
        return f"FREQ=MONTHLY;BYMONTHDAY={given['month_day'] or 1}"
    rule = f"FREQ={FREQUENCIES[every]};INTERVAL={given['number'] or 1}"
    return rule + (f";BYDAY={','.join(given['weekdays'])}" if given["weekdays"] else "")


def fields_of_rule(rule: str) -> dict[str, Any]:
    parts = dict(part.split("=", 1) for part in rule.split(";")) if "=" in rule else {}
    every = {frequency: name for name, frequency in FREQUENCIES.items()}.get(parts.get("FREQ", ""))
    simple = {
        "number": parts.get("INTERVAL", "1"),
        "weekdays": [day for day in parts.get("BYDAY", "").split(",") if day],
        "month_day": parts.get("BYMONTHDAY", ""),
    }
    for name in (every or "days", "month"):
        fields = {"every": name, **simple}
        if rule_of(fields) == rule:
            return fields
    return {"every": "rule", "rule": rule}
