"""When a look-back is worked on, and for how long. Nothing here knows a database or a clock.

The rules:

1. A look-back is worked on by one worker at a time, who has a lease. Each time it writes progress the lease begins
   anew. When the worker dies, the lease runs out, and the next one goes on at the last progress.
2. What is found is written together with the progress, and only by who holds the token: nothing is found twice, and
   nobody who lost the lease writes anything.
3. After trouble it waits: 10 s, 1 min, 5 min, 30 min, 1 h and so on. After eight claims in a row without progress it is
   stopped, since something is wrong that waiting does not mend; a person can ask again.
4. A look-back that nobody asked for collects what is new in a bank. There is one at most for each bank that has not
   ended; what is banked while it runs waits for the next.
5. It looks up what was in the ledger when it started: what came later was screened with the entries known.
6. A row of the ledger whose time is over is not looked up, even before it is deleted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

__all__ = ["LEASE", "MOST_ATTEMPTS", "MOST_ENTRIES", "retry_delay"]

LEASE: Final = timedelta(seconds=120)
"""How long a worker may take between two signs of life: many times what a slice takes (some seconds at most), and
longer than a writer usually waits while somebody imports a list."""

MOST_ATTEMPTS: Final = 8
"""Claims in a row without progress."""

MOST_ENTRIES: Final = 1_000
"""Entries that can be named in one request; who wants more looks back for the whole bank."""

_DELAYS: Final = tuple(timedelta(seconds=each) for each in (10, 60, 300, 1_800, 3_600))


def retry_delay(attempts: int) -> timedelta:
    """Return how long a look-back waits after so many claims without progress.

    >>> retry_delay(1), retry_delay(7)
    (datetime.timedelta(seconds=10), datetime.timedelta(seconds=3600))
    """
    return _DELAYS[min(max(attempts, 1), len(_DELAYS)) - 1]
