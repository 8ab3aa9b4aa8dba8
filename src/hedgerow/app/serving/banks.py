"""Banks: create, fill, list, prune and write them out."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from hedgerow.app.bank_audit import (
    record_added,
    record_changed,
    record_created,
    record_exported,
    record_imported,
    record_withdrawn,
)
from hedgerow.app.clock import now
from hedgerow.app.exporting import signed_manifest
from hedgerow.app.serving.spooling import DigestingFile, Spooled, spool
from hedgerow.app.signals import GivenFrame, signal_of
from hedgerow.banks import Added, Attributes, NewEntry, held, records
from hedgerow.banks.exporting import check_right, export_entries
from hedgerow.banks.importing import import_in_steps
from hedgerow.banks.listing import list_entries as list_bank_entries
from hedgerow.banks.listing import listed_entry, summarise
from hedgerow.banks.manifest import WrittenFile, manifest_of
from hedgerow.errors import HashingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hedgerow.app.banks import BankChange
    from hedgerow.app.service import Media, Service
    from hedgerow.banks import Bank, BankSummary, ImportReport
    from hedgerow.banks.exporting import Right
    from hedgerow.banks.formats import ReadOptions
    from hedgerow.banks.listing import ListedEntry
    from hedgerow.banks.manifest import Manifest
    from hedgerow.database import Database
    from hedgerow.hashing import MediaHash
    from hedgerow.hashing.signal import Level

__all__ = [
    "AddedMedia",
    "ExportedBank",
    "GivenEntry",
    "add_entries",
    "add_media",
    "change_bank",
    "create_bank",
    "export_bank",
    "import_bank",
    "list_banks",
    "list_entries",
    "show_bank",
    "show_bank_alone",
    "show_entry",
    "withdraw",
]

_ENTRIES_PER_STEP: Final = 1_000
"""Entries of one transaction, in which nobody else writes on SQLite: measured 15 to 31 ms of one core."""
_FRAMES_PER_STEP: Final = 200_000
"""Frames of videos of one transaction: as many as one video has at most."""


class GivenEntry(NamedTuple):
    """A ready-made signal that is to be banked, as a door read it; see `hedgerow.app.signals.signal_of`."""

    type: str
    value: str | None
    quality: int | None = None
    frames: Sequence[GivenFrame] = ()
    duration_s: float | None = None
    attributes: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class AddedMedia:
    """What came of banking media.

    Attributes:
        hashed: What was seen of it.
        added: What the bank took.
    """

    hashed: MediaHash = field(repr=False)
    added: Added


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_bank(
    service: Service,
    name: str,
    *,
    threshold: int | None = None,
    minimum_quality: int | None = None,
    level: Level = "standard",
    note: str | None = None,
    actor: str,
) -> Bank:
    """Create a bank; what is not said comes from the settings.

    Raises:
        BankExists: There is one of that name.
    """
    settings = service.settings
    with service.database.write() as connection:
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


def change_bank(database: Database, name: str, change: BankChange, *, actor: str, note: str | None = None) -> Bank:
    """Change a bank's threshold, minimum quality, level, note, or whether it is searched.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.write() as connection:
        before = records.find_bank(connection, name, is_locking=True)
        after = records.change_bank(
            connection,
            before,
            threshold=change.threshold,
            minimum_quality=change.minimum_quality,
            is_enabled=change.is_enabled,
            level=change.level,
            note=note,
        )
        record_changed(connection, before, after, actor=actor, now=now())
        return after


def list_banks(database: Database, *, after: str | None = None, limit: int) -> list[Bank]:
    """List banks by name, without counting what is in them."""
    with database.read() as connection:
        found = [state.bank for state in held.bank_states(connection)]
    return [bank for bank in sorted(found, key=lambda bank: bank.name) if after is None or bank.name > after][:limit]


