from django.http import HttpRequest


def outbox(request: HttpRequest) -> dict[str, bool]:
    """Settings name this only on a developer's machine: base.html then links to the outbox."""
    return {"OUTBOX": True}
