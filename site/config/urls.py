from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from notices.pages.unsubscribe import unsubscribe
from notices.receipts import anymail, webhooks

urlpatterns = [
    path("", include("signup.urls")),
    path("notices/", include("notices.urls")),
    path("receipts/twilio/", webhooks.twilio),
    path("receipts/twilio/inbound/", webhooks.twilio_inbound),
    path("receipts/yuntongxun/<str:secret>/", webhooks.yuntongxun),
    path("receipts/webhook/", webhooks.webhook),
    path("anymail/<str:esp>/tracking/", anymail.tracking),
    path("u/<str:token>/", unsubscribe, name="unsubscribe"),
    path("", include("health.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
if apps.is_installed("local"):  # settings: on a developer's machine only
    urlpatterns.append(path("outbox/", include("local.urls")))
