"""Search submissions for some entries of a bank, as `hedgerow.banks.Matcher` searches for all of them.

Few entries are looked for in many submissions, so that they make an index of their own, which costs next to nothing to
build and to search. Many entries are looked for through the bank's own index, which lies on disk already and is shared
by all processes; what was not asked for is left out of its answer. Both say the same about an entry: the same levels,
minimum quality, threshold and rule for videos, and the same words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from hedgerow.banks.answers import Answer, Reporter
from hedgerow.banks.bank_index import IndexView
from hedgerow.banks.held import bank_states, entries_since, find_frames
from hedgerow.banks.index import Matcher
from hedgerow.banks.lookup import equal_rows, like_frames, nearest_rows, rows_of
from hedgerow.banks.records import count_entries, find_entry
from hedgerow.banks.rules import nearness
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching import DigestIndex, HammingIndex
from hedgerow.matching.videos import frame_ids, usable_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank, Match
    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal
    from hedgerow.ledger import LookBack
    from hedgerow.matching.videos import VideoRule

__all__ = ["BankSeeker", "EntrySeeker", "Seeker", "bank_of", "seeker_for"]

_MOST_ROWS: Final = 200_000
"""Pictures and frames in an index of our own, 25 MB: beyond that the bank's own is faster to have."""
_VIDEOS: Final = 50  # lists of frames in memory at a time


class Seeker(Protocol):
    """Finds entries in submissions."""

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Look up the signals of several submissions at once; see `Matcher.search_many`."""


class _Wanted(NamedTuple):
    """An entry that is looked for."""

    id: int
    type: str
    bits: bytes


def bank_of(connection: Connection, bank_id: int) -> Bank:
    """Return a bank by its number."""
    return next(state.bank for state in bank_states(connection) if state.bank.id == bank_id)


def seeker_for(
    database: Database,
    data: Path,
    look_back: LookBack,
    *,
    small_bank_entries: int,
    delta_entries: int,
    video_rule: VideoRule | None = None,
    before_loading: Callable[[], None] = lambda: None,
) -> Seeker:
    """Make what finds the entries of a look-back.

    Args:
        database: Where the bank is.
        data: The data folder, for the snapshot of a large bank.
        look_back: Which bank, and which of its entries.
        small_bank_entries: So many entries get an index of their own.
        delta_entries: See `Matcher`.
        video_rule: When two videos match.
        before_loading: Called before the bank's own index is loaded, which may take minutes.
    """
    with database.read() as connection:
        bank = bank_of(connection, look_back.bank_id)
        wanted: list[_Wanted] = []
        is_many = False
        for each in _wanted(connection, bank, look_back):
            wanted.append(each)
            is_many = len(wanted) > small_bank_entries
            if is_many and look_back.entry_ids is None and look_back.since_sequence is None:
                break  # the whole bank: its entries need not be named
        if not is_many:
            seeker = EntrySeeker.of(connection, database, bank, wanted, video_rule)
            if seeker is not None:
                return seeker
        is_whole = look_back.entry_ids is None and look_back.since_sequence is None
    matcher = Matcher(
        database,
        data,
        small_bank_entries=small_bank_entries,
        delta_entries=delta_entries,
        only=[bank.name],
        video_rule=video_rule,
    )
    before_loading()
    matcher.load()
    return BankSeeker(matcher, None if is_whole else frozenset(each.id for each in wanted))


def _wanted(connection: Connection, bank: Bank, look_back: LookBack) -> Iterator[_Wanted]:
    """Go through the entries that are looked for; withdrawn ones are not."""
    if look_back.entry_ids is not None:
        for number in look_back.entry_ids:
            entry = find_entry(connection, bank, number)
            if entry.withdrawn_at is None:
                yield _Wanted(entry.id, entry.signal.type, entry.signal.bits)
        return
    until = look_back.until_sequence
    for change in entries_since(connection, bank, look_back.since_sequence or 0):
        if until is not None and change.sequence > until:
            return
        if change.is_live:
            yield _Wanted(change.id, change.type, change.bits)


class BankSeeker:
    """Finds entries through the index of their bank.

    Args:
        matcher: Of that bank alone.
        wanted: The entries; None for all.
    """

    def __init__(self, matcher: Matcher, wanted: frozenset[int] | None) -> None:
        self._matcher = matcher
        self._wanted = wanted

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Look up the signals of several submissions at once; see `Matcher.search_many`."""
        found = self._matcher.search_many(media)
        if self._wanted is None:
            return found
        return [[match for match in matches if match.entry in self._wanted] for matches in found]


