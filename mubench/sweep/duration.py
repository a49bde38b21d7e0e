"""Durations in a sweep file: `300s`, `5m`, `1.5h`, a number of seconds, or `off`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

MOST_DAYS = 30
"""More than any step takes; a time limit of years is none."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?) ?([smh])")


def parse_duration(value: Any) -> timedelta:
    """Read a duration; `off`, which YAML reads as false, is zero. Raises PydanticCustomError.

    >>> parse_duration("5m"), parse_duration(90), parse_duration(False)
    (datetime.timedelta(seconds=300), datetime.timedelta(seconds=90), datetime.timedelta(0))
    """
    if isinstance(value, timedelta):
        return value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    try:
        if written:
            return timedelta(**{_UNITS[written[2]]: float(written[1])})
        if value is False or value == "off":
            return timedelta()
        if isinstance(value, int | float) and value is not True and value >= 0:
            return timedelta(seconds=value)
    except (OverflowError, ValueError):  # endless, or longer than the calendar
        pass
    raise PydanticCustomError("duration", "300s, 5m, 1h, a number of seconds or off is needed")


def _refuse_long(value: timedelta) -> timedelta:
    if value > timedelta(days=MOST_DAYS):
        raise PydanticCustomError("duration", f"at most {MOST_DAYS} days are allowed")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_refuse_long)]
