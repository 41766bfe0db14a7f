from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from notices import esp_receipts, receipts
from notices.unsubscribe import unsubscribe

urlpatterns = [
    path("", include("signup.urls")),
    path("notices/", include("notices.urls")),
    path("receipts/twilio/", receipts.twilio),
    path("receipts/twilio/inbound/", receipts.twilio_inbound),
    path("receipts/yuntongxun/<str:secret>/", receipts.yuntongxun),
    path("receipts/webhook/", receipts.webhook),
    path("anymail/<str:esp>/tracking/", esp_receipts.tracking),
    path("u/<str:token>/", unsubscribe, name="unsubscribe"),
    path("", include("health.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
if apps.is_installed("local"):  # settings: on a developer's machine only
    urlpatterns.append(path("outbox/", include("local.urls")))
