from django.urls import path

from notices import suppressed, views

urlpatterns = [
    path("", views.listing, name="notices"),
    path("new/", views.new, name="notice_new"),
    path("suppressed/", suppressed.listing, name="suppressed"),
    path("suppressed/<int:pk>/", suppressed.lift, name="suppression_lift"),
    path("<int:pk>/", views.detail, name="notice"),
    path("<int:pk>/progress/", views.progress_part, name="notice_progress"),
    path("<int:pk>/cancel/", views.cancel, name="notice_cancel"),
    path("<int:pk>/again/", views.again, name="notice_again"),
    path("<int:pk>.json", views.as_json, name="notice_json"),
    path("<int:pk>.csv", views.as_csv, name="notice_csv"),
]
