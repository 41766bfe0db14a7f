"""Picture codes over HTTP: an id with two addresses, the drawing and the sound. And the work that a
browser may do in their place."""

from collections.abc import Callable

from django.conf import settings
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from signup import drawing, fence, pictures, rates, speaking
from web import answers
from web.problems import TooMany


def picture_urls(picture_id: str) -> dict[str, str]:
    return {
        "image_code_id": picture_id,
        "image": reverse("picture_image", args=[picture_id]),
        "audio": reverse("picture_sound", args=[picture_id]),
    }


@never_cache
@require_safe
def picture(request: HttpRequest) -> HttpResponse:
    """A new picture code, for front ends."""
    return JsonResponse(picture_urls(pictures.new()))


@never_cache
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """What a browser may do in place of a picture code, unless that is the only way."""
    if settings.SIGNUP_FENCE == "picture":
        raise Http404
    try:
        rates.spend_anyway(rates.Limit("work", rates.WORK, rates.origin(request)))
    except TooMany as problem:
        return answers.refusal(problem)
    return JsonResponse(fence.new_work())


@require_safe
def picture_image(request: HttpRequest, picture_id: str) -> HttpResponse:
    limit = rates.Limit("picture", rates.PICTURE, rates.origin(request))
    return drawn(limit, drawing.image, picture_id, "image/png")


@require_safe
def picture_sound(request: HttpRequest, picture_id: str) -> HttpResponse:
    limit = rates.Limit("sound", rates.SOUND, rates.origin(request))
    return drawn(limit, spoken, picture_id, "audio/wav")


def spoken(picture_id: str) -> bytes:
    with rates.a_sound():
        return speaking.sound(picture_id)


def drawn(
    limit: rates.Limit, draw: Callable[[str], bytes], picture_id: str, content_type: str
) -> HttpResponse:
    try:
        rates.spend_anyway(limit)
        response = HttpResponse(draw(picture_id), content_type=content_type)
    except TooMany as problem:
        return answers.with_wait(HttpResponse(status=problem.status), problem)
    except BadSignature:
        raise Http404 from None
    # The same bytes as long as the id lives: a browser need not ask twice, nobody else may keep it.
    patch_cache_control(response, private=True, max_age=pictures.LIFETIME)
    return response
