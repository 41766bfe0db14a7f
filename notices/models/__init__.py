from notices.models.delivery import OPEN, SETTLED, Delivery, Slice, State, Try
from notices.models.feedback import DEAD, Receipt, Suppression
from notices.models.notice import UNFINISHED, WRITTEN, Notice
from notices.models.schedule import Occurrence, Schedule

__all__ = [
    "DEAD",
    "OPEN",
    "SETTLED",
    "UNFINISHED",
    "WRITTEN",
    "Delivery",
    "Notice",
    "Occurrence",
    "Receipt",
    "Schedule",
    "Slice",
    "State",
    "Suppression",
    "Try",
]
