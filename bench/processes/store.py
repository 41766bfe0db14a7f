"""Bellhop's web process with one more page: gunicorn bench.processes.store.

POST /store/HOW/ stores a delivery, commits, and rings by HOW: not at all, as Bellhop does, or as
people do with Celery or plain RQ.
"""

from functools import partial

import django

django.setup()

from celery import Celery  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from redis import Redis  # noqa: E402
from rq import Queue  # noqa: E402

import jobs  # noqa: E402
from bench.guests import guest  # noqa: E402
from config import urls  # noqa: E402
from notices.channels import SMS  # noqa: E402
from notices.models import Delivery  # noqa: E402

celery = Celery("store", broker=settings.REDIS_URL)
celery.conf.task_ignore_result = True
queue = Queue("plain", connection=Redis.from_url(settings.REDIS_URL))


@celery.task(name="send")  # type: ignore[untyped-decorator]
def send(pk: int) -> None:
    """Nobody runs it."""


def ring(how: str, pk: int) -> None:
    match how:
        case "bellhop":
            jobs.now(jobs.send_code, pk)
        case "celery":
            transaction.on_commit(partial(send.delay, pk))
        case "rq":
            transaction.on_commit(partial(queue.enqueue, "bench.processes.store.send", pk))


@csrf_exempt
def store(request: HttpRequest, how: str) -> JsonResponse:
    with transaction.atomic():
        delivery = Delivery.objects.create(message="code", channel=SMS, address=guest(0).mobile)
        ring(how, delivery.pk)
    return JsonResponse({"code": 0, "errmsg": "ok"})


urlpatterns = [*urls.urlpatterns, path("store/<str:how>/", store)]
settings.ROOT_URLCONF = "bench.processes.store"
application = get_wsgi_application()
