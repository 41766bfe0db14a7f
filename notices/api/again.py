"""Some of a notice, sent again; and the text of a paused one, corrected."""

from typing import Any, Literal

from django.utils.translation import gettext as _
from ninja import Field, Router, Schema

from config import clock
from notices.api.bearer import Asked, scope
from notices.api.notices import NoticeOut, demand_for, facts, found
from notices.api.once import once
from notices.api.problems import Refused
from notices.delivery import again, corrections
from notices.models import RESENDABLE
from notices.pages.again import CHOSEN, refusal
from notices.pages.correcting import MOVING, NOT_NOW, CorrectionForm
from web.problems import Invalid

__all__ = ["router"]

router = Router(tags=["notices"])


class AgainIn(Schema):
    model_config = {"extra": "forbid"}
    states: list[Literal[tuple(RESENDABLE)]] = Field([], max_length=10)  # type: ignore[valid-type]
    deliveries: list[int] = Field([], max_length=CHOSEN, description="Numbers of deliveries.")
    twice: bool = Field(False, description="It is known that some people may get it twice.")


@router.post("/{int:number}/again", response=NoticeOut, summary="Send some of it again")
@scope("notices:send", tests=False)
@once(atomic=False)
def send_again(request: Asked, number: int, body: AgainIn) -> tuple[int, dict[str, Any]]:
    """What is in one of the `states`, and the `deliveries`. Those that were sent, delivered or are
    uncertain are refused without `twice`."""
    notice = found(number)
    demand_for(request.auth, notice.audience)
    if not (body.states or body.deliveries):
        raise Invalid(_("Choose what goes again."))
    wanted = again.Wanted(states=body.states, deliveries=body.deliveries, until=clock.now())
    try:
        again.send(notice, request.auth.author, wanted, twice=body.twice)
    except again.Closed:
        sentence = _("Nothing of this notice goes out any more.")
        raise Refused("not_now", sentence) from None
    except again.Twice as problem:
        raise refusal(problem) from None
    notice.refresh_from_db()
    return 200, facts(notice)


class CorrectionIn(Schema):
    model_config = {"extra": "forbid"}
    subject: str = ""
    text: str = ""


@router.post("/{int:number}/correct", response=NoticeOut, summary="Correct a paused notice")
@scope("notices:send", tests=False)
@once(atomic=False)
def correct(request: Asked, number: int, body: CorrectionIn) -> tuple[int, dict[str, Any]]:
    """Whoever has not got it gets this text when it goes on. What is left out stays as it is."""
    notice = found(number)
    demand_for(request.auth, notice.audience)
    given = corrections.snapshot(notice) | body.model_dump(exclude_unset=True)
    form = CorrectionForm(given, instance=found(number))
    if not form.is_valid():
        raise Invalid(errors={name: list(map(str, each)) for name, each in form.errors.items()})
    try:
        corrections.correct(number, request.auth.author, notice.version, form.cleaned_data)
    except corrections.NotNow:
        raise Refused("not_now", str(NOT_NOW)) from None
    except corrections.Moving:
        raise Refused("not_now", str(MOVING)) from None
    return 200, facts(found(number))
