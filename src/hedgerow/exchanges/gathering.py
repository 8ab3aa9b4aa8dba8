"""Put pages of a partner together, so that they share a transaction.

A list of millions comes in pages of a thousand. To store each by itself, the database would write most of a large
index's pages anew for a few values each, and wait for the disk each time. So pages are stored together, as long as that
takes nobody who waits for the database too long, and costs little to fetch again where the process dies.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from hedgerow.errors import HedgerowError
from hedgerow.exchanges.model import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta

__all__ = ["gathered"]


def gathered(
    pages: Iterable[Page],
    *,
    most_items: int,
    longest: timedelta,
    now: Callable[[], datetime],
    is_stopping: Callable[[], bool],
) -> Iterator[tuple[Page, int]]:
    """Give pages that hold several pages each, and how many.

    What fails behind some pages fails after they were given.

    Args:
        pages: Of `Partner.pages`.
        most_items: With so many, a page waits for no other.
        longest: Nor after so long since the first of them was asked for.
        now: The time.
        is_stopping: Whether the process is to end.
    """
    source = iter(pages)
    problem: HedgerowError | None = None
    is_end = False
    while problem is None and not is_end:
        held: list[Page] = []
        size, until = 0, now() + longest
        while not is_end and size < most_items and (not held or (now() < until and not is_stopping())):
            try:
                page = next(source, None)
            except HedgerowError as error:
                problem = error
                break
            is_end = page is None or page.is_end
            if page is not None:
                # As it is now: an adapter may go on with its own while the next is asked for.
                held.append(replace(page, checkpoint=deepcopy(page.checkpoint)))
                size += len(page.items)
        if held:
            yield _as_one(held), len(held)
    if problem is not None:
        raise problem


def _as_one(pages: list[Page]) -> Page:
    last = pages[-1]
    if len(pages) == 1:
        return last
    items = tuple(item for page in pages for item in page.items)
    return Page(items, last.checkpoint, last.is_end, last.expected)
