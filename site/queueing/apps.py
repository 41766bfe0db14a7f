from django.apps import AppConfig

from queueing import job  # noqa: F401  pickle is off before anything reads Redis


class QueueingConfig(AppConfig):
    name = "queueing"
