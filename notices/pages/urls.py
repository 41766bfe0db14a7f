from django.urls import path

from notices.pages import notices, planned, saving, schedules, starting, suppressions, writing

urlpatterns = [
    path("", notices.listing, name="notices"),
    path("new/", writing.new, name="notice_new"),
    path("new/draft/", saving.save, name="draft_save"),
    path("new/draft/delete/", saving.delete, name="draft_delete"),
    path("new/when/", planned.timing_words, name="timing_words"),
    path("suppressed/", suppressions.listing, name="suppressed"),
    path("suppressed/<int:pk>/", suppressions.lift, name="suppression_lift"),
    path("<int:pk>/", notices.detail, name="notice"),
    path("<int:pk>/edit/", writing.edit, name="notice_edit"),
    path("<int:pk>/hold/", starting.hold, name="notice_hold"),
    path("<int:pk>/go-on/", starting.go_on, name="notice_go_on"),
    path("<int:pk>/ask/", starting.ask, name="notice_ask"),
    path("<int:pk>/pause/", notices.pause, name="notice_pause"),
    path("<int:pk>/resume/", notices.resume, name="notice_resume"),
    path("<int:pk>/start/", notices.start, name="notice_start"),
    path("<int:pk>/progress/", notices.progress_part, name="notice_progress"),
    path("<int:pk>/cancel/", notices.cancel, name="notice_cancel"),
    path("<int:pk>/again/", notices.again, name="notice_again"),
    path("<int:pk>.json", notices.as_json, name="notice_json"),
    path("<int:pk>.csv", notices.as_csv, name="notice_csv"),
    path("schedules/", schedules.listing, name="schedules"),
    path("schedules/<int:pk>/", schedules.detail, name="schedule"),
    path("schedules/<int:pk>/edit/", writing.edit_schedule, name="schedule_edit"),
    path("schedules/<int:pk>/act/", schedules.act, name="schedule_act"),
]
