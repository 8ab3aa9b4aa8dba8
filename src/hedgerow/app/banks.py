"""Create, fill, list and prune banks for a door."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, cast

from hedgerow.app.clock import now
from hedgerow.app.hashing import hash_files
from hedgerow.app.matching import matcher_of, open_to_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from hedgerow.banks import Added, Attributes, Bank, BankSummary, ImportReport
    from hedgerow.banks.formats import ReadOptions
    from hedgerow.database import Database
    from hedgerow.hashing import MediaHash, Signal
    from hedgerow.hashing.signal import Level
    from hedgerow.settings import Settings

__all__ = [
    "BankChange",
    "add_files",
    "add_values",
    "change_bank",
    "create_bank",
    "import_bank",
    "list_banks",
    "show_bank",
    "withdraw",
]


_CHUNK_BYTES = 256 * 1024  # what is read of a list at a time
_INDEXED_AT_ONCE = 200_000  # entries; measured: 150 MB with their index, 250 MB of three times as many, 1.3 GB of 7 M


@dataclass(frozen=True, slots=True)
class BankChange:
    """What is to change about a bank; None leaves a thing as it is."""

    threshold: int | None = None
    minimum_quality: int | None = None
    is_enabled: bool | None = None
    level: Level | None = None


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def create_bank(
    settings: Settings,
    name: str,
    *,
    threshold: int | None = None,
    minimum_quality: int | None = None,
    level: Level = "standard",
    note: str | None = None,
    actor: str = "cli",
) -> Bank:
    """Create a bank; what is not said comes from the settings."""
    from hedgerow.app.bank_audit import record_created
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        at = now()
        bank = records.create_bank(
            connection,
            name,
            now=at,
            threshold=settings.threshold if threshold is None else threshold,
            minimum_quality=settings.minimum_quality if minimum_quality is None else minimum_quality,
            level=level,
            note=note,
        )
        record_created(connection, bank, actor=actor, now=at)
        return bank


def change_bank(settings: Settings, name: str, change: BankChange, *, actor: str = "cli") -> Bank:
    """Change a bank's threshold, minimum quality, level, or whether it is searched."""
    from hedgerow.app.bank_audit import record_changed
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        before = records.find_bank(connection, name, is_locking=True)
        after = records.change_bank(
            connection,
            before,
            threshold=change.threshold,
            minimum_quality=change.minimum_quality,
            is_enabled=change.is_enabled,
            level=change.level,
        )
        record_changed(connection, before, after, actor=actor, now=now())
        return after


