"""Look for cycles of garbage less often while a long list is taken in.

A thousand records are some twenty thousand objects that live until they are stored, and none of them is part of a
cycle. With Python's usual threshold (700) the collector goes through them thirty times a page: measured, it takes 40 %
of the time of a fetch; with one of 50,000 it still takes 8 %.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["few_collections"]

_THRESHOLD: Final = 200_000
"""Objects that are made before the young ones are looked through: about those of one transaction, 30 MB."""

_lock = threading.Lock()
_within = 0
_before = (0, 0, 0)


@contextmanager
def few_collections() -> Iterator[None]:
    """Collect less often, in the whole process, until the last of those who asked for it is done."""
    global _within, _before  # noqa: PLW0603  (the collector is one for all threads)
    with _lock:
        _within += 1
        if _within == 1:
            _before = gc.get_threshold()
            gc.set_threshold(max(_before[0], _THRESHOLD) if _before[0] else 0, *_before[1:])
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if not _within:
                gc.set_threshold(*_before)
