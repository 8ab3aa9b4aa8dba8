"""The one clock: everything below the doors is handed the time."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> datetime:
    """Read the clock; everything below the doors is handed the time."""
    return datetime.now(UTC)
