"""The web process. gunicorn itself reads WEB_CONCURRENCY and FORWARDED_ALLOW_IPS."""

import os
import socket
from typing import Any

host = "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  the router comes from outside
bind = f"{host}:{os.environ.get('PORT', '8000')}"
worker_class = "web.server.Worker"  # threads that nobody holds by being slow
threads = 8
worker_connections = 500  # a process; when there are more, the one that has waited longest goes
sendfile = False  # an answer that is not taken has a deadline, which the kernel's sendfile has not
keepalive = 95  # longer than the router's own 90 s, so that it is never we who hang up first
graceful_timeout = 20  # Heroku kills 30 s after it asks
control_socket_disable = True  # nobody talks to it, and its place may not be writable
accesslog = None  # who asked for what is nobody's business; the router logs the paths


def on_starting(server: Any) -> None:
    """Refuses to show a machine's own settings to the network: with DEBUG=1 error pages tell all
    and /outbox/ shows everybody's codes, with PICTURE_CODE_FIXED nothing holds up a machine."""
    from config import addresses, settings

    name = "DEBUG=1" if settings.DEBUG else "PICTURE_CODE_FIXED"
    hosts = [each[0] for each in server.cfg.address if isinstance(each, tuple)]
    if (settings.DEBUG or settings.PICTURE_CODE_FIXED) and any(map(addresses.is_elsewhere, hosts)):
        raise RuntimeError(
            f"{name} is for this machine alone, and others could reach this address. Unset it, or "
            "listen on 127.0.0.1 only: --bind 127.0.0.1:8000."
        )
