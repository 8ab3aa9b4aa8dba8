"""Look media up in the banks: one index for each bank and signal type, kept in step with the database."""

from __future__ import annotations

import hashlib
import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from hedgerow.banks.answers import Answer, Reporter
from hedgerow.banks.bank_index import bank_index
from hedgerow.banks.held import bank_states, latest_change, types_held
from hedgerow.banks.lookup import equal_rows, like_frames, nearest_rows, rows_of
from hedgerow.banks.rules import highest_level, nearness
from hedgerow.errors import BankNotFound, SnapshotDamaged
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hedgerow.banks.bank_index import BankIndex
    from hedgerow.banks.held import BankState
    from hedgerow.banks.model import Bank, Match
    from hedgerow.database.plain import Readable, ReadConnection
    from hedgerow.hashing.signal import Level, Signal
    from hedgerow.matching.videos import VideoRule

__all__ = ["Matcher"]

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

# Pictures are looked up among the frames of known videos, and frames of videos among known pictures.
_LIKE = ("pdq", "vpdq")


class Matcher:
    """Answers which bank entries are near the signals of some media.

    Pictures and videos are looked up in known pictures and known videos alike.

    It holds the banks as they were at the last `refresh` (the first search refreshes by itself). A withdrawn entry is
    never reported, not even before a refresh. Several threads may search at the same time.

    Args:
        database: Where the banks are.
        data: The data folder, for the snapshots of large banks.
        small_bank_entries: See `hedgerow.settings.IndexSettings`.
        delta_entries: See there.
        only: Names of the banks to search; None for every enabled one. A disabled bank is never searched.
        video_rule: When two videos match.
    """

    def __init__(
        self,
        database: Readable,
        data: Path,
        *,
        small_bank_entries: int = 20_000,
        delta_entries: int = 50_000,
        only: Sequence[str] | None = None,
        video_rule: VideoRule | None = None,
    ) -> None:
        self._database = database
        self._data = data
        self._small_bank_entries = small_bank_entries
        self._delta_entries = delta_entries
        self._only = None if only is None else frozenset(only)
        self._reporter = Reporter(database, video_rule)
        self._lock = Lock()
        self._seen: tuple[str, int] | None = None
        self._states: tuple[BankState, ...] = ()
        self._indexes: dict[tuple[int, str], BankIndex] = {}

    def refresh(self) -> bool:
        """Take in what changed in the banks since the last time; tell whether anything did.

        It costs one query of one row when nothing did.

        Raises:
            BankNotFound: One of the banks named in `only` is gone.
            DatabaseUnavailable: The database cannot be read.
        """
        with self._lock, self._database.read() as connection:
            return self._refresh(connection)

    def _refresh(self, connection: ReadConnection) -> bool:
        seen = latest_change(connection)
        if seen == self._seen:
            return False
        states = bank_states(connection)
        if self._only is not None:
            missing = self._only - {state.bank.name for state in states}
            if missing:
                raise BankNotFound(min(missing))
            states = [state for state in states if state.bank.name in self._only]
        states = [state for state in states if state.bank.is_enabled]
        is_same_history = self._seen is not None and self._seen[0] == seen[0]
        enabled = {state.bank.id: state.bank for state in states}
        kept = {}
        for (bank_id, name), index in self._indexes.items():
            if is_same_history and bank_id in enabled:
                index.bank = enabled[bank_id]
                index.follow(connection, seen[1])
                kept[bank_id, name] = index
        self._indexes = kept
        self._states = tuple(states)
        self._seen = seen
        return True

    def merge(self) -> int:
        """Renew the snapshots that lack too much, and return how many were; to be called in the background.

        Searches go on meanwhile; a refresh waits.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        with self._lock:
            due = [index for index in self._indexes.values() if index.needs_merge]
            for index in due:
                try:
                    index.save(self._epoch)
                except SnapshotDamaged as error:
                    self._rebuild(index, error)
            return len(due)

    @property
    def _epoch(self) -> str:
        return self._seen[0] if self._seen is not None else ""

    def _rebuild(self, index: BankIndex, damage: SnapshotDamaged) -> None:
        """Put an index that proved damaged right; what changed since the last refresh is taken in with it."""
        _log.warning("%s It is built again from the bank.", damage)
        with self._database.read() as connection:
            index.rebuild(connection, *latest_change(connection))

    def fingerprint(self) -> str:
        """Return a short text that differs whenever a search might answer differently.

        It stands for the banks as the next search sees them (names, thresholds, minimum qualities, levels, entries),
        and for the rule by which videos match.
        """
        self._load(())
        described = [
            (self._seen and self._seen[0]),
            *(
                (
                    state.bank.id,
                    state.bank.name,
                    state.bank.threshold,
                    state.bank.minimum_quality,
                    state.bank.level,
                    state.sequence,
                )
                for state in self._states
            ),
            self._reporter.rule,
        ]
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    def load(self) -> None:
        """Load every index now instead of at the first search; a large bank's snapshot is written where it lacks."""
        self._load(self.signal_types())

    def signal_types(self) -> tuple[str, ...]:
        """Name the signal types that can find something in the enabled banks: others need not be computed.

        Where there are known pictures, frames of videos can be such, and the other way round.
        """
        self._load(())
        with self._database.read() as connection:
            held = set(types_held(connection, [state.bank.id for state in self._states]))
        if held & set(_LIKE):
            held |= set(_LIKE)
        return tuple(name for name in SIGNAL_TYPES if name in held)

    def level(self) -> Level:
        """Return the highest level of the banks that are searched: higher variants need not be computed."""
        self._load(())
        return highest_level(state.bank.level for state in self._states)

    def search(self, signals: Sequence[Signal]) -> list[Match]:
        """Look up the signals of one media; see `search_many`."""
        return self.search_many([signals])[0]

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Look up the signals of several media at once, which is faster than one by one.

        Args:
            media: For each media its signals in order of preference, the media as it is first. A video's are one list
                of frames for each variant.

        Returns:
            For each media its matches by distance, bank and entry; each bank entry once, by its nearest variant.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        asked = {signal.type for signals in media for signal in signals}
        if asked & set(_LIKE):
            asked |= set(_LIKE)
        answers: dict[int, Answer] = {}
        for bank, index in self._load([name for name in SIGNAL_TYPES if name in asked]):
            answer = answers.setdefault(bank.id, Answer(bank))
            if index.signal_type in _LIKE:
                if answer.rows is None:
                    answer.rows = rows_of(media, bank)
                self._look_up(answer, index)
            else:
                answer.equal += self._soundly(index, partial(equal_rows, media=media, bank=bank))
        reported = self._reporter.report(media, list(answers.values()))
        for matches in reported:
            matches.sort(key=nearness)
        return reported

    def _look_up(self, answer: Answer, index: BankIndex) -> None:
        rows = answer.rows
        if rows is None or not len(rows) or not len(index):
            return
        answer.sizes[index.signal_type] = len(index)
        if index.signal_type == "vpdq":
            answer.in_videos, answer.likes = self._soundly(index, partial(like_frames, rows=rows))
        else:
            answer.pictures = self._soundly(index, partial(nearest_rows, rows=rows))

    def _soundly(self, index: BankIndex, search: Callable[[BankIndex], _Result]) -> _Result:
        """Search, and if the snapshot proves damaged, build it again: its checksums are compared while work goes on."""
        try:
            return search(index)
        except SnapshotDamaged as error:
            with self._lock:
                self._rebuild(index, error)
            return search(index)

    def _load(self, types: Sequence[str]) -> list[tuple[Bank, BankIndex]]:
        """Return the indexes of the enabled banks for some types, loading those that are not loaded yet."""
        with self._lock:
            wanted = [(state.bank, name) for state in self._states for name in types]
            if self._seen is None or any((bank.id, name) not in self._indexes for bank, name in wanted):
                with self._database.read() as connection:
                    self._refresh(connection)
                    assert self._seen is not None  # noqa: S101  (_refresh sets it)
                    for state in self._states:
                        for name in types:
                            if (state.bank.id, name) not in self._indexes:
                                index = self._new_index(state.bank, name)
                                index.load(connection, *self._seen)
                                self._indexes[state.bank.id, name] = index
            return [(state.bank, self._indexes[state.bank.id, name]) for state in self._states for name in types]

    def _new_index(self, bank: Bank, name: str) -> BankIndex:
        return bank_index(
            self._data,
            bank,
            name,
            small_bank_entries=self._small_bank_entries,
            delta_entries=self._delta_entries,
        )
