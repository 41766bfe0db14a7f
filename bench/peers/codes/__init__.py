"""The tutorials' design of codes by SMS, and of a notice as a task for each user: Django, Celery,
Redis. Written from Celery's documentation: JSON, no results kept, no chatter among workers.
"""

from bench.peers.codes.celery import app

__all__ = ["app"]
