from django.apps import AppConfig

from config import rq  # noqa: F401  pickle is off before anything reads Redis


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        __import__("config.checks")  # registers them
