import json
import secrets

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from bench.peers import tasks
from bench.peers.models import Code


@csrf_exempt
def signup_code(request: HttpRequest) -> JsonResponse:
    mobile = json.loads(request.body)["mobile"]
    if not cache.add(f"sent:{mobile}", 1, timeout=60):
        return JsonResponse({"code": 429, "errmsg": "One a minute."}, status=429)
    with transaction.atomic():
        code = Code.objects.create(mobile=mobile, salt=secrets.token_hex(16))
        tasks.code.delay_on_commit(code.pk)
    return JsonResponse({"code": 0, "errmsg": "ok"})


urlpatterns = [path("signup/code/", signup_code)]
