from notices.models.approval import Approval
from notices.models.audience import SavedAudience
from notices.models.delivery import OPEN, SETTLED, Delivery, FailedAttempt, State, StreamCursor
from notices.models.high_water import HighWater
from notices.models.message import Message, Request
from notices.models.notice import (
    CONTENT_FIELDS,
    NOT_STARTED,
    UNDER_WAY,
    UNFINISHED,
    Content,
    Notice,
)
from notices.models.receipt import Receipt
from notices.models.schedule import Occurrence, Schedule
from notices.models.suppression import DEAD, Suppression
from notices.models.token import Token

__all__ = [
    "CONTENT_FIELDS",
    "DEAD",
    "NOT_STARTED",
    "OPEN",
    "SETTLED",
    "UNDER_WAY",
    "UNFINISHED",
    "Approval",
    "Content",
    "Delivery",
    "FailedAttempt",
    "HighWater",
    "Message",
    "Notice",
    "Occurrence",
    "Receipt",
    "Request",
    "SavedAudience",
    "Schedule",
    "State",
    "StreamCursor",
    "Suppression",
    "Token",
]
