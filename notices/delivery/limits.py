"""Every time limit of the engine, in seconds, and the order that must hold between them.

A row whose lease is over is taken for one of a worker that died. So whatever a worker does to a row
that it has claimed or marked must be over, or be given up, before.
"""

from django.conf import settings

from notices.providers import smtp_client
from notices.providers.connection import CONNECT_SECONDS
from notices.providers.http import ANSWER_SECONDS

__all__ = [
    "CANCEL_SECONDS",
    "LEASE_SECONDS",
    "MAX_SECONDS",
    "MIN_SECONDS",
    "NEXT_PROVIDER_SECONDS",
    "PAUSE_SECONDS",
    "POLL_SECONDS",
    "SHORT_PAUSE_SECONDS",
    "SILENCE_SECONDS",
    "SINGLES_POLL_SECONDS",
    "SINGLES_SECONDS",
    "SINGLES_SLOW_SECONDS",
    "SLOW_SECONDS",
    "SWITCH_SECONDS",
    "UNTOLD_SECONDS",
]

# A row
LEASE_SECONDS = 30  # renewed by each mark, and by each step of a stream's cursor
SWITCH_SECONDS = 15  # after them no further provider is asked about one message

# A slice of a notice; see slices.Budget
MAX_SECONDS = 2  # when somebody can say whether something more urgent waits
UNTOLD_SECONDS = 0.5  # when nobody can
MIN_SECONDS = 0.05  # also when much waits: a notice gets on
CANCEL_SECONDS = 0.5  # that it then settles a notice which was cancelled; the sweep does the rest
POLL_SECONDS = 0.02  # between two looks whether something waits

# A job of single deliveries
SINGLES_SECONDS = 5  # that it takes further ones; their own bells ring for those after it
SINGLES_SLOW_SECONDS = 60  # while an answer takes so long that others need not wait for it
SLOW_SECONDS = 1  # how long that is
SINGLES_POLL_SECONDS = 0.05  # between two looks for further ones

# What is away
PAUSE_SECONDS = 10  # before a channel that cannot be reached is tried again
SHORT_PAUSE_SECONDS = 1  # the most that a worker sleeps itself: the scheduler's second is longer
NEXT_PROVIDER_SECONDS = 2  # before a notice that one provider put off goes to the next

# The sweep
SILENCE_SECONDS = 10  # how long nobody may have touched what should be going on

assert CONNECT_SECONDS + ANSWER_SECONDS < LEASE_SECONDS
# The answers to an envelope and to its text. Of a notice, whose cursor's lease is renewed
# meanwhile, the second may take minutes, but not as long as RQ lets a job take.
assert smtp_client.ENVELOPE_SECONDS + smtp_client.ANSWER_SECONDS < LEASE_SECONDS
assert smtp_client.LOOK_SECONDS < LEASE_SECONDS / 2
assert settings.SLICE_TIMEOUT - LEASE_SECONDS > smtp_client.PATIENT_SECONDS
# What email services may take (esp.py) is held to the lease by a test: their library is loaded only
# where it is used.
assert MIN_SECONDS < UNTOLD_SECONDS <= MAX_SECONDS < SINGLES_SECONDS < LEASE_SECONDS
