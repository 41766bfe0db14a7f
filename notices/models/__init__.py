from notices.models.delivery import OPEN, SETTLED, Delivery, State, Try
from notices.models.notice import Channel, Notice

__all__ = ["OPEN", "SETTLED", "Channel", "Delivery", "Notice", "State", "Try"]
