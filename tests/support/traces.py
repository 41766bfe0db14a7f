"""Where a text stands, anywhere in the database and in Redis."""

from django.contrib.sessions.models import Session
from django.db import connection


def traces(redis, *texts):
    """Table or key -> the texts that stand there, in whatever column, case or writing."""
    wanted = {text.lower() for text in texts}
    found = {}
    for place, content in [*tables(), *keys(redis)]:
        if here := {text for text in wanted if text in content}:
            found.setdefault(place, set()).update(here)
    return found


def tables():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                cells = (
                    bytes(cell).decode(errors="replace")
                    if isinstance(cell, bytes | memoryview)
                    else str(cell).encode().decode("unicode_escape", errors="replace")
                    if "\\u" in str(cell)
                    else str(cell)
                    for cell in row
                )
                yield table, "\n".join(cells).lower()
    for session in Session.objects.all():
        yield "session", str(session.get_decoded()).lower()


def keys(redis):
    for name in redis.scan_iter():
        kind = redis.type(name)
        read = {
            b"string": redis.get, b"hash": redis.hgetall, b"set": redis.smembers,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"zset": lambda key: redis.zrange(key, 0, -1),
        }[kind]  # fmt: skip
        yield f"redis {kind.decode()}", f"{name} {read(name)}".lower()
