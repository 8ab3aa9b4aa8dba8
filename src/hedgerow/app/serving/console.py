"""What every page of the console shows around its own content, and what people prefer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.accounts import Preferences, preferences_of, save_preferences
from hedgerow.app.clock import now
from hedgerow.app.serving.exposure import standing_of

if TYPE_CHECKING:
    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.exposure import Standing
    from hedgerow.settings import Settings

__all__ = ["Around", "around", "prefer"]


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a page.

    Attributes:
        preferences: How this person wants the pages.
        is_rehearsal: Whether reports go to a system that is none of the authority's: every page says so.
        exposure: How much they have looked at, for their own eyes; None for who sees no media.
    """

    preferences: Preferences
    is_rehearsal: bool
    exposure: Standing | None = None


def around(settings: Settings, database: Database, user: User) -> Around:
    """Return what stands around a page for somebody."""
    with database.read() as connection:
        return Around(
            preferences_of(connection, user.id),
            settings.reports.environment == "test",
            standing_of(settings, connection, user),
        )


def prefer(database: Database, user: User, said: Preferences) -> None:
    """Keep how somebody wants the pages.

    Raises:
        InvalidPreference: A key is no single character, or stands for two commands.
    """
    with database.write() as connection:
        save_preferences(connection, user.id, said, now=now())
