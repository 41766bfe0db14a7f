"""Why a request is not done: a status for the machine, sentences for the person."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

__all__ = [
    "Busy", "Invalid", "NotAllowed", "PlainHTTP", "Problem", "TooLarge", "TooMany", "Unavailable",
]  # fmt: skip


class Problem(Exception):  # noqa: N818
    """`errors`: field name -> sentences. `sentence`: the first of them, or the only one."""

    status = 400

    def __init__(self, sentence: str = "", errors: Mapping[str, list[str]] | None = None) -> None:
        self.errors = dict(errors or {})
        self.sentence = sentence or next(iter(self.errors.values()))[0]
        super().__init__(self.sentence)


class Invalid(Problem):
    """What was sent cannot be used; nothing was changed."""

    @classmethod
    def field(cls, name: str, sentence: str) -> "Invalid":
        return cls(errors={name: [sentence]})


class NotAllowed(Problem):
    """Who asks has not signed in, or not as somebody who may."""

    status = 403

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or _("Sign in as a member of staff first."))


class PlainHTTP(Problem):
    status = 403

    def __init__(self) -> None:
        super().__init__(_("Use https:// here. What comes in plain text is not read."))


class TooLarge(Problem):
    status = 413


class TooMany(Problem):
    """A limit was reached. `wait`: seconds after which one more is allowed."""

    status = 429

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__(_("That was too often. Try again in %s.") % in_words(wait))

    @classmethod
    def held(cls, wait: int) -> "TooMany":
        """It was not this person: others leave too many codes unused."""
        problem = cls(wait)
        words = _(
            "Many codes were asked for from your network or for numbers like yours and not used, so"
            " no more are sent for now. Try again in %s, or ask who runs this site."
        )
        problem.sentence = words % in_words(wait)
        return problem


class Busy(TooMany):
    """Nobody did anything too often, but many do at once."""

    status = 503

    def __init__(self) -> None:
        super().__init__(1)
        self.sentence = _("Many people are signing in at this moment. Try again in a second.")


class Unavailable(Problem):
    """Redis cannot be reached, so nothing that somebody waits for can be promised."""

    status = 503

    def __init__(self) -> None:
        super().__init__(_("Codes cannot be sent at this moment. Try again in a minute."))


def in_words(seconds: int) -> str:
    """ "45 seconds", "3 minutes", "2 hours": rounded up."""
    if seconds < 100:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    minutes = -(-seconds // 60)
    if minutes < 100:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    hours = -(-minutes // 60)
    return ngettext("%d hour", "%d hours", hours) % hours
