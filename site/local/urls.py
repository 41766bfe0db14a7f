from django.urls import path

from local import views

urlpatterns = [
    path("", views.outbox, name="outbox"),
    path("email/<str:name>", views.email_html, name="outbox_email"),
]
