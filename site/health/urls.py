from django.urls import path

from health import views

urlpatterns = [
    path("health/", views.health, name="health"),
    path("health/restored/", views.restored, name="restored"),
    path("health/codes/", views.codes, name="codes"),
    path("health/alerts/", views.test_alert, name="test_alert"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
