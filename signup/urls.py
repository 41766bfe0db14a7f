from django.contrib.auth import views as auth
from django.urls import path

from signup import accounts, picture_views, second_factor, views

urlpatterns = [
    path("", views.home, name="home"),
    path("signup/", views.signup, name="signup"),
    path("signup/code/", views.signup_code, name="signup_code"),
    path("signup/picture/", picture_views.picture, name="picture"),
    path("signup/picture/<str:picture_id>.png", picture_views.picture_image, name="picture_image"),
    path("signup/picture/<str:picture_id>.wav", picture_views.picture_sound, name="picture_sound"),
    path("signup/work/", picture_views.work, name="work"),
    path("signup/email/<str:token>/", views.confirm_email, name="confirm_email"),
    path("login/", accounts.SignIn.as_view(), name="login"),
    path("login/second/", second_factor.second_factor, name="second_factor"),
    path("logout/", accounts.SignOut.as_view(), name="logout"),
    path("password/", accounts.Reset.as_view(), name="password_reset"),
    path("password/sent/", auth.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "password/<uidb64>/<token>/",
        accounts.NewPassword.as_view(),
        name="password_reset_confirm",
    ),
    path(
        "password/changed/",
        auth.PasswordResetCompleteView.as_view(),
        name="password_reset_complete",
    ),
]
