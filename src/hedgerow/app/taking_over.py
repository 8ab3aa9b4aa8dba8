"""Take banks over from another system, for a door."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from hedgerow.hma.importing import Taken
    from hedgerow.settings import Settings

__all__ = ["take_over_hma"]


class _NothingKept(Exception):
    """Rolls back what was only tried."""


def take_over_hma(
    settings: Settings,
    url: str,
    *,
    is_api: bool = False,
    gap: int = 1_000,
    is_dry_run: bool = False,
    actor: str = "cli",
) -> list[Taken]:
    """Take the banks of an HMA over, all of them or none.

    Args:
        settings: Where to.
        url: Address of HMA's database, or of its API.
        is_api: Which of the two.
        gap: Of its API: after so many numbers in a row that name no content there are none any more.
        is_dry_run: Whether it is only tried.
        actor: Who does it.

    Raises:
        HmaUnreadable: It cannot be read.
        InvalidContent: There are contents here already.
        BankExists: There is a bank of one of the names.
    """
    from hedgerow.hma.importing import open_hma, take_over
    from hedgerow.hma.importing_api import open_api
    from hedgerow.hma.model import BankRules
    from hedgerow.migrations import open_migrated

    rules = BankRules(settings.threshold, settings.minimum_quality, settings.hma.level)
    taken: list[Taken] = []
    database = open_migrated(settings)
    try:
        opened = open_api(url, gap=gap) if is_api else open_hma(url)
        with suppress(_NothingKept), opened as there, database.write() as connection:
            taken = take_over(connection, there, rules=rules, actor=actor, now=now())
            if is_dry_run:
                raise _NothingKept
    finally:
        database.close()
    return taken
