from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    name = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        from notices.audience import kinds

        __import__("notices.checks")  # registers them
        __import__("notices.audience.suppression")  # listens to signals
        post_migrate.connect(kinds.ensure, sender=self)
