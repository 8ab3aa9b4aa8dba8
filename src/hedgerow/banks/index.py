"""Look media up in the banks: one index for each bank and signal type, kept in step with the database."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from hedgerow.banks.answers import Answer, Reporter
from hedgerow.banks.bank_index import bank_index
from hedgerow.banks.held import types_held
from hedgerow.banks.indexes import Indexes
from hedgerow.banks.lookup import equal_rows, like_frames, nearest_rows, rows_of
from hedgerow.banks.rules import highest_level, nearness
from hedgerow.errors import SnapshotDamaged
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching.compiled import load as prepare
from hedgerow.matching.hamming import TABLES_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hedgerow.banks.bank_index import IndexView
    from hedgerow.banks.health import IndexHealth
    from hedgerow.banks.indexes import View
    from hedgerow.banks.lookup import Rows
    from hedgerow.banks.model import Match
    from hedgerow.banks.quarantine import Quarantined
    from hedgerow.database.plain import Readable
    from hedgerow.hashing.signal import Level, Signal
    from hedgerow.matching.videos import VideoRule

__all__ = ["Matcher"]

_Result = TypeVar("_Result")

# Pictures are looked up among the frames of known videos, and frames of videos among known pictures.
_LIKE = ("pdq", "vpdq")


class Matcher:
    """Answers which bank entries are near the signals of some media.

    Pictures and videos are looked up in known pictures and known videos alike.

    It holds the banks as they were at the last `refresh` (the first search refreshes by itself). A withdrawn entry is
    never reported, not even before a refresh. Every method may be called from any thread: searches wait for nothing but
    the first loading of a signal type, and each sees one state of every bank.

    Args:
        database: Where the banks are.
        data: The data folder, for the snapshots of large banks.
        small_bank_entries: See `hedgerow.settings.IndexSettings`.
        delta_entries: See there.
        only: Names of the banks to search; None for every enabled one. A disabled bank is never searched.
        video_rule: When two videos match.
        clock: Monotonic seconds.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._reporter = Reporter(database, video_rule)
        make = partial(bank_index, data, small_bank_entries=small_bank_entries, delta_entries=delta_entries)
        self._indexes = Indexes(database, make, only, clock)
        self._held: tuple[View, tuple[str, ...]] | None = None

    # ── keeping up ───────────────────────────────────────────────────────────────────────────────────────────────

    def refresh(self, *, loads: bool = True) -> bool:
        """Take in what changed in the banks since the last time; tell whether anything did.

        It costs one query of one row when nothing did. It waits for no merge. A bank that was enabled since, or whose
        minimum quality changed, is searched by its new state once its indexes are loaded.

        Args:
            loads: Whether to load those now. Else see `is_lacking`.

        Raises:
            BankNotFound: One of the banks named in `only` is gone.
            DatabaseUnavailable: The database cannot be read.
        """
        return self._indexes.refresh(loads=loads)

    @property
    def is_lacking(self) -> bool:
        """Whether a bank waits for `load_lacking` before it is searched by its present state."""
        return self._indexes.is_lacking

    def load_lacking(self) -> None:
        """Load what lacks, which takes a large bank seconds; searches and refreshes go on meanwhile.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        self._indexes.load_lacking()

    def merge(self) -> int:
        """Renew the snapshots that lack too much, and return how many were; to be called in the background.

        Searches and refreshes go on meanwhile. A second call waits for the first.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        return self._indexes.merge()

    def load(self) -> None:
        """Load every index now instead of at the first search, and from now on those of every type that comes to be.

        A large bank's snapshot is written where it lacks, and the compiled kernels that it is searched with are loaded.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        self._indexes.want_all()
        view = self._indexes.ready(self.signal_types())
        indexes = [index for each in view.banks for index in each.indexes.values()]
        if sum(len(index) for index in indexes if index.signal_type in _LIKE) >= TABLES_FROM:
            prepare()

    # ── what there is to know ────────────────────────────────────────────────────────────────────────────────────

    def fingerprint(self) -> str:
        """Return a short text that differs whenever a search might answer differently.

        It stands for the banks as the next search sees them (names, thresholds, minimum qualities, levels, entries),
        and for the rule by which videos match.
        """
        view = self._indexes.ready(())
        described = [
            view.epoch,
            *(
                (
                    each.bank.id,
                    each.bank.name,
                    each.bank.threshold,
                    each.bank.minimum_quality,
                    each.bank.level,
                    each.sequence,
                )
                for each in view.banks
            ),
            self._reporter.rule,
        ]
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    def signal_types(self) -> tuple[str, ...]:
        """Name the signal types that can find something in the enabled banks: others need not be computed.

        Where there are known pictures, frames of videos can be such, and the other way round. After `load` the indexes
        say it; else the database is asked, once after each change.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        has_all = self._indexes.has_all  # before the view: what lacks then is in no earlier one
        view = self._indexes.ready(())
        known = self._held
        if known is None or known[0] is not view:
            if has_all:
                held = {name for each in view.banks for name, index in each.indexes.items() if not index.rows.is_empty}
            else:
                with self._database.read() as connection:
                    held = set(types_held(connection, [each.bank.id for each in view.banks]))
            if held & set(_LIKE):
                held |= set(_LIKE)
            known = self._held = view, tuple(name for name in SIGNAL_TYPES if name in held)
        return known[1]

    @property
    def seen(self) -> tuple[str, int]:
        """The epoch and number of the latest change that searches know of."""
        view = self._indexes.ready(())
        return view.epoch, view.sequence

    def level(self) -> Level:
        """Return the highest level of the banks that are searched: higher variants need not be computed."""
        return highest_level(each.bank.level for each in self._indexes.ready(()).banks)

    def quarantined(self) -> list[Quarantined]:
        """List the malformed rows that are kept out of the loaded indexes, by bank and entry.

        A row leaves the list when it is withdrawn, and within seconds after it was repaired. Of rows of unknown types
        the first 10,000 of a bank are listed.
        """
        return self._indexes.quarantined()

    def health(self, now: float | None = None) -> IndexHealth:
        """Tell how the indexes stand to the database. It costs one query of one row, and never fails.

        Args:
            now: The present on the clock given at the beginning.
        """
        return self._indexes.health(now)

    # ── searching ────────────────────────────────────────────────────────────────────────────────────────────────

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
        return self.report(media, self.find(media))

    def find(self, media: Sequence[Sequence[Signal]]) -> list[Answer]:
        """Do the first half of `search_many`: ask the indexes, which are in memory. Without any answer nothing matches.

        An answer is no match yet: the entry may have been withdrawn a moment ago, and two videos are weighed by
        `report`, which does the second half with the same media.
        """
        asked = {signal.type for signals in media for signal in signals}
        if not asked.isdisjoint(_LIKE):
            asked.update(_LIKE)
        types = [name for name in SIGNAL_TYPES if name in asked]
        answers: list[Answer] = []
        rows: dict[tuple[int, str], Rows] = {}  # banks of equal quality and level look the same up
        for each in self._indexes.ready(types).banks:
            bank = each.bank
            answer = Answer(bank)
            for name in types:
                index = each.indexes.get(name)
                if index is None or index.rows.is_empty:  # None while it is being loaded
                    continue
                if name in _LIKE:
                    answer.rows = rows.get((bank.minimum_quality, bank.level))
                    if answer.rows is None:
                        answer.rows = rows[bank.minimum_quality, bank.level] = rows_of(media, bank)
                    self._look_up(answer, index, answer.rows)
                else:
                    answer.equal += self._soundly(index, partial(equal_rows, media=media, bank=bank))
            if not answer.is_empty:
                answers.append(answer)
        return answers

    def report(self, media: Sequence[Sequence[Signal]], found: Sequence[Answer]) -> list[list[Match]]:
        """Do the second half of `search_many`: describe what `find` found, from the database.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        reported = self._reporter.report(media, found)
        for matches in reported:
            matches.sort(key=nearness)
        return reported

    def _look_up(self, answer: Answer, index: IndexView, rows: Rows) -> None:
        if index.signal_type == "vpdq":
            answer.in_videos, answer.likes = self._soundly(index, partial(like_frames, rows=rows))
        else:
            answer.pictures = self._soundly(index, partial(nearest_rows, rows=rows))
        if not answer.is_empty:
            answer.sizes[index.signal_type] = len(index)

    def _soundly(self, index: IndexView, search: Callable[[IndexView], _Result]) -> _Result:
        """Search, and if the snapshot proves damaged, build it again: its checksums are compared while work goes on."""
        try:
            return search(index)
        except SnapshotDamaged as damage:
            return search(self._indexes.sound(index, damage))
