"""Take a list of signals into a bank, and write a bank out as a list."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from hedgerow.banks.formats import ReadOptions, open_list
from hedgerow.banks.model import ImportReport, NewEntry, Rejection
from hedgerow.banks.records import add_entries, iterate_entries
from hedgerow.banks.vpdq import packed_text, vpdq_json, vpdq_lines
from hedgerow.database import large_cache
from hedgerow.errors import ImportUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.formats import Reading
    from hedgerow.banks.model import Added, Bank, Entry

__all__ = ["EXPORT_FORMATS", "export_entries", "export_videos", "import_entries", "import_in_steps"]

# What a whole bank is written as; the other formats hold one video.
EXPORT_FORMATS = ("text", "csv", "jsonl")
_VIDEO_ENDINGS = {"vpdq": ".txt", "vpdq-json": ".json"}

# Lines in memory at a time, and rows of one INSERT. More is no faster.
_BATCH = 5_000
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
    with large_cache(connection):
        return _take_in(connection, bank, reading, total, now=now, readmit_withdrawn=readmit_withdrawn)


def _take_in(
    connection: Connection, bank: Bank, reading: Reading, total: _Tally, *, now: datetime, readmit_withdrawn: bool
) -> ImportReport:
    for batch, rejections in _batches(reading):
        outcome = add_entries(connection, bank, [new for _, new in batch], now=now, readmit_withdrawn=readmit_withdrawn)
        total.take(batch, rejections, outcome)
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
    for batch, rejections in _batches(reading):
        step = _Tally(reading.format, 0)
        with write() as connection:
            outcome = add_entries(
                connection, bank, [new for _, new in batch], now=now, readmit_withdrawn=readmit_withdrawn
            )
            step.take(batch, rejections, outcome)
            on_step(connection, step.report())
        total.take(batch, rejections, outcome)
    return total.report()


class _Tally:
    """Counts what came of an import."""

    def __init__(self, form: str, listed: int, on_rejected: Callable[[Rejection], None] | None = None) -> None:
        self._form = form
        self._most_listed = listed
        self._on_rejected = on_rejected
        self._added = self._already_there = 0
        self._reasons: Counter[str] = Counter()
        self._listed: list[Rejection] = []

    def take(self, batch: Sequence[tuple[int, NewEntry]], rejections: Sequence[Rejection], outcome: Added) -> None:
        """Count a batch: what was read of it, what was not, and what the bank did with it."""
        self._added += outcome.added
        self._already_there += outcome.already_there
        refused = [Rejection(batch[refusal.position][0], refusal.reason) for refusal in outcome.refused]
        for rejection in sorted([*rejections, *refused], key=lambda rejection: rejection.line):
            self._reasons[rejection.reason] += 1
            if len(self._listed) < self._most_listed:
                self._listed.append(rejection)
            if self._on_rejected is not None:
                self._on_rejected(rejection)

    def report(self) -> ImportReport:
        """Say what came of it so far."""
        reasons = dict(self._reasons)
        return ImportReport(
            self._form, self._added, self._already_there, self._reasons.total(), reasons, tuple(self._listed)
        )


def _batches(reading: Reading) -> Iterator[tuple[list[tuple[int, NewEntry]], list[Rejection]]]:
    """Cut a list into pieces that are neither too many lines nor too many frames."""
    batch: list[tuple[int, NewEntry]] = []
    rejections: list[Rejection] = []
    frames = 0
    for line, result in reading.results:
        if isinstance(result, str):
            rejections.append(Rejection(line, result))
        else:
            batch.append((line, result))
            frames += 0 if result.signal.frames is None else len(result.signal.frames)
        if len(batch) + len(rejections) >= _BATCH or frames >= _BATCH_FRAMES:
            yield batch, rejections
            batch, rejections, frames = [], [], 0
    if batch or rejections:
        yield batch, rejections


# The fields of an exported entry, in the order of the CSV columns; an import reads every one of them back.
_FIELDS = (
    "type",
    "value",
    "quality",
    "variant",
    "made_by",
    "frames",
    "provenance",
    "contributor",
    "external_id",
    "category",
    "note",
    "may_be_redistributed",
    "added_at",
)


def export_entries(
    connection: Connection,
    bank: Bank,
    target: TextIO,
    *,
    format: str = "jsonl",  # noqa: A002  (the word that users type)
    only_redistributable: bool = False,
) -> int:
    """Write a bank's live entries, oldest first, a few thousand in memory at a time, and return how many.

    Text carries type and value alone, of a video its frames in the spelling of python-threatexchange; CSV and JSON
    lines everything, so that an import of it gives the same bank. See `export_videos` for a file a video.

    Args:
        connection: Of `Database.read`: the export is the bank of one moment.
        bank: Which bank.
        target: Where to; open it with ``newline=""``.
        format: ``jsonl``, ``csv`` or ``text``.
        only_redistributable: Leave out what the source does not allow to be passed on.

    Raises:
        ImportUnreadable: There is no such format.
    """
    if format not in EXPORT_FORMATS:
        raise ImportUnreadable(f"there is no format {format!r}; there are {', '.join(EXPORT_FORMATS)}")
    count = 0
    rows = csv.writer(target, lineterminator="\n")
    if format == "csv":
        rows.writerow(_FIELDS)
    for entry in iterate_entries(connection, bank, only_redistributable=only_redistributable, with_frames=True):
        if format == "text":
            frames = entry.signal.frames
            value = entry.signal.value if frames is None else vpdq_json(frames)
            target.write(f"{entry.signal.type} {value}\n")
        elif format == "csv":
            fields = _fields(entry)
            rows.writerow([_cell(fields[name]) for name in _FIELDS])
        else:
            stated = {name: value for name, value in _fields(entry).items() if value is not None}
            target.write(json.dumps(stated, ensure_ascii=False) + "\n")
        count += 1
    return count


def export_videos(
    connection: Connection,
    bank: Bank,
    folder: Path,
    *,
    format: str = "vpdq",  # noqa: A002  (the word that users type)
    only_redistributable: bool = False,
) -> int:
    """Write each of a bank's live videos to a file of its own, named by its entry, and return how many.

    Args:
        connection: Of `Database.read`.
        bank: Which bank.
        folder: Where to; made where it is missing.
        format: ``vpdq``, as vPDQ's tool writes it, or ``vpdq-json``, as python-threatexchange does.
        only_redistributable: Leave out what the source does not allow to be passed on.

    Raises:
        ImportUnreadable: There is no such format.
        OSError: The folder cannot be written.
    """
    if format not in _VIDEO_ENDINGS:
        raise ImportUnreadable(f"there is no format {format!r} for one video; there are {', '.join(_VIDEO_ENDINGS)}")
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for entry in iterate_entries(connection, bank, only_redistributable=only_redistributable, with_frames=True):
        frames = entry.signal.frames
        if frames is None:
            continue
        with (folder / f"{bank.name}-{entry.id}{_VIDEO_ENDINGS[format]}").open("w", encoding="ascii") as file:
            file.writelines(vpdq_lines(frames) if format == "vpdq" else [vpdq_json(frames), "\n"])
        count += 1
    return count


def _fields(entry: Entry) -> dict[str, str | int | bool | None]:
    signal, attributes = entry.signal, entry.attributes
    return {
        "type": signal.type,
        "value": signal.value,
        "quality": signal.quality,
        "variant": signal.variant,
        "made_by": signal.made_by or None,
        "frames": None if signal.frames is None else packed_text(signal.frames),
        "provenance": attributes.provenance,
        "contributor": attributes.contributor,
        "external_id": attributes.external_id,
        "category": attributes.category,
        "note": attributes.note,
        "may_be_redistributed": attributes.may_be_redistributed,
        "added_at": attributes.added_at.isoformat() if attributes.added_at else None,
    }


def _cell(value: str | int | bool | None) -> str | int | None:  # noqa: FBT001  (a cell's value)
    return str(value).lower() if isinstance(value, bool) else value
