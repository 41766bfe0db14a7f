from notices.models.approval import Approval
from notices.models.audience import SavedAudience
from notices.models.brake import Brake
from notices.models.delivery import (
    OPEN,
    RESENDABLE,
    SETTLED,
    Delivery,
    FailedAttempt,
    State,
    StreamCursor,
)
from notices.models.erasure import Erasure
from notices.models.high_water import HighWater
from notices.models.kind import Kind, Leaving
from notices.models.message import CodeRequest, Message, Request
from notices.models.notice import (
    CONTENT_FIELDS,
    LONG_FIELDS,
    NOT_STARTED,
    TEXT_FIELDS,
    UNDER_WAY,
    UNFINISHED,
    UNPREPARED,
    Content,
    Notice,
)
from notices.models.period import Period
from notices.models.receipt import Receipt
from notices.models.schedule import Occurrence, Schedule
from notices.models.suppression import DEAD, Suppression
from notices.models.token import Token
from notices.models.version import Version

__all__ = [
    "CONTENT_FIELDS",
    "DEAD",
    "LONG_FIELDS",
    "NOT_STARTED",
    "OPEN",
    "RESENDABLE",
    "SETTLED",
    "TEXT_FIELDS",
    "UNDER_WAY",
    "UNFINISHED",
    "UNPREPARED",
    "Approval",
    "Brake",
    "CodeRequest",
    "Content",
    "Delivery",
    "Erasure",
    "FailedAttempt",
    "HighWater",
    "Kind",
    "Leaving",
    "Message",
    "Notice",
    "Occurrence",
    "Period",
    "Receipt",
    "Request",
    "SavedAudience",
    "Schedule",
    "State",
    "StreamCursor",
    "Suppression",
    "Token",
    "Version",
]
