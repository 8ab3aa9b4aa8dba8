"""Take a list of signals into a bank."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hedgerow.banks.formats import ReadOptions, open_list
from hedgerow.banks.model import ImportReport, NewEntry, PassedOver, Rejection
from hedgerow.banks.records import add_entries, judge_entries, put_entries
from hedgerow.banks.staging import Stage
from hedgerow.database import large_cache
from hedgerow.errors import ImportUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.formats import Reading
    from hedgerow.banks.model import Bank, Refusal

__all__ = ["import_entries", "import_in_steps"]

# Lines in memory at a time. More is no faster.
_BATCH = 5_000
# Page cache of SQLite, which sorts within as much again. What goes in sorted needs no larger one, and the whole of an
# import is to fit into 200 MB (measured: 131 MB, and 238 MB with a cache of 64).
_CACHE_KIB = 16 * 1024
# Frames of videos in one batch: their lists are some bytes a frame.
_BATCH_FRAMES = 200_000


def import_entries(
    connection: Connection,
    bank: Bank,
    source: BinaryIO | Path,
    *,
    now: datetime,
    options: ReadOptions | None = None,
    readmit_withdrawn: bool = False,
    listed_rejections: int = 1_000,
    on_rejected: Callable[[Rejection], None] | None = None,
) -> ImportReport:
    """Add the signals of a list to a bank.

    All of it happens in the caller's transaction: a process that is killed, or an exception, leaves the bank as it
    was, and to import again adds what is missing and doubles nothing.

    Args:
        connection: Of `Database.write`.
        bank: Where to.
        source: A file, or a buffered stream of bytes.
        now: The time the entries are added.
        options: How to read the list.
        readmit_withdrawn: Whether signals that were withdrawn from this bank come back. Otherwise they are rejected:
            who withdrew an entry does not expect the next import of the same list to undo it.
        listed_rejections: How many rejections the report lists.
        on_rejected: Called for every rejection.

    Raises:
        ImportUnreadable: The file cannot be read, or is in none of the formats.
        UnknownSignalType: The options name a type that does not exist.
    """
    options = options or ReadOptions()
    if isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                return import_entries(
                    connection,
                    bank,
                    stream,
                    now=now,
                    options=replace(options, name=options.name or source.stem),
                    readmit_withdrawn=readmit_withdrawn,
                    listed_rejections=listed_rejections,
                    on_rejected=on_rejected,
                )
        except OSError as error:
            raise ImportUnreadable(error.strerror or "the file cannot be read") from error
    reading = open_list(source, options)
    total = _Tally(reading.format, listed_rejections, on_rejected)
    with large_cache(connection, _CACHE_KIB):
        return _take_in(connection, bank, reading, total, now=now, readmit_withdrawn=readmit_withdrawn)


def _take_in(
    connection: Connection, bank: Bank, reading: Reading, total: _Tally, *, now: datetime, readmit_withdrawn: bool
) -> ImportReport:
    stage = Stage(connection, bank, now=now)
    for batch in _batches(reading):
        taken, refused = judge_entries(connection, bank, batch.new(), now=now, readmit_withdrawn=readmit_withdrawn)
        total.take(batch, refused)
        videos = [each for each in taken if each.signal.frames is not None]
        if videos:  # few of them are many bytes: not to be written twice
            total.add(put_entries(connection, bank, videos, now=now))
            taken = [each for each in taken if each.signal.frames is None]
        stage.put(taken)
        if stage.is_full:
            total.add(stage.merge())
    total.add(stage.merge())
    return total.report()


def import_in_steps(
    write: Callable[[], AbstractContextManager[Connection]],
    bank: Bank,
    source: BinaryIO,
    *,
    now: datetime,
    options: ReadOptions,
    readmit_withdrawn: bool = False,
    listed_rejections: int = 1_000,
    on_step: Callable[[Connection, ImportReport], None],
) -> ImportReport:
    """Add the signals of a list to a bank, some thousand in each transaction, so that others can write between them.

    Where it is cut off, what was added until then stays; to import again adds what is missing and doubles nothing.

    Args:
        write: Opens a transaction: `Database.write`.
        bank: Where to.
        source: A buffered stream of bytes.
        now: The time the entries are added.
        options: How to read the list.
        readmit_withdrawn: As for `import_entries`.
        listed_rejections: How many rejections the report lists.
        on_step: Called in each transaction, last, with what that step brought.

    Raises:
        ImportUnreadable: The list is in none of the formats.
        UnknownSignalType: The options name a type that does not exist.
    """
    reading = open_list(source, options)
    total = _Tally(reading.format, listed_rejections)
    for batch in _batches(reading):
        step = _Tally(reading.format, 0)
        with write() as connection:
            outcome = add_entries(connection, bank, batch.new(), now=now, readmit_withdrawn=readmit_withdrawn)
            for tally in (step, total):
                tally.take(batch, outcome.refused)
                tally.add(outcome.added)
            on_step(connection, step.report())
    return total.report()


class _Tally:
    """Counts what came of an import."""

    def __init__(self, form: str, listed: int, on_rejected: Callable[[Rejection], None] | None = None) -> None:
        self._form = form
        self._most_listed = listed
        self._on_rejected = on_rejected
        self._taken = self._added = 0
        self._reasons: Counter[str] = Counter()
        self._passed_over: Counter[str] = Counter()
        self._listed: list[Rejection] = []

    def take(self, batch: _Batch, refused: Sequence[Refusal]) -> None:
        """Count a batch: what was read of it, what was not, and what of it the bank refuses."""
        self._taken += len(batch.entries) - len(refused)
        self._passed_over.update(batch.passed_over)
        by_the_bank = [Rejection(batch.entries[refusal.position][0], refusal.reason) for refusal in refused]
        for rejection in sorted([*batch.rejections, *by_the_bank], key=lambda rejection: rejection.line):
            self._reasons[rejection.reason] += 1
            if len(self._listed) < self._most_listed:
                self._listed.append(rejection)
            if self._on_rejected is not None:
                self._on_rejected(rejection)

    def add(self, added: int) -> None:
        """Count entries that are new; what was taken and is not was there before, or came twice."""
        self._added += added

    def report(self) -> ImportReport:
        """Say what came of it so far."""
        return ImportReport(
            self._form,
            self._added,
            self._taken - self._added,
            self._reasons.total(),
            dict(self._reasons),
            tuple(self._listed),
            dict(self._passed_over),
        )


class _Batch:
    """A piece of a list: what is to be added, each with its line, and what is not."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, NewEntry]] = []
        self.rejections: list[Rejection] = []
        self.passed_over: Counter[str] = Counter()
        self.frames = 0

    def new(self) -> list[NewEntry]:
        return [each for _, each in self.entries]

    @property
    def is_full(self) -> bool:
        return len(self.entries) + len(self.rejections) >= _BATCH or self.frames >= _BATCH_FRAMES

    @property
    def is_empty(self) -> bool:
        return not (self.entries or self.rejections or self.passed_over)


def _batches(reading: Reading) -> Iterator[_Batch]:
    """Cut a list into pieces that are neither too many lines nor too many frames."""
    batch = _Batch()
    for line, result in reading.results:
        if isinstance(result, NewEntry):
            batch.entries.append((line, result))
            batch.frames += 0 if result.signal.frames is None else len(result.signal.frames)
        elif isinstance(result, PassedOver):
            batch.passed_over[result.reason] += 1
            continue
        else:
            batch.rejections.append(Rejection(line, result))
        if batch.is_full:
            yield batch
            batch = _Batch()
    if not batch.is_empty:
        yield batch
