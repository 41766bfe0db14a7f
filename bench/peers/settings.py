"""The project of the peers. What differs from turn to turn is in the environment, as with Bellhop,
and so is the database's way of working."""

import os

import environ

env = environ.Env()
SECRET_KEY = "only-for-benchmarks"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "bench.peers",
    "django_rq",
    "post_office",
]
AUTH_USER_MODEL = "peers.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}

# Kept open from task to task, which Celery's pages advise and Bellhop's slices need not.
database = env.db_url("DATABASE_URL") | {"CONN_MAX_AGE": 60}
if database["ENGINE"] == "django.db.backends.sqlite3":
    database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DATABASES = {"default": database}

DEFAULT_FROM_EMAIL = "Bellhop <bellhop@example.com>"
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("EMAIL_PORT", "25"))
ANYMAIL = {
    "MAILGUN_API_KEY": "key-for-benchmarks",
    "MAILGUN_API_URL": os.environ.get("MAILGUN_API_URL", ""),
}

# https://docs.celeryq.dev/en/stable/userguide/optimizing.html and its task pages: results are not
# kept when nobody reads them, by default, and ids travel as JSON.
CELERY_BROKER_URL = os.environ.get("REDIS_URL", "")
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_SEND_TASK_EVENTS = False

RQ_QUEUES = {"default": {"URL": os.environ.get("REDIS_URL", "")}}

POST_OFFICE = {
    "BATCH_SIZE": int(os.environ.get("POST_OFFICE_BATCH", "1000")),
    "THREADS_PER_PROCESS": int(os.environ.get("POST_OFFICE_THREADS", "2")),
    "LOG_LEVEL": 1,  # failures only
}