def show_bank(database: Database, name: str) -> BankSummary:
    """Return a bank, and count what is in it.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.read() as connection:
        return summarise(connection, records.find_bank(connection, name))


def show_bank_alone(database: Database, name: str) -> Bank:
    """Return a bank without counting what is in it.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.read() as connection:
        return records.find_bank(connection, name)


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def list_entries(
    database: Database,
    name: str,
    *,
    after: int = 0,
    limit: int,
    signal_type: str | None = None,
    include_withdrawn: bool = False,
    with_values: bool = False,
    actor: str,
) -> list[ListedEntry]:
    """List a page of a bank's entries. With signal values it is an export, and on record before it leaves.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.read() as connection:
        bank = records.find_bank(connection, name)
        found = list_bank_entries(
            connection,
            bank,
            after=after,
            limit=limit,
            signal_type=signal_type,
            include_withdrawn=include_withdrawn,
            with_values=with_values,
        )
    if with_values:
        with database.write() as connection:
            record_exported(
                connection, bank, entries=len(found), form="page", only_redistributable=False, actor=actor, now=now()
            )
    return found


def show_entry(database: Database, name: str, number: int) -> ListedEntry:
    """Return an entry, live or withdrawn, without its value.

    Raises:
        BankNotFound: There is no such bank.
        EntryNotFound: It never held that entry.
    """
    with database.read() as connection:
        return listed_entry(connection, records.find_bank(connection, name), number)


def add_entries(
    database: Database, name: str, given: Sequence[GivenEntry | str], *, actor: str
) -> tuple[Added, list[tuple[int, str]]]:
    """Add ready-made signals to a bank, some thousand in each transaction.

    Where it is cut off, what was added until then stays; to send the same again adds what is missing.

    Args:
        database: An open database.
        name: The bank.
        given: What is to be added; where there is a text instead, it could not be read, and this is why.
        actor: Who adds it.

    Returns:
        The counts, and each one that was refused: its place in what was given, and why.

    Raises:
        BankNotFound: There is none of that name.
    """
    with database.read() as connection:
        records.find_bank(connection, name)
    refused: list[tuple[int, str]] = []
    added = already_there = 0
    for places, new in _steps(given, refused):
        with database.write() as connection:
            bank = records.find_bank(connection, name)
            at = now()
            outcome = records.add_entries(connection, bank, new, now=at)
            record_added(connection, bank, outcome, actor=actor, now=at)
        added += outcome.added
        already_there += outcome.already_there
        refused += [(places[each.position], each.reason) for each in outcome.refused]
    return Added(added, already_there), sorted(refused)


def _steps(
    given: Sequence[GivenEntry | str], refused: list[tuple[int, str]]
) -> Iterator[tuple[list[int], list[NewEntry]]]:
    """Read what was given, and cut it into transactions; what cannot be read goes to `refused`."""
    places: list[int] = []
    new: list[NewEntry] = []
    frames = 0
    for place, each in enumerate(given):
        if isinstance(each, str):
            refused.append((place, each))
            continue
        try:
            signal = signal_of(
                each.type, each.value, quality=each.quality, frames=each.frames, duration_s=each.duration_s
            )
        except HashingError as error:
            refused.append((place, str(error)))
            continue
        places.append(place)
        new.append(NewEntry(signal, each.attributes))
        frames += len(each.frames)
        if len(new) >= _ENTRIES_PER_STEP or frames >= _FRAMES_PER_STEP:
            yield places, new
            places, new, frames = [], [], 0
    if new:
        yield places, new


def add_media(
    service: Service, name: str, media: Media, *, types: Sequence[str] = ("pdq",), attributes: Attributes, actor: str
) -> AddedMedia:
    """Hash media in full and add its signals to a bank. The media itself is not kept.

    Raises:
        BankNotFound: There is none of that name.
        ServiceBusy: Too much waits already.
    """
    with service.database.read() as connection:
        records.find_bank(connection, name)
    hashed = service.hash_media(media, types, with_variants=False, is_exact=True)
    if not hashed.signals:
        return AddedMedia(hashed, Added(0, 0))
    with service.database.write() as connection:
        bank = records.find_bank(connection, name)
        at = now()
        added = records.add_entries(connection, bank, [NewEntry(each, attributes) for each in hashed.signals], now=at)
        record_added(connection, bank, added, actor=actor, now=at)
    return AddedMedia(hashed, added)


def withdraw(database: Database, name: str, entry: int | str, *, reason: str | None = None, actor: str) -> list[int]:
    """Withdraw an entry, by its number or its value, and return the numbers.

    Raises:
        BankNotFound: There is no such bank.
        EntryNotFound: It holds no such live entry.
    """
    with database.write() as connection:
        bank = records.find_bank(connection, name)
        at = now()
        numbers = records.withdraw_entry(connection, bank, entry, now=at, reason=reason)
        record_withdrawn(connection, bank, numbers, has_reason=bool(reason), actor=actor, now=at)
        return numbers


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def import_bank(
    service: Service, name: str, source: Media, *, options: ReadOptions, readmit_withdrawn: bool = False, actor: str
) -> ImportReport:
    """Add the signals of a list to a bank, some thousand in each transaction, each with its line in the audit.

    Raises:
        BankNotFound: There is no such bank.
        ImportUnreadable: The list is in none of the formats.
        UnknownSignalType: The options name a type that does not exist.
    """
    sha256 = source.sha256().hex()
    with service.database.read() as connection:
        bank = records.find_bank(connection, name)
    at = now()
    with _opened(source) as stream:
        return import_in_steps(
            service.database.write,
            bank,
            stream,
            now=at,
            options=options,
            readmit_withdrawn=readmit_withdrawn,
            listed_rejections=service.settings.imports.rejections,
            on_step=lambda connection, step: record_imported(
                connection, bank, step, sha256=sha256, actor=actor, now=now()
            ),
        )


def _opened(source: Media) -> BinaryIO:
    if source.path is not None:
        return source.path.open("rb")
    return io.BytesIO(source.data or b"")


class ExportedBank(NamedTuple):
    """A bank as it is written out.

    Attributes:
        spooled: Its bytes.
        manifest: What is stated about it, signed where what signs is installed.
    """

    spooled: Spooled
    manifest: Manifest


def export_bank(
    service: Service, name: str, folder: Path, file_name: str, *, form: str, right: Right = "unsaid", actor: str
) -> ExportedBank:
    """Write a bank's live entries out, as they are at one moment. That is on record before the first value leaves.

    Args:
        service: The running service.
        name: The bank.
        folder: Where it lies while it is sent, in a file without a name.
        file_name: What it will be called, for the manifest.
        form: One of `hedgerow.banks.EXPORT_FORMATS`.
        right: What it stands on.
        actor: Who takes it.

    Raises:
        BankNotFound: There is none of that name.
        NotRedistributable: It would hold what may not be passed on, and nobody said that it stays in the house.
        AuditKeyMissing: The key that signs is not in the data folder.
    """
    with service.database.read() as connection:
        bank = records.find_bank(connection, name)
        check_right(connection, bank, right, form)
        digesting = DigestingFile(spool(folder))
        text = io.TextIOWrapper(cast("BinaryIO", digesting), "utf-8", newline="")
        exported = export_entries(connection, bank, text, format=form, right=right)
        text.flush()
        text.detach()
    at = now()
    with service.database.write() as connection:
        record_exported(
            connection,
            bank,
            entries=exported.entries,
            form=form,
            only_redistributable=right == "redistributable",
            is_own_backup=right == "own_backup",
            actor=actor,
            now=at,
        )
    spooled = Spooled(digesting.file)
    stated = manifest_of(
        bank,
        exported,
        [WrittenFile(file_name, spooled.size_bytes, digesting.sha256())],
        form=form,
        may_be_redistributed=right != "own_backup",
        licence=None,
        now=at,
    )
    return ExportedBank(spooled, signed_manifest(service.settings, service.database, stated, actor))
