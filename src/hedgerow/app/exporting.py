"""Write banks out for a door, each export with its manifest, and verify such manifests."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.banks import Bank, Exported
    from hedgerow.banks.exporting import Right
    from hedgerow.banks.manifest import Checked, Manifest
    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["export_bank", "export_bank_to", "export_videos", "signed_manifest", "verify_manifest"]


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def export_bank(
    settings: Settings,
    name: str,
    out: TextIO,
    *,
    form: str,
    right: Right = "unsaid",
    category: int | None = None,
    actor: str = "cli",
) -> Exported:
    """Write a bank's live entries and return how many. That is recorded before the first value leaves.

    Raises:
        BankNotFound: There is none of that name.
        NotRedistributable: It would hold what may not be passed on, and nobody said that it stays in the house.
    """
    from hedgerow.banks import export_entries

    with _database(settings) as database, database.read() as connection:
        bank = _record_export(database, connection, name, form, actor, right)
        return export_entries(connection, bank, out, format=form, right=right, category=category)


def export_bank_to(
    settings: Settings,
    name: str,
    path: Path,
    *,
    form: str,
    right: Right = "unsaid",
    category: int | None = None,
    licence: str | None = None,
    actor: str = "cli",
) -> tuple[Exported, Manifest]:
    """Write a bank's live entries to a file, whole or not at all, and its manifest beside it.

    Args:
        settings: The settings.
        name: The bank.
        path: The file.
        form: One of `hedgerow.banks.EXPORT_FORMATS`.
        right: What the export stands on.
        category: As for `hedgerow.banks.export_entries`.
        licence: Under which terms it may be passed on, for the manifest.
        actor: Who exports, for the audit.

    Raises:
        BankNotFound: There is none of that name.
        NotRedistributable: It would hold what may not be passed on, and nobody said that it stays in the house.
        AuditKeyMissing: The key that signs is not in the data folder.
        OSError: The file cannot be written.
    """
    from hedgerow.banks import export_entries
    from hedgerow.banks.manifest import describe_file, manifest_of

    with _database(settings) as database:
        with database.read() as connection:
            bank = _record_export(database, connection, name, form, actor, right)
            with _whole(path) as out:
                exported = export_entries(connection, bank, out, format=form, right=right, category=category)
        stated = manifest_of(
            bank,
            exported,
            [describe_file(path)],
            form=form,
            may_be_redistributed=right != "own_backup",
            licence=licence,
            now=now(),
        )
        return exported, _with_manifest(settings, database, stated, path, actor)


def export_videos(
    settings: Settings,
    name: str,
    folder: Path,
    *,
    form: str,
    right: Right = "unsaid",
    licence: str | None = None,
    actor: str = "cli",
) -> tuple[Exported, Manifest]:
    """Write each of a bank's live videos to a file of its own, and a manifest beside the folder.

    That it happens is recorded before. The rest is as for `export_bank_to`.
    """
    from hedgerow.banks import Exported
    from hedgerow.banks import export_videos as export
    from hedgerow.banks.exporting import count_exported
    from hedgerow.banks.manifest import describe_file, manifest_of

    with _database(settings) as database:
        with database.read() as connection:
            bank = _record_export(database, connection, name, form, actor, right)
            written = export(connection, bank, folder, format=form, right=right)
            counted = count_exported(connection, bank, form, only_redistributable=right == "redistributable")
        exported = Exported({"vpdq": len(written)}, counted.left_out)
        stated = manifest_of(
            bank,
            exported,
            [describe_file(path) for path in written],
            form=form,
            may_be_redistributed=right != "own_backup",
            licence=licence,
            now=now(),
            is_folder=True,
        )
        return exported, _with_manifest(settings, database, stated, folder.resolve(), actor)


def signed_manifest(settings: Settings, database: Database, stated: Manifest, actor: str) -> Manifest:
    """Sign a manifest with the key of the house; leave it unsigned where what signs is not installed.

    Raises:
        AuditKeyMissing: The key's private half is not in the data folder.
    """
    from hedgerow.audit import current_public_key
    from hedgerow.audit.keys import FOLDER
    from hedgerow.audit.signing import sign_statement
    from hedgerow.banks.manifest import KIND
    from hedgerow.errors import SigningSupportMissing

    keys, at = settings.data / FOLDER, now()
    try:
        with database.write() as connection:
            named = stated.by_key(current_public_key(connection, keys, actor=actor, now=at))
            _, signature = sign_statement(connection, keys, KIND, named.signed_bytes(), actor=actor, now=at)
    except SigningSupportMissing:
        return stated
    return named.with_signature(signature)


def verify_manifest(settings: Settings, path: Path, *, public_keys: Sequence[str] = ()) -> Checked:
    """Verify a manifest and the files of which it speaks.

    Args:
        settings: The settings: without `public_keys`, all keys that were ever made in the data folder are trusted.
        path: The manifest.
        public_keys: Each 64 hex digits, or the path of a file that holds a key: then these alone are trusted.

    Raises:
        ManifestUnreadable: It cannot be read, or is none.
        AuditFileUnreadable: A key that was named cannot be read.
    """
    from hedgerow.app.auditing import read_key
    from hedgerow.audit.keys import FOLDER, known_public_keys
    from hedgerow.banks.manifest import check_manifest

    trusted = [read_key(each) for each in public_keys]
    return check_manifest(path, trusted or known_public_keys(settings.data / FOLDER))


def _with_manifest(settings: Settings, database: Database, stated: Manifest, path: Path, actor: str) -> Manifest:
    from hedgerow.banks.manifest import manifest_path

    manifest = signed_manifest(settings, database, stated, actor)
    with _whole(manifest_path(path)) as file:
        file.write(manifest.text())
    return manifest


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """Open a file for text that takes the place of another only when all of it was written."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _record_export(database: Database, reading: Connection, name: str, form: str, actor: str, right: Right) -> Bank:
    """Record, and commit, that what one state of the database holds of a bank is about to be written out."""
    from hedgerow.app.bank_audit import record_exported
    from hedgerow.banks import records
    from hedgerow.banks.exporting import check_right, count_exported

    bank = records.find_bank(reading, name)
    check_right(reading, bank, right, form)
    is_limited = right == "redistributable"
    counted = count_exported(reading, bank, form, only_redistributable=is_limited)
    with database.write() as connection:
        record_exported(
            connection,
            bank,
            entries=counted.entries,
            form=form,
            only_redistributable=is_limited,
            is_own_backup=right == "own_backup",
            actor=actor,
            now=now(),
        )
    return bank
