"""The web process. gunicorn itself reads WEB_CONCURRENCY and FORWARDED_ALLOW_IPS."""

import os
import socket

host = "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  the router comes from outside
bind = f"{host}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
threads = 8
keepalive = 95  # longer than the router's own 90 s, so that it is never we who hang up first
graceful_timeout = 20  # Heroku kills 30 s after it asks
control_socket_disable = True  # nobody talks to it, and its place may not be writable
accesslog = None  # who asked for what is nobody's business; the router logs the paths
