"""Create, fill, list, export and prune banks for a door."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TextIO

from hedgerow.app.clock import now
from hedgerow.app.hashing import hash_files
from hedgerow.app.matching import matcher_of, open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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
    "export_bank",
    "export_videos",
    "import_bank",
    "list_banks",
    "show_bank",
    "withdraw",
]


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
) -> Bank:
    """Create a bank; what is not said comes from the settings."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.create_bank(
            connection,
            name,
            now=now(),
            threshold=settings.threshold if threshold is None else threshold,
            minimum_quality=settings.minimum_quality if minimum_quality is None else minimum_quality,
            level=level,
            note=note,
        )


def change_bank(settings: Settings, name: str, change: BankChange) -> Bank:
    """Change a bank's threshold, minimum quality, level, or whether it is searched."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.change_bank(
            connection,
            records.find_bank(connection, name),
            threshold=change.threshold,
            minimum_quality=change.minimum_quality,
            is_enabled=change.is_enabled,
            level=change.level,
        )


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
) -> Iterator[tuple[str, MediaHash, Added]]:
    """Hash files exactly and add their signals to a bank, those of a picture's likely crops too if asked for.

    One transaction a file.
    """
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database:
        with database.read() as connection:
            bank = records.find_bank(connection, name)
        for path, result in hash_files(settings, paths, types=types, exact=True, bank_regions=with_regions):
            with database.write() as connection:
                new = [NewEntry(signal, said) for signal in result.signals]
                added = records.add_entries(connection, bank, new, now=now())
            yield path, result, added


def add_values(
    settings: Settings, name: str, signals: Sequence[Signal], *, attributes: Attributes | None = None
) -> Added:
    """Add signals that came as text to a bank."""
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database, database.write() as connection:
        bank = records.find_bank(connection, name)
        return records.add_entries(connection, bank, [NewEntry(each, said) for each in signals], now=now())


def import_bank(
    settings: Settings,
    name: str,
    source: Path | BinaryIO,
    *,
    options: ReadOptions,
    readmit_withdrawn: bool = False,
) -> ImportReport:
    """Add the signals of a list to a bank: all of them in one transaction, or none."""
    from hedgerow.banks import import_entries, records

    with _database(settings) as database:
        with database.write() as connection:
            report = import_entries(
                connection,
                records.find_bank(connection, name),
                source,
                now=now(),
                options=options,
                readmit_withdrawn=readmit_withdrawn,
                listed_rejections=settings.imports.rejections,
            )
        # The index of a large bank is built now, while somebody is waiting anyway, not at the next match.
        matcher_of(settings, database, [name]).load()
        return report


def export_bank(settings: Settings, name: str, out: TextIO, *, form: str, only_redistributable: bool) -> int:
    """Write a bank's live entries and return how many."""
    from hedgerow.banks import export_entries, records

    with _database(settings) as database, database.read() as connection:
        bank = records.find_bank(connection, name)
        return export_entries(connection, bank, out, format=form, only_redistributable=only_redistributable)


def export_videos(settings: Settings, name: str, folder: Path, *, form: str, only_redistributable: bool) -> int:
    """Write each of a bank's live videos to a file of its own and return how many."""
    from hedgerow.banks import records
    from hedgerow.banks.importing import export_videos as export

    with _database(settings) as database, database.read() as connection:
        bank = records.find_bank(connection, name)
        return export(connection, bank, folder, format=form, only_redistributable=only_redistributable)


def withdraw(settings: Settings, name: str, entry: str, *, reason: str | None = None) -> list[int]:
    """Withdraw an entry, by its id or its value, and return the ids."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.withdraw_entry(connection, records.find_bank(connection, name), entry, now=now(), reason=reason)
