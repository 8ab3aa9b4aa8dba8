"""Project Arachnid Shield as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.app.serving.report_pages import names_of
from hedgerow.exchanges.questions import SILENT_FOR, count_owed
from hedgerow.exchanges.shield_account import shield_standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.app.service import Service
    from hedgerow.exchanges.shield_account import ShieldStanding

__all__ = ["ShieldPage", "shield_page"]


@dataclass(frozen=True, slots=True)
class ShieldPage:
    """What the page of Shield shows.

    Attributes:
        standing: How it is asked.
        owed: Questions that it has not answered yet.
        silent: How many of them for longer than a day.
        names: Who is who.
    """

    standing: ShieldStanding
    owed: int
    silent: int
    names: Mapping[str, str]

    @property
    def host(self) -> str:
        """Whom it speaks to."""
        return self.standing.place.base_url.partition("://")[2].partition("/")[0]


def shield_page(service: Service) -> ShieldPage:
    """Read what the page of Shield shows."""
    with service.database.read() as connection:
        standing = shield_standing(connection)
        return ShieldPage(
            standing,
            count_owed(connection),
            count_owed(connection, before=now() - SILENT_FOR),
            names_of(connection, [standing.armed_by]),
        )
