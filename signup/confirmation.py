"""The links in emails and SMS that need no signing in. Each names the delivery that holds it, so
that no address stands in a URL."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import salted_hmac

from signup.models import User

LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class Link:
    """One for another purpose is none."""

    salt: str
    lifetime: timedelta

    def token(self, delivery_id: int) -> str:
        return TimestampSigner(salt=self.salt, sep=".").sign(str(delivery_id))

    def read(self, token: str) -> int:
        """The delivery's id; 0 for a link that we did not make or that is too old."""
        signer = TimestampSigner(salt=self.salt, sep=".")
        try:
            return int(signer.unsign(token, max_age=self.lifetime))
        except (BadSignature, ValueError):
            return 0


WELCOME = Link("signup.confirmation", LIFETIME)  # an address becomes that of a new account
UNDO = Link("signup.undo", timedelta(hours=72))  # takes a change of number or address back


def new_email(user: User) -> Link:
    """An address becomes that of an account which had another: as long as nothing else has changed
    by which one gets in, or whoever was thrown out could come back by an old link."""
    state = f"{user.pk}:{user.email}:{user.mobile}:{user.password}"
    return Link(f"signup.new_email.{salted_hmac('signup.new_email', state).hexdigest()}", LIFETIME)