class EntrySeeker:
    """Finds some entries through an index of their own; make one with `of`."""

    def __init__(
        self, database: Database, bank: Bank, views: list[IndexView], sizes: dict[str, int], rule: VideoRule | None
    ) -> None:
        self._bank = bank
        self._views = views
        self._sizes = sizes
        self._reporter = Reporter(database, rule)

    @classmethod
    def of(
        cls,
        connection: Connection,
        database: Database,
        bank: Bank,
        wanted: Sequence[_Wanted],
        rule: VideoRule | None = None,
    ) -> EntrySeeker | None:
        """Index entries; None where their videos have too many frames for that.

        How likely a match by chance is, is said for the whole bank, as in screening; of its videos it is supposed that
        they have as many frames as those that are looked for.
        """
        views = []
        for name, kind in SIGNAL_TYPES.items():
            rows = [each for each in wanted if each.type == name and len(each.bits) == kind.size_bytes]
            index = HammingIndex(threads=1) if kind.is_perceptual else DigestIndex(kind.size_bytes)
            if name != "vpdq":
                _add(index, b"".join([each.bits for each in rows]), [each.id for each in rows])
            elif not _add_frames(connection, index, [each.id for each in rows], bank):
                return None
            index.merge()
            views.append(IndexView(bank, name, index))
        sizes = count_entries(connection, bank)
        videos = sum(each.type == "vpdq" for each in wanted)
        if videos:
            frames = next(len(view) for view in views if view.signal_type == "vpdq")
            sizes["vpdq"] = round(sizes.get("vpdq", videos) * frames / videos)
        return cls(database, bank, [view for view in views if len(view)], sizes, rule)

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Look up the signals of several submissions at once; see `Matcher.search_many`."""
        if not self._bank.is_enabled:
            return [[] for _ in media]
        answer = Answer(self._bank, rows_of(media, self._bank))
        assert answer.rows is not None  # noqa: S101  (it was given)
        for view in self._views:
            if view.signal_type not in ("pdq", "vpdq"):
                answer.equal += equal_rows(view, media, self._bank)
            elif len(answer.rows):
                answer.sizes[view.signal_type] = self._sizes[view.signal_type]
                if view.signal_type == "vpdq":
                    answer.in_videos, answer.likes = like_frames(view, answer.rows)
                else:
                    answer.pictures = nearest_rows(view, answer.rows)
        reported = self._reporter.report(media, [answer])
        for matches in reported:
            matches.sort(key=nearness)
        return reported


def _add(index: HammingIndex | DigestIndex, bits: bytes, ids: Sequence[int]) -> None:
    if ids:
        index.add(np.frombuffer(bits, np.uint8).reshape(len(ids), -1), np.array(ids, np.int64))


def _add_frames(connection: Connection, index: HammingIndex | DigestIndex, entries: Sequence[int], bank: Bank) -> bool:
    """Take the frames of known videos that can be matched; False where they are too many."""
    for start in range(0, len(entries), _VIDEOS):
        for entry, frames in find_frames(connection, entries[start : start + _VIDEOS]).items():
            usable = np.flatnonzero(usable_frames(frames, bank.minimum_quality))
            _add(index, frames.bits[usable].tobytes(), frame_ids(entry, usable).tolist())
            if len(index) > _MOST_ROWS:
                return False
    return True
