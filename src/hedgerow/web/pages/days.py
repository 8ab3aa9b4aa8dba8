"""Days as a browser's date field writes them."""

from __future__ import annotations

from datetime import date
from typing import Final

from hedgerow.web.pages.language import marked

__all__ = ["NO_DAY", "day_of"]

NO_DAY: Final = marked("A day is written as 2026-11-30.")
_LENGTH: Final = len("2026-11-30")
_YEARS: Final = range(2, 9_999)  # so that there is a day before and after each


def day_of(text: str) -> date:
    """Return the day that was written, or raise ValueError.

    >>> day_of("2026-11-30")
    datetime.date(2026, 11, 30)
    """
    day = date.fromisoformat(text)
    if len(text) != _LENGTH or day.year not in _YEARS:
        raise ValueError(text)
    return day
