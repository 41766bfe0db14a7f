"""python -m local, which bin/up runs. Until there is something to stop, stopping is leaving: no
traceback out of a half-done import or step."""

import os
import signal
import sys

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: os._exit(0))

from local.up import main  # noqa: E402

sys.exit(main())
