from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from notices.api import v1
from notices.pages import finding, message
from notices.pages.unsubscribe import unsubscribe
from notices.receipts import anymail, webhooks
from signup.accounts import admin_sign_in
from web.language import set_language

urlpatterns = [
    path("", include("signup.urls")),
    path("notices/", include("notices.pages.urls")),
    path("", include("notices.pages.people_urls")),
    path("messages/<int:pk>/", message.detail, name="message"),
    path("search/", finding.everything, name="search"),
    path("api/v1/docs", v1.docs, name="api_docs"),
    path("api/v1/", v1.urls()),
    path("receipts/<str:name>/", webhooks.receive),
    path("receipts/<str:name>/<path:rest>", webhooks.receive),
    path("anymail/<str:esp>/tracking/", anymail.tracking),
    path("u/<str:token>/", unsubscribe, name="unsubscribe"),
    path("", include("health.urls")),
    path("language/setlang/", set_language, name="set_language"),
    path("admin/login/", admin_sign_in),
    # One door for passwords, too, with its limits: that of the account's own page.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account")),
    path("admin/", admin.site.urls),
]
if apps.is_installed("local"):  # settings: on a developer's machine only
    urlpatterns.append(path("outbox/", include("local.urls")))
