from typing import Any

import environ

env = environ.Env()
SECRET_KEY = "only-for-benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.peers.codes.views"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "bench.peers.codes"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

database: dict[str, Any] = env.db_url("DATABASE_URL")
if database["ENGINE"] == "django.db.backends.sqlite3":
    database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif connections := env.int("CONNECTIONS", 0):
    # Celery closes a connection after each task; where threads or greenlets share a process,
    # Django's pool keeps them open.
    database["OPTIONS"] = {"pool": {"min_size": connections, "max_size": connections}}
POOLED = "pool" in database.get("OPTIONS", {})
DATABASES = {"default": database}
REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", env.int("EMAIL_PORT", 25)
SMS_PORT = env.int("SMS_PORT", 0)

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery's own advice where some tasks must not wait for others: a queue of their own.
if env.bool("OWN_QUEUE", False):
    CELERY_TASK_ROUTES = {"bench.peers.codes.tasks.send_code": {"queue": "codes"}}
# Prefork: one connection for as long as a child lives, as CONN_MAX_AGE would for requests.
CELERY_DB_REUSE_MAX = env.int("DB_REUSE_MAX", 0) or None
