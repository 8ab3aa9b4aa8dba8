"""The root of the family of errors."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["HedgerowError"]


class HedgerowError(Exception):
    """The root of the family: catch this to catch all of Hedgerow's own errors."""

    reason: ClassVar[str] = "error"
