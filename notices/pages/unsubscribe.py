"""The page on which people say which notices they want, and by which channels, without signing
in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from notices.audience import kinds, preferences
from notices.channels import CHANNELS
from notices.models import Delivery, Kind

__all__ = ["unsubscribe"]


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A mail program's one-click POST (RFC 8058) comes without cookies; people get a form. GET
    changes nothing, since mail programs and virus scanners open every link."""
    delivery = preferences.find(token)
    if delivery is None:
        return render(request, "notices/unsubscribe_unknown.html", status=404)
    if request.method == "POST" and request.POST.get("List-Unsubscribe") == "One-Click":
        leave(delivery)
        return HttpResponse(status=200)
    answer: HttpResponse = csrf_protect(choices)(request, delivery)
    return answer


def kind_of(delivery: Delivery) -> Kind | None:
    """The one that who comes by this delivery's link means to leave; None when that is a
    channel."""
    kind = kinds.of(delivery.notice) if delivery.notice else None
    return kind if kind and kind.can_be_left else None


def leave(delivery: Delivery) -> None:
    if kind := kind_of(delivery):
        kinds.leave(kind, delivery.user, preferences.addresses(delivery).values())
        return
    wanted = {name for name, is_on in preferences.channels(delivery).items() if is_on}
    preferences.choose(delivery, wanted - {delivery.channel})


def choices(request: HttpRequest, delivery: Delivery) -> HttpResponse:
    addresses = preferences.addresses(delivery).values()
    done = request.method == "POST"
    if done:
        preferences.choose(delivery, request.POST.getlist("channels"))
        kinds.choose(delivery.user, addresses, request.POST.getlist("left"))
    now, kind = preferences.channels(delivery), kind_of(delivery)
    gone = set(kinds.left_by(delivery.user, addresses))
    comes = now.get(delivery.channel) and kind not in gone and not done
    # Who comes by the link of an email means to leave its kind, or else its channel: one click on
    # Save does it.
    offered = {each: each in gone for each in kinds.offered()}
    if comes and kind:
        offered[kind] = True
    context = {
        "channels": [
            (CHANNELS[name], is_on and not (comes and not kind and name == delivery.channel))
            for name, is_on in now.items()
        ],
        "kinds": [(each, is_left) for each, is_left in offered.items() if each.can_be_left],
        "always": [each for each in offered if not each.can_be_left],
        "leaving": delivery.get_channel_display() if comes and not kind else "",
        "leaving_kind": kind if comes else None,
        "wanted": [CHANNELS[name].label for name, is_on in now.items() if is_on],
        "without": [str(each) for each, is_left in offered.items() if is_left],
        "stopped": preferences.stopped(delivery),
        "done": done,
    }
    return render(request, "notices/unsubscribe.html", context)