def list_banks(settings: Settings) -> list[BankSummary]:
    """List the banks with what is in them; none where there is no database yet."""
    from hedgerow.banks import held

    database = open_to_read(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            return held.list_banks(connection)
    finally:
        database.close()


def show_bank(settings: Settings, name: str, limit: int) -> tuple[BankSummary, list[dict[str, object]]]:
    """Return a bank and its first live entries; signal values are for whoever asks for an export."""
    from itertools import islice

    from hedgerow.banks import held, records

    with _database(settings) as database, database.read() as connection:
        bank = records.find_bank(connection, name)
        summary = next(each for each in held.list_banks(connection) if each.bank.id == bank.id)
        entries: list[dict[str, object]] = [
            {
                "entry": entry.id,
                "type": entry.signal.type,
                "quality": entry.signal.quality,
                "variant": entry.signal.variant,
                "category": entry.attributes.category,
                "provenance": entry.attributes.provenance,
                "external_id": entry.attributes.external_id,
                "added_at": entry.attributes.added_at.isoformat() if entry.attributes.added_at else None,
                "note": entry.attributes.note,
            }
            for entry in islice(records.iterate_entries(connection, bank), limit)
        ]
        return summary, entries


def add_files(
    settings: Settings,
    name: str,
    paths: Sequence[str],
    *,
    types: Sequence[str] = ("pdq",),
    attributes: Attributes | None = None,
    with_regions: bool = False,
    actor: str = "cli",
) -> Iterator[tuple[str, MediaHash, Added]]:
    """Hash files exactly and add their signals to a bank, those of a picture's likely crops too if asked for.

    One transaction a file.
    """
    from hedgerow.app.bank_audit import record_added
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database:
        with database.read() as connection:
            bank = records.find_bank(connection, name)
        for path, result in hash_files(settings, paths, types=types, exact=True, bank_regions=with_regions):
            with database.write() as connection:
                new = [NewEntry(signal, said) for signal in result.signals]
                at = now()
                added = records.add_entries(connection, bank, new, now=at)
                record_added(connection, bank, added, actor=actor, now=at)
            yield path, result, added


def add_values(
    settings: Settings,
    name: str,
    signals: Sequence[Signal],
    *,
    attributes: Attributes | None = None,
    actor: str = "cli",
) -> Added:
    """Add signals that came as text to a bank."""
    from hedgerow.app.bank_audit import record_added
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database, database.write() as connection:
        bank = records.find_bank(connection, name)
        at = now()
        added = records.add_entries(connection, bank, [NewEntry(each, said) for each in signals], now=at)
        record_added(connection, bank, added, actor=actor, now=at)
        return added


def import_bank(
    settings: Settings,
    name: str,
    source: Path | BinaryIO,
    *,
    options: ReadOptions,
    readmit_withdrawn: bool = False,
    actor: str = "cli",
) -> ImportReport:
    """Add the signals of a list to a bank: all of them in one transaction, or none.

    Args:
        settings: The settings.
        name: The bank.
        source: A file, or a stream of bytes.
        options: How to read the list.
        readmit_withdrawn: Whether signals that were withdrawn from this bank come back.
        actor: Who imports, for the audit.
    """
    from hedgerow.app.bank_audit import record_imported
    from hedgerow.banks import import_entries, records

    with _database(settings) as database:
        with _digested(source) as (stream, digest, named), database.write() as connection:
            bank = records.find_bank(connection, name)
            at = now()
            report = import_entries(
                connection,
                bank,
                stream,
                now=at,
                options=replace(options, name=options.name or named),
                readmit_withdrawn=readmit_withdrawn,
                listed_rejections=settings.imports.rejections,
            )
            record_imported(connection, bank, report, sha256=digest(), actor=actor, now=at)
        # The index is built now, while somebody is waiting anyway, not at the next match. That of a bank of millions
        # takes more memory than the import, which may be all that there is.
        if report.added and not _is_large(database, bank):
            matcher_of(settings, database, [name]).load()
        return report


def _is_large(database: Database, bank: Bank) -> bool:
    from hedgerow.banks.held import has_more_than
    from hedgerow.hashing.signal import SIGNAL_TYPES

    with database.read() as connection:
        return any(has_more_than(connection, bank, name, _INDEXED_AT_ONCE) for name in SIGNAL_TYPES)


class _Digesting(io.RawIOBase):
    """Passes bytes on and digests them on their way: of a million lines not measurable beside the import."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data = self._source.read(len(view))
        view[: len(data)] = data
        self._digest.update(data)
        return len(data)

    def hexdigest(self) -> str:
        """Return the SHA-256 of all there is, read or not yet."""
        while rest := self._source.read(_CHUNK_BYTES):
            self._digest.update(rest)
        return self._digest.hexdigest()


@contextmanager
def _digested(source: Path | BinaryIO) -> Iterator[tuple[BinaryIO, Callable[[], str], str | None]]:
    """Open a list; give its bytes, a function that returns the SHA-256 of all of them, and the file's name."""
    from pathlib import Path

    from hedgerow.errors import ImportUnreadable

    if not isinstance(source, Path):
        digesting = _Digesting(source)
        yield cast("BinaryIO", io.BufferedReader(digesting, _CHUNK_BYTES)), digesting.hexdigest, None
        return
    try:
        with source.open("rb") as file:
            digesting = _Digesting(file)
            yield cast("BinaryIO", io.BufferedReader(digesting, _CHUNK_BYTES)), digesting.hexdigest, source.stem
    except OSError as error:
        raise ImportUnreadable(error.strerror or "the file cannot be read") from error


def withdraw(settings: Settings, name: str, entry: str, *, reason: str | None = None, actor: str = "cli") -> list[int]:
    """Withdraw an entry, by its id or its value, and return the ids."""
    from hedgerow.app.bank_audit import record_withdrawn
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        bank = records.find_bank(connection, name)
        at = now()
        ids = records.withdraw_entry(connection, bank, entry, now=at, reason=reason)
        record_withdrawn(connection, bank, ids, has_reason=bool(reason), actor=actor, now=at)
        return ids
