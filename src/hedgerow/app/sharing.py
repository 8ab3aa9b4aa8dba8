"""What this house shares with other Hedgerows, for every door: say what and with whom, give it, hear what they say."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hedgerow.app.clock import now
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hedgerow.database import Database
    from hedgerow.exchanges.reader_opinions import ReaderOpinion
    from hedgerow.exchanges.sharing import Reader, Sharing, SharingStanding
    from hedgerow.settings import Settings

__all__ = ["SharingPage", "Sharings", "open_sharings"]

_log = logging.getLogger(__name__)

_NOTED_EVERY: Final = timedelta(minutes=1)
"""Nobody needs to know more exactly when a reader was last here; each note waits for whoever writes."""


@dataclass(frozen=True, slots=True)
class SharingPage:
    """A sharing as a page shows it.

    Attributes:
        standing: What it is, and how much.
        readers: Who may read it.
        opinions: What they said lately, the newest first.
        latest_change: Who has read up to here has read all of it.
    """

    standing: SharingStanding
    readers: list[Reader]
    opinions: list[ReaderOpinion]
    latest_change: int


class Sharings:
    """What can be asked about sharings; threads share it.

    Args:
        database: Open, at the latest revision.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── what is shared, and with whom ────────────────────────────────────────────────────────────────────────────

    def list_sharings(self) -> list[SharingStanding]:
        """List the sharings by name."""
        from hedgerow.exchanges.sharing import list_sharings

        with self._database.read() as connection:
            return list_sharings(connection)

    def page(self, name: str) -> SharingPage:
        """Return all that there is to say of a sharing, or raise ListNotFound."""
        from hedgerow.exchanges.reader_opinions import list_reader_opinions
        from hedgerow.exchanges.sharing import find_sharing, latest_change_of, list_readers, list_sharings

        with self._database.read() as connection:
            sharing = find_sharing(connection, name)
            standing = next(each for each in list_sharings(connection) if each.sharing.id == sharing.id)
            return SharingPage(
                standing,
                list_readers(connection, sharing),
                list_reader_opinions(connection, sharing),
                latest_change_of(connection, sharing),
            )

    def create(
        self, name: str, bank: str, *, note: str | None = None, may_redistribute: bool = False, actor: str
    ) -> Sharing:
        """Share a bank under a name; see `hedgerow.exchanges.sharing.create_sharing`."""
        from hedgerow.exchanges.sharing import create_sharing

        with self._database.write() as connection:
            return create_sharing(
                connection, name, bank, note=note, may_redistribute=may_redistribute, actor=actor, now=now()
            )

    def switch(self, name: str, *, is_enabled: bool, actor: str) -> Sharing:
        """Give a sharing or pause it, or raise ListNotFound."""
        from hedgerow.exchanges.sharing import switch_sharing

        with self._database.write() as connection:
            return switch_sharing(connection, name, is_enabled=is_enabled, actor=actor, now=now())

    def remove(self, name: str, *, actor: str) -> None:
        """Share a bank no more, or raise ListNotFound."""
        from hedgerow.exchanges.sharing import remove_sharing

        with self._database.write() as connection:
            remove_sharing(connection, name, actor=actor, now=now())

    def readers(self, name: str) -> list[Reader]:
        """List the keys that may read a sharing, or raise ListNotFound."""
        from hedgerow.exchanges.sharing import find_sharing, list_readers

        with self._database.read() as connection:
            return list_readers(connection, find_sharing(connection, name))

    def add_reader(self, name: str, key_id: int, *, may_state_opinions: bool, actor: str) -> Reader:
        """Let a key read a sharing; see `hedgerow.exchanges.sharing.add_reader`."""
        from hedgerow.exchanges.sharing import add_reader

        with self._database.write() as connection:
            return add_reader(connection, name, key_id, may_state_opinions=may_state_opinions, actor=actor, now=now())

    def remove_reader(self, name: str, key_id: int, *, actor: str) -> bool:
        """Let a key read a sharing no more, and tell whether it could; or raise ListNotFound."""
        from hedgerow.exchanges.sharing import remove_reader

        with self._database.write() as connection:
            return remove_reader(connection, name, key_id, actor=actor, now=now())

    def opinions(self, name: str | None = None, *, limit: int = 100, before: int | None = None) -> list[ReaderOpinion]:
        """List what readers said, the newest first: of one sharing, or of all; or raise ListNotFound."""
        from hedgerow.exchanges.reader_opinions import list_reader_opinions
        from hedgerow.exchanges.sharing import find_sharing

        with self._database.read() as connection:
            sharing = None if name is None else find_sharing(connection, name)
            return list_reader_opinions(connection, sharing, limit=limit, before=before)

    def count_disputed(self) -> int:
        """Count the entries that a reader disputes now."""
        from hedgerow.exchanges.reader_opinions import count_disputed

        with self._database.read() as connection:
            return count_disputed(connection)

    # ── for readers ──────────────────────────────────────────────────────────────────────────────────────────────

    def lists_object(self, key_id: int) -> dict[str, Any]:
        """Say what is shared with a key, as the feed says it."""
        from hedgerow.exchanges.feed import FORMAT
        from hedgerow.exchanges.sharing import sharings_of

        with self._database.read() as connection:
            found = sharings_of(connection, key_id)
        lists = [
            {
                "name": each.sharing.name,
                "count": each.given,
                "may_redistribute": each.sharing.may_redistribute,
                "note": each.sharing.note or "",
            }
            for each in found
        ]
        return {"format": FORMAT, "lists": lists}

    def page_object(
        self, name: str, key_id: int, *, after: str | None, epoch: str | None, limit: int
    ) -> dict[str, Any]:
        """Give a page of a list, as the feed has it.

        Args:
            name: Of the sharing.
            key_id: To whom.
            after: A cursor of the shape of `hedgerow.exchanges.feed.CURSOR_PATTERN`; None for the first page.
            epoch: The one that the cursor is of.
            limit: The most entries.

        Raises:
            ListNotFound: There is none of that name, or it is paused.
            SharingDenied: This key may not read it.
            FeedEpochGone: The cursor means nothing any more.
        """
        from hedgerow.exchanges.feed import FORMAT, read_cursor, read_page, record_given, write_cursor
        from hedgerow.exchanges.sharing import note_reading, readable_sharing

        at = now()
        with self._database.read() as connection:
            sharing, reader = readable_sharing(connection, name, key_id)
            cursor = None if after is None else read_cursor(after)
            page = read_page(connection, sharing, cursor, epoch=epoch, limit=limit)
        if page.given:  # before the first value leaves
            with self._database.write() as connection:
                record_given(connection, sharing, page, actor=f"key:{key_id}", now=at)
                note_reading(connection, sharing, key_id, page.cursor.change, now=at)
        elif page.cursor.change != reader.read_change or reader.read_at is None or at - reader.read_at > _NOTED_EVERY:
            self._note(sharing, key_id, page.cursor.change, at)
        return {
            "format": FORMAT,
            "list": sharing.name,
            "epoch": page.epoch,
            "entries": list(page.entries),
            "checkpoint": write_cursor(page.cursor, at),
            "has_more": page.has_more,
        }

    def _note(self, sharing: Sharing, key_id: int, change: int, at: datetime) -> None:
        """Note that a key has read, where nothing was given: no reader is sent away because somebody imports."""
        from hedgerow.exchanges.sharing import note_reading

        try:
            with self._database.write() as connection:
                note_reading(connection, sharing, key_id, change, now=at)
        except DatabaseUnavailable as error:
            _log.warning("When a reader last read is not noted: %s", error.reason)

    def opinion_object(
        self, name: str, entry_id: int, *, key_id: int, opinion: str, reason: str | None, token: str
    ) -> dict[str, Any]:
        """Keep what a reader says, and answer as the feed does; see `state_opinion` in the room."""
        from hedgerow.exchanges.feed import utc_text
        from hedgerow.exchanges.model import Sayings
        from hedgerow.exchanges.reader_opinions import state_opinion

        with self._database.write() as connection:
            said = state_opinion(
                connection,
                name,
                entry_id,
                key_id=key_id,
                opinion=Sayings(opinion),
                reason=reason,
                token=token,
                now=now(),
            )
        return {"id": said.entry_id, "opinion": str(said.opinion), "stated_at": utc_text(said.stated_at)}


@contextmanager
def open_sharings(settings: Settings) -> Iterator[Sharings]:
    """Open what can be asked about sharings, for a command."""
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield Sharings(database)
    finally:
        database.close()
