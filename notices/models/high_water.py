"""How far this database has come."""

from django.db import models


class HighWater(models.Model):
    """One row, the high-water mark: the moment of the last work that this database knows of.
    Redis, and beside SQLite a file, hold the same moment and outlive a restore
    (delivery/high_water.py). The rest tells staff what was found when one was noticed."""

    at = models.DateTimeField()
    found_at = models.DateTimeField(null=True)  # when what was unfinished was last held
    database_at = models.DateTimeField(null=True)  # how far the database had come by then; null: ?
    known_at = models.DateTimeField(null=True)  # and the mark outside of it; null: there was none

    def __str__(self) -> str:
        return f"high-water mark {self.at}"
