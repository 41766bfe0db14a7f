from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SignupConfig(AppConfig):
    name = "signup"
    verbose_name = _("Sign-up")

    def ready(self) -> None:
        __import__("signup.security")  # listens to signals
