from datetime import datetime


def send_one(delivery_id: int) -> datetime | None: ...


def send_slice(notice_id: int, channel: str) -> datetime | None: ...
