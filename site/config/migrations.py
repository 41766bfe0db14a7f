"""Whether the database is behind the code: a worker may start before it was migrated."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

__all__ = ["wait"]


def wait() -> bool:
    """Whether there are some that it lacks."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
