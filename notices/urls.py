from django.urls import path

from notices import schedule_views, suppressed, views, writing_views

urlpatterns = [
    path("", views.listing, name="notices"),
    path("new/", writing_views.new, name="notice_new"),
    path("new/when/", writing_views.timing_words, name="timing_words"),
    path("suppressed/", suppressed.listing, name="suppressed"),
    path("suppressed/<int:pk>/", suppressed.lift, name="suppression_lift"),
    path("<int:pk>/", views.detail, name="notice"),
    path("<int:pk>/edit/", writing_views.edit, name="notice_edit"),
    path("<int:pk>/start/", views.start, name="notice_start"),
    path("<int:pk>/progress/", views.progress_part, name="notice_progress"),
    path("<int:pk>/cancel/", views.cancel, name="notice_cancel"),
    path("<int:pk>/again/", views.again, name="notice_again"),
    path("<int:pk>.json", views.as_json, name="notice_json"),
    path("<int:pk>.csv", views.as_csv, name="notice_csv"),
    path("schedules/", schedule_views.listing, name="schedules"),
    path("schedules/<int:pk>/", schedule_views.detail, name="schedule"),
    path("schedules/<int:pk>/edit/", writing_views.edit_schedule, name="schedule_edit"),
    path("schedules/<int:pk>/act/", schedule_views.act, name="schedule_act"),
]
