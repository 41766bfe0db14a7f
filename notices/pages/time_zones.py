"""Time zones as people name them."""

from functools import cache

from django.conf import settings

from signup.models import check_time_zone

__all__ = ["read_time_zone"]

NO_CITIES = {"Brazil", "Canada", "Chile", "Etc", "Mexico", "US"}  # US/Central
# China has one clock, and the list of zones does not name its capital.
ALSO = {"beijing": "Asia/Shanghai", "北京": "Asia/Shanghai", "上海": "Asia/Shanghai"}


def read_time_zone(text: str) -> str:
    """The name of the zone that somebody wrote: its own, in any case, or its city alone. Raises
    ValidationError with a sentence for what names none."""
    plain = key(text)
    name = known().get(plain) or cities().get(plain) or ALSO.get(plain) or text
    check_time_zone(name)
    return name


def key(text: str) -> str:
    return "_".join(text.replace("_", " ").split()).casefold()


@cache
def known() -> dict[str, str]:
    return {key(name): name for name in settings.TIME_ZONES}


@cache
def cities() -> dict[str, str]:
    """Where two names end with the same city they mean the same zone: the shorter one."""
    by_length = sorted(settings.TIME_ZONES, key=lambda name: (-len(name), name))
    named = (name.rpartition("/") for name in by_length)
    return {key(city): f"{at}/{city}" for at, _slash, city in named if at and at not in NO_CITIES}
