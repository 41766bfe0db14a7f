"""How a message leaves: one provider, one class, one file, one verb."""

from notices.channels.route import Route, providers

__all__ = ["Route", "providers"]
