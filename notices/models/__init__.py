from notices.models.delivery import OPEN, SETTLED, Delivery, State, Try
from notices.models.feedback import DEAD, Receipt, Suppression
from notices.models.notice import Channel, Notice

__all__ = [
    "DEAD",
    "OPEN",
    "SETTLED",
    "Channel",
    "Delivery",
    "Notice",
    "Receipt",
    "State",
    "Suppression",
    "Try",
]
