"""What this process is, where it is a worker or its work-horse."""

from collections.abc import Collection

__all__ = ["is_stopping", "served", "stopping"]

served: Collection[str] = ()  # the queues that its worker serves
stopping = False  # its worker was asked to stop: what is in hand is ended soon


def is_stopping() -> bool:
    return stopping
