"""Several lines to the providers of a channel: connections on which messages go side by side.

While one message waits for its answer, others leave on other lines. Each line waits in a thread of
its own, which does nothing else: the database and Redis are the business of whoever uses the lines.
"""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from notices.content.messages import Wording
from notices.models import Delivery
from notices.providers.base import Closing, Provider
from notices.providers.router import Route

# Seconds after which nobody waits for a line any more: longer than a provider may take over one
# message, shorter than a lease.
PATIENCE = 20
MANY = 8  # calls under way
GATHERED = 0.03  # seconds in which further answers are waited for, when there are many
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Call:
    """One message on one line. `passed`: names of the providers that would not take it now."""

    route: Route
    carrier: Provider
    delivery: Delivery
    wording: Wording
    passed: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)


class Lines(Closing):
    """Made as they are needed, at most as many as the channel's providers allow, and not more than
    `most`. A route that was taken is started or freed; it is its taker's again when the answer
    came.

    Leaving it closes what is idle and waits for nobody: a thread whose provider never answers ends
    with the process."""

    def __init__(self, channel: str, most: int | None = None) -> None:
        self.channel = channel
        self.first = Route(channel)
        self.idle = [self.first]
        allowed = min(carrier.lines for carrier in self.first.providers)
        self.most = min(allowed, most or allowed)
        self.threads = ThreadPoolExecutor(self.most, thread_name_prefix="line")
        self.calls: dict[Future[str], tuple[Call, float]] = {}  # under way, and since when

    @property
    def room(self) -> int:
        return self.most - len(self.calls)

    @property
    def waits(self) -> float:
        """Seconds that the slowest of the answers has been waited for."""
        now = time.monotonic()
        return now - min((since for _, since in self.calls.values()), default=now)

    def take(self) -> Route:
        return self.idle.pop() if self.idle else Route(self.channel)

    def free(self, route: Route) -> None:
        self.idle.append(route)

    def start(self, call: Call) -> None:
        future = self.threads.submit(call.carrier.send, call.delivery, call.wording)
        self.calls[future] = call, time.monotonic()

    def answers(self, seconds: float = PATIENCE) -> list[tuple[Call, str | BaseException]]:
        """Waits up to `seconds` for an answer: those that came, each a provider's number or what
        `send` raised. A line without an answer for longer than PATIENCE is given up."""
        if not self.calls:
            return []
        patience = max(0, min(seconds, PATIENCE - self.waits))
        done, others = wait(self.calls, patience, FIRST_COMPLETED)
        if done and len(others) >= MANY:  # what is done for one then is done for several
            done, _others = wait(self.calls, GATHERED)
        found = [(self.calls.pop(future)[0], answer(future)) for future in done]
        for future, (call, since) in list(self.calls.items()):
            if time.monotonic() - since > PATIENCE:
                log.warning("%s has not answered for %d seconds.", call.carrier.name, PATIENCE)
                del self.calls[future]
                self.most -= 1
        return found

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        for route in self.idle:
            route.close()


def answer(future: "Future[str]") -> str | BaseException:
    return future.exception() or future.result()
