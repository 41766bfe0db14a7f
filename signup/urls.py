from django.contrib.auth import views as auth
from django.urls import path

from signup import accounts, passkeys, picture_views, second_factor, views
from signup.account import by_code, links, mobile, page

urlpatterns = [
    path("", views.home, name="home"),
    path("signup/", views.signup, name="signup"),
    path("signup/code/", views.signup_code, name="signup_code"),
    path("signup/picture/", picture_views.picture, name="picture"),
    path("signup/picture/<str:picture_id>.png", picture_views.picture_image, name="picture_image"),
    path("signup/picture/<str:picture_id>.wav", picture_views.picture_sound, name="picture_sound"),
    path("signup/work/", picture_views.work, name="work"),
    path("signup/email/<str:token>/", links.confirm_email, name="confirm_email"),
    path("login/", by_code.sign_in, name="login"),
    path("login/code/", by_code.asks(by_code.SIGN_IN), name="login_code"),
    path("login/second/", second_factor.second_factor, name="second_factor"),
    path("login/passkeys/", passkeys.passkeys, name="passkeys"),
    path("logout/", accounts.SignOut.as_view(), name="logout"),
    path("password/", by_code.new_password, name="password_reset"),
    path("password/code/", by_code.asks(by_code.PASSWORD), name="password_code"),
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
    path("account/", page.my_account, name="account"),
    path("account/mobile/", mobile.mobile, name="account_mobile"),
    path("account/mobile/code/", mobile.mobile_code, name="account_mobile_code"),
    path("account/email/", page.email, name="account_email"),
    path("account/email/<str:token>/", links.new_email, name="account_new_email"),
    path("account/password/", page.password, name="account_password"),
    path("account/sessions/", page.end_sessions, name="account_sessions"),
    path("account/data.json", page.download, name="account_data"),
    path("account/delete/", page.delete_account, name="account_delete"),
    path("account/undo/<str:token>/", links.undo, name="account_undo"),
]
