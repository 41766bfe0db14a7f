"""One short request to an address that only wants to hear that we are there."""

from urllib.parse import urlsplit

from django.utils.translation import gettext_noop as _

from notices.providers.connection import Origin
from notices.providers.errors import NotSent
from notices.providers.exchange import Exchanges, Post

__all__ = ["ask"]

SECONDS = 3  # for the answer, after up to 3 to connect


def ask(url: str) -> str:
    """Why it did not take it; nothing when it did. Says nothing of the address, which is secret."""
    parts = urlsplit(url)
    post = Post(Origin.of(url), parts.path or "/", b"", {}, SECONDS, SECONDS, 64 * 1024)
    exchanges = Exchanges()
    try:
        exchanges.start(post, None)
        exchanges.gather(3 * SECONDS)
        found = exchanges.take()
    finally:
        exchanges.close()
    answer = found[0][1] if found else NotSent(_("The provider did not answer in time."))
    if isinstance(answer, Exception):
        return answer.reason if isinstance(answer, NotSent) else type(answer).__name__
    return "" if 200 <= answer.status < 300 else f"It answered {answer.status}."
