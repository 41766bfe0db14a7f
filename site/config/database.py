"""What the database raises when it cannot do something now, and could later: it is away, locked,
full, takes no writes, or has ended our session, transaction or statement. Whatever else it raises
is a bug of ours."""

from django.db import InternalError, OperationalError

__all__ = ["AWAY"]

# PostgreSQL's "read-only transaction" and "idle-in-transaction timeout" are internal errors.
AWAY = (OperationalError, InternalError)
