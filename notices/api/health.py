"""How every part is: the health page's words."""

from typing import Any, Literal

from ninja import Field, Router, Schema

from health import report
from notices.api.bearer import Asked, scope

__all__ = ["router"]

router = Router(tags=["health"])
Verdict = Literal["good", "warn", "bad"]


class PartOut(Schema):
    name: str
    verdict: Verdict
    words: str
    advice: str


class QueueOut(Schema):
    name: str
    workers: int
    waiting: int
    oldest: int | None = Field(description="Seconds that the oldest job has been waiting.")


class HealthOut(Schema):
    verdict: Verdict = Field(description="The worst of the parts.")
    parts: list[PartOut]
    queues: list[QueueOut]


@router.get("", response=HealthOut, summary="How every part is")
@scope("health:read")
def show(request: Asked) -> dict[str, Any]:
    """In the language that Accept-Language asks for. Without its database the API is 503."""
    made = report.make()
    found = {part.verdict for part in made.parts}
    worst = next(each for each in (report.BAD, report.WARN, report.GOOD) if each in found)
    names = ("name", "verdict", "words", "advice")
    parts = [{name: str(getattr(part, name)) for name in names} for part in made.parts]
    return {"verdict": worst, "parts": parts, "queues": list(map(vars, made.queues))}
