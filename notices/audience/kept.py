"""Everything that is kept about a person."""

from typing import Any

from django.http import JsonResponse
from django.utils import timezone

from notices.audience import kinds, recipients
from notices.channels import EMAIL, SMS
from notices.models import Delivery, Suppression
from signup.models import ContactChange, Group, SignedIn, User, Verification

__all__ = ["as_file", "kept"]

# Of a user: all but the hash, and what is made from the name.
SECRET = {"password", "name_key"}
OF_DELIVERY = (
    "id", "message", "channel", "address", "name", "language", "state", "reason", "created_at",
    "changed_at", "notice_id", "notice__subject", "notice__text", "values", "written__subject",
    "written__text",
)  # fmt: skip
OF_SUPPRESSION = ("channel", "address", "kind", "note", "since", "lifted_at")


def kept(user: User) -> dict[str, Any]:
    """For JSON. What a notice said stands beside each message."""
    account = {
        field.name: field.value_from_object(user)
        for field in user._meta.concrete_fields
        if field.name not in SECRET
    }
    account["mobile"] = str(user.mobile or "")
    groups = Group.objects.filter(memberships__user=user)
    return {
        "account": account | {"groups": list(groups.values_list("name", flat=True))},
        "messages": [*Delivery.objects.filter(user=user).order_by("-id").values(*OF_DELIVERY)],
        "not_wanted": [
            row
            for channel, address in ((SMS, account["mobile"]), (EMAIL, user.email))
            if address
            for row in suppressed(channel, address)
        ],
        "left_kinds": list(
            kinds.of_person(user, [each for each in (account["mobile"], user.email) if each])
            .order_by("id")
            .values("kind__name", "address", "since")
        ),
        "codes_asked_for": codes(account["mobile"]),
        "changes": list(
            ContactChange.objects.filter(user=user).values(
                "field", "before", "made_at", "undone_at"
            )
        ),
        "sessions": list(SignedIn.objects.filter(user=user).values("browser", "since")),
    }


def suppressed(channel: str, address: str) -> list[dict[str, Any]]:
    rows = Suppression.objects.filter(channel=channel, address=recipients.canonical(address))
    return list(rows.order_by("id").values(*OF_SUPPRESSION))


def codes(mobile: str) -> list[Any]:
    rows = Verification.objects.filter(mobile=mobile) if mobile else Verification.objects.none()
    return list(rows.order_by("-id").values("purpose", "created_at", "used_at"))


def as_file(user: User) -> JsonResponse:
    """The same as a download."""
    response = JsonResponse(kept(user), json_dumps_params={"ensure_ascii": False, "indent": 2})
    name = f"bellhop-{timezone.now():%Y-%m-%d}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
