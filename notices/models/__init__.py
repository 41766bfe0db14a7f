from notices.models.delivery import OPEN, SETTLED, Delivery, State, Try
from notices.models.notice import WRITTEN, Channel, Notice
from notices.models.schedules import Occurrence, Schedule

__all__ = [
    "OPEN",
    "SETTLED",
    "WRITTEN",
    "Channel",
    "Delivery",
    "Notice",
    "Occurrence",
    "Schedule",
    "State",
    "Try",
]
