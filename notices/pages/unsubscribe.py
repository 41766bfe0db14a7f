"""The page on which people say by which channels they want notices, without signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from notices.audience import preferences
from notices.channels import CHANNELS
from notices.models import Delivery

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
        wanted = {name for name, is_on in preferences.channels(delivery).items() if is_on}
        preferences.choose(delivery, wanted - {delivery.channel})
        return HttpResponse(status=200)
    answer: HttpResponse = csrf_protect(choices)(request, delivery)
    return answer


def choices(request: HttpRequest, delivery: Delivery) -> HttpResponse:
    done = request.method == "POST"
    if done:
        preferences.choose(delivery, request.POST.getlist("channels"))
    now = preferences.channels(delivery)
    context = {
        # Who comes by the link of an email means to leave that channel: one click on Save does it.
        "channels": [
            (CHANNELS[name], is_on and (done or name != delivery.channel))
            for name, is_on in now.items()
        ],
        "leaving": "" if done or not now.get(delivery.channel) else delivery.get_channel_display(),
        "wanted": [CHANNELS[name].label for name, is_on in now.items() if is_on],
        "stopped": preferences.stopped(delivery),
        "done": done,
    }
    return render(request, "notices/unsubscribe.html", context)
