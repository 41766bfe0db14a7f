"""What a channel answers when a message did not simply go: the error carries the decision.

Only the channel understands its provider's reply, so it alone says never, later or unknown.
Anything else that escapes a channel is a bug and lands in RQ's list of failed jobs.
"""


class NotSent(Exception):  # noqa: N818  an answer, not an error of ours
    """Base of the three. `reason` is in plain words, for staff; it is kept on the delivery only,
    since a provider may repeat the address in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(NotSent):
    """Never: the provider will not carry this message, however often it is asked."""


class TryLater(NotSent):
    """Not now, and certainly not accepted. `after`: seconds the provider asked us to wait."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Unknown(NotSent):
    """The request left, no answer came back: it may have been accepted."""
