"""The project of the peers. What differs from turn to turn is in the environment, as with Bellhop,
and so is the database's way of working."""

import os
from typing import Any

import environ

env = environ.Env()
SECRET_KEY = "only-for-benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.peers.views"
# APPS: those of the peer whose turn it is, lest it bear the weight of the others.
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "bench.peers",
    *env.list("APPS", default=[]),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
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

database: dict[str, Any] = env.db_url("DATABASE_URL") | {"CONN_MAX_AGE": 60}
CONNECTIONS = env.int("CONNECTIONS", 0)  # in the pool of a process
if database["ENGINE"] == "django.db.backends.sqlite3":
    database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif CONNECTIONS:  # many threads or greenlets in one process share them
    database["CONN_MAX_AGE"] = 0
    database["OPTIONS"] = {"pool": {"min_size": CONNECTIONS, "max_size": CONNECTIONS}}
POOLED = "pool" in database.get("OPTIONS", {})
DATABASES = {"default": database}
REDIS_URL = env.str("REDIS_URL", "")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

DEFAULT_FROM_EMAIL = "Bellhop <bellhop@example.com>"
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", env.int("EMAIL_PORT", 25)
SMS_GATEWAY = env.str("SMS_GATEWAY", "")
ANYMAIL = {
    "MAILGUN_API_KEY": "key-for-benchmarks",
    "MAILGUN_API_URL": os.environ.get("MAILGUN_API_URL", ""),
}

# https://docs.celeryq.dev/en/stable/userguide/tasks.html: results are not kept when nobody reads
# them. JSON is the default, and so is that nobody is told about tasks.
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
# Celery closes the database after each task, whatever CONN_MAX_AGE says, unless this is set.
CELERY_DB_REUSE_MAX = None if POOLED else 1_000_000_000
# Its advice where some tasks must not wait for others: a queue of their own.
if env.bool("OWN_QUEUE", False):
    CELERY_TASK_ROUTES = {"code": {"queue": "codes"}}

RQ_QUEUES = {"default": {"URL": REDIS_URL}}

POST_OFFICE = {"BATCH_SIZE": 1000, "THREADS_PER_PROCESS": 2, "LOG_LEVEL": 1}  # failures only
