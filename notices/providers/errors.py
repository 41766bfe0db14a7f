"""What a provider answers when a message did not simply go: the error carries the decision.

Only its own file understands a provider's reply, and says never, later or unknown. Anything else
that escapes it is a bug and lands in RQ's list of failed jobs.
"""

__all__ = ["Away", "NotSent", "Refused", "TryLater", "Unknown"]


class NotSent(Exception):  # noqa: N818  an answer, not an error of ours
    """Base of all. `reason` is in plain words, for staff, with the provider's own `code` behind;
    it is kept on the delivery only, since a provider may repeat the address in it. `request_id`:
    the id under which this provider is to be asked again, kept as the delivery's provider_ref."""

    def __init__(self, reason: str, *, code: str | int = "", request_id: str = "") -> None:
        self.reason = f"{reason.removesuffix('.')} ({code})." if code else reason
        self.code, self.request_id = str(code), request_id
        super().__init__(self.reason)


class Refused(NotSent):
    """Never: the provider will not carry this message, however often it is asked. `suppress`
    says what it told about the address itself: "dead", "opted_out", or nothing."""

    def __init__(self, reason: str, *, code: str | int = "", suppress: str = "") -> None:
        super().__init__(reason, code=code)
        self.suppress = suppress


class TryLater(NotSent):
    """Not now, and certainly not accepted. `after`: seconds the provider asked us to wait."""

    def __init__(
        self, reason: str, after: float | None = None, *, code: str | int = "", request_id: str = ""
    ) -> None:
        super().__init__(reason, code=code, request_id=request_id)
        self.after = after


class Away(TryLater):
    """Not now, and whatever the message is: the provider cannot be reached, or a person must fix
    our account with it. It costs the message no try."""


class Unknown(NotSent):
    """The request left, no answer came back: it may have been accepted."""
