"""Back the whole record up while everything runs, and restore it, for a door.

What a restore does to the database happens in one transaction: until the last moment the database is what it was. A
file in the data folder (`hedgerow.database.file.RESTORING_NAME`) lies there from the first byte to the last, so that a
restore that was killed does not pass for an empty, new installation.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.migrations.archive import Manifest
    from hedgerow.settings import Settings

__all__ = ["BackupReport", "RestoreReport", "back_up", "restore"]

# Nothing else in a backup ever becomes a file.
_KEY_NAME = re.compile(r"service\.key|audit-keys/[0-9a-f]{16}\.(?:key|pub)")
_KEYS = "keys/"

_FIRST_WITH_REPORTS: Final = "0010"


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was backed up.

    Attributes:
        path: The file.
        size_bytes: Its size.
        sha256: Of its manifest, which names the digest of everything else.
        manifest: What is in it.
    """

    path: Path
    size_bytes: int
    sha256: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored.

    Attributes:
        manifest: What was in the backup; the head of the audit is the one it names.
        revision: The revision of the schema now.
        keys: Names of the key files that were written.
        lacks_keys: The database holds sealed secrets, or has signed checkpoints, and the data folder has no key that
            goes with them.
        chain_problem: What is wrong with the audit chain as it was backed up; None where it is sound.
    """

    manifest: Manifest
    revision: str
    keys: list[str]
    lacks_keys: bool
    chain_problem: str | None


# ── back up ──────────────────────────────────────────────────────────────────────────────────────────────────────


def back_up(settings: Settings, path: Path, *, with_keys: bool = False, actor: str = "cli") -> BackupReport:
    """Write everything that the database holds, as it is at one moment, to a new file; nobody waits for it.

    That it was made is an entry of the audit, the last one that it holds unless others came between. The file appears
    under its name when it is whole and on the disk.

    Args:
        settings: The settings.
        path: The file; it must not be there.
        with_keys: The keys of the data folder too. Whoever has such a file can read every secret that the database
            holds, and sign checkpoints in your name.
        actor: Who.

    Raises:
        BackupUnwritable: The file is there, or cannot be written.
        DatabaseUnavailable: There is no database.
    """
    from hedgerow.database import database_exists, open_database
    from hedgerow.errors import BackupUnwritable, DatabaseUnavailable

    if not database_exists(settings.data, settings.database_url):
        raise DatabaseUnavailable("there is none in the data folder")
    if path.exists():
        raise BackupUnwritable("there is a file of that name already")
    database = open_database(settings.data, settings.database_url)
    try:
        with _new_file(path) as file:
            _record(database, with_keys=with_keys, actor=actor)
            manifest, digest = _write(settings, database, file, with_keys=with_keys)
            size_bytes = file.tell()
    finally:
        database.close()
    return BackupReport(path, size_bytes, digest, manifest)


def _record(database: Database, *, with_keys: bool, actor: str) -> None:
    from hedgerow.audit import append

    with database.write() as connection:
        if _has_audit(connection):
            append(
                connection,
                actor=actor,
                action="backup.made",
                subject_type="backup",
                subject_id=None,
                details={"with_keys": with_keys},
                now=now(),
            )


def _has_audit(connection: Connection) -> bool:
    from sqlalchemy import inspect

    return inspect(connection).has_table("audit_head")


def _write(settings: Settings, database: Database, file: BinaryIO, *, with_keys: bool) -> tuple[Manifest, str]:
    from hedgerow import __version__
    from hedgerow.audit import read_head
    from hedgerow.database.revisions import current_revision
    from hedgerow.errors import DatabaseUnavailable
    from hedgerow.migrations.archive import ArchiveWriter, Manifest
    from hedgerow.migrations.rows import dump_tables

    archive = ArchiveWriter(file)
    with database.read() as connection:
        revision = current_revision(connection)
        if revision is None:
            raise DatabaseUnavailable("there is nothing in it")
        head = read_head(connection) if _has_audit(connection) else None
        tables = dump_tables(connection, archive)
    keys = _key_files(settings.data) if with_keys else {}
    for name, content in keys.items():
        archive.add(f"{_KEYS}{name}", content)
    manifest = Manifest(
        hedgerow=__version__,
        made_at=now().isoformat(),
        revision=revision,
        database=database.engine.dialect.name,
        audit_sequence=head.sequence if head else 0,
        audit_hash=(head.hash if head else bytes(32)).hex(),
        tables=tables,
        parts=archive.parts,
        keys=list(keys),
    )
    return manifest, archive.finish(manifest)


def _key_files(data: Path) -> dict[str, bytes]:
    """Read the keys of a data folder: name → content."""
    files = [data / "service.key", *sorted((data / "audit-keys").glob("*"))]
    named = {path.relative_to(data).as_posix(): path for path in files if path.is_file()}
    return {name: path.read_bytes() for name, path in named.items() if _KEY_NAME.fullmatch(name)}


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when it is whole, closed to others; a kill leaves ``NAME.partial``."""
    from hedgerow.errors import BackupUnwritable

    partial = path.with_name(f"{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupUnwritable("another process is writing it") from None
            file.truncate()  # what a kill has left
            try:
                yield file
                file.flush()
                os.fsync(descriptor)
                os.link(partial, path)  # unlike a rename, it never takes another file's place
            finally:
                partial.unlink(missing_ok=True)
        _synchronise(path.parent)
    except FileExistsError:
        raise BackupUnwritable("there is a file of that name already") from None
    except OSError as error:
        raise BackupUnwritable(error.strerror or "the file cannot be written") from error


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ── restore ──────────────────────────────────────────────────────────────────────────────────────────────────────


def restore(settings: Settings, path: Path, *, may_replace: bool = False, may_migrate: bool = False) -> RestoreReport:
    """Put a backup into an empty data folder and database, of whichever kind; every digest is compared first.

    The vault is neither in a backup nor touched here: `hedgerow evidence verify` compares it with the rows afterwards.

    Indexes of before are not used any more: the history of the banks gets another name (`bank_changes.epoch`).

    Args:
        settings: The settings.
        path: The backup.
        may_replace: What is there may be replaced, all of it.
        may_migrate: Bring the database up to date afterwards, where the backup is of an older schema.

    Raises:
        BackupUnusable: It is no backup, is damaged, or a newer Hedgerow made it.
        RestoreRefused: There is something already.
        DatabaseUnavailable: The database cannot be written.
    """
    from hedgerow.database import open_database
    from hedgerow.database.file import RESTORING_NAME
    from hedgerow.database.revisions import REVISIONS
    from hedgerow.errors import BackupUnusable
    from hedgerow.migrations import upgrade
    from hedgerow.migrations.archive import checked_manifest

    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupUnusable(error.strerror or "it cannot be read") from error
    with file:
        manifest = checked_manifest(file)
        if manifest.revision not in REVISIONS:
            raise BackupUnusable(f"it has schema {manifest.revision}, which this version of Hedgerow does not know")
        marker = settings.data / RESTORING_NAME
        was_begun = marker.exists()
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = open_database(settings.data, settings.database_url, is_restoring=True)
        try:
            is_there = _refuse_what_is_there(settings, database, manifest, may_replace=may_replace, was_begun=was_begun)
            _write_private(marker, b"A restore was begun. `hedgerow restore` takes this file away when it has ended.\n")
            keys: list[str] = []
            try:
                problem = _load(settings, database, file, manifest, keys)
            except BaseException:
                if is_there and not was_begun and not keys:  # all of it is what it was: it may be served
                    marker.unlink()
                raise
            marker.unlink()
            _synchronise(settings.data)
            revision = manifest.revision
            if may_migrate:
                upgrade(database)
                revision = REVISIONS[-1]
            return RestoreReport(manifest, revision, keys, _lacks_keys(settings, database), problem)
        finally:
            database.close()


def _refuse_what_is_there(
    settings: Settings, database: Database, manifest: Manifest, *, may_replace: bool, was_begun: bool
) -> bool:
    """Tell whether there is a database that is going to be replaced."""
    from hedgerow.errors import RestoreRefused
    from hedgerow.migrations.rows import has_tables

    with database.read() as connection:
        is_there = has_tables(connection)
    if may_replace:
        return is_there
    if is_there:
        raise RestoreRefused("there is a database already; --replace replaces all of it")
    if manifest.keys and not was_begun and _key_files(settings.data):
        raise RestoreRefused("the data folder has keys already, and the backup others; --replace replaces them")
    return False


def _load(settings: Settings, database: Database, file: BinaryIO, manifest: Manifest, placed: list[str]) -> str | None:
    """Do all of it in one transaction, whose last step before the commit are the keys; say what ails the chain."""
    from hedgerow.reports.records import hold_restored

    with _restoring(database) as connection:
        keys = _fill(connection, file, manifest)
        problem = _check_audit(connection, manifest)
        if manifest.revision >= _FIRST_WITH_REPORTS:
            # What the backup would send may have been sent since: filed twice is as bad as never filed
            hold_restored(connection, now=now())
        for name, content in sorted(keys.items()):
            placed.append(name)
            _put_key(settings.data, name, content)
    return problem


@contextmanager
def _restoring(database: Database) -> Iterator[Connection]:
    """Give a transaction that references between rows do not hinder; SQLite compares them all at the end."""
    from sqlalchemy.exc import SQLAlchemyError

    from hedgerow.errors import BackupUnusable, DatabaseUnavailable

    is_sqlite = database.engine.dialect.name == "sqlite"
    try:
        with database.engine.connect() as connection:
            if is_sqlite:  # it cannot be switched within a transaction
                driver = connection.connection.driver_connection
                driver.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]  # it is open
            try:
                with connection.begin():
                    yield connection
                    if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise BackupUnusable("a row refers to another that is not there")
            finally:
                connection.invalidate()  # nobody else gets a connection with that switch
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(type(getattr(error, "orig", None) or error).__name__) from None


def _fill(connection: Connection, file: BinaryIO, manifest: Manifest) -> dict[str, bytes]:
    """Make the schema that the backup has, fill it, and return the keys that it holds."""
    from alembic import command
    from sqlalchemy import inspect, text

    from hedgerow.errors import BackupUnusable
    from hedgerow.migrations import alembic_config
    from hedgerow.migrations.archive import parts_of
    from hedgerow.migrations.rows import clear_tables, drop_tables, insert_rows, set_last_numbers

    drop_tables(connection)
    command.upgrade(alembic_config(connection), manifest.revision)
    clear_tables(connection)
    if not set(manifest.tables) <= set(inspect(connection).get_table_names()):
        raise BackupUnusable("it holds a table that its schema does not have")
    table_of = {part: name for name, record in manifest.tables.items() for part in record.parts}
    inserted = dict.fromkeys(manifest.tables, 0)
    keys: dict[str, bytes] = {}
    for part, content in parts_of(file, manifest):
        if part in table_of:
            name = table_of[part]
            inserted[name] += insert_rows(connection, name, manifest.tables[name], content)
        elif part.startswith(_KEYS) and _KEY_NAME.fullmatch(part.removeprefix(_KEYS)):
            keys[part.removeprefix(_KEYS)] = content
        else:
            raise BackupUnusable("it holds something that no backup holds")
    if inserted != {name: record.rows for name, record in manifest.tables.items()}:
        raise BackupUnusable("a table has more or fewer rows than its manifest says")
    set_last_numbers(connection, manifest.tables)
    connection.execute(text("UPDATE bank_changes SET epoch = :epoch"), {"epoch": secrets.token_hex(8)})
    if "evidence_intents" in manifest.tables:
        # What was being put into the vault when the backup was made may have got its row later: it is not to be swept.
        connection.execute(text("DELETE FROM evidence_intents"))
    return keys


def _check_audit(connection: Connection, manifest: Manifest) -> str | None:
    """Compare the head of the audit, and go through the chain; a chain that was broken before is told, not refused."""
    from hedgerow.audit import entry_lines, read_head, verify
    from hedgerow.errors import BackupUnusable

    if not _has_audit(connection):
        return None
    head = read_head(connection)
    if (head.sequence, head.hash.hex()) != (manifest.audit_sequence, manifest.audit_hash):
        raise BackupUnusable("the latest entry of its audit is not the one that its manifest names")
    found = verify(entry_lines(connection))
    if found.is_broken:
        return found.findings[0].sentence
    last = found.last
    if (last.sequence if last else 0) != head.sequence or (last is not None and last.hash != head.hash):
        return "the last entry is not the one that the head names"
    return None


def _put_key(data: Path, name: str, content: bytes) -> None:
    """Write a key; another one of that name is put beside it, since older backups may need it."""
    place = data / name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists():
        if place.read_bytes() == content:
            return
        place.rename(place.with_name(f"{place.name}.replaced-{now():%Y%m%dT%H%M%S%f}"))
    _write_private(place, content)


def _write_private(place: Path, content: bytes) -> None:
    beside = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    _synchronise(place.parent)


def _lacks_keys(settings: Settings, database: Database) -> bool:
    """Tell whether something in the database needs a key that this data folder does not have."""
    from hedgerow.app.key_health import audit_key_is_missing, sealed_secrets

    with database.read() as connection:
        needs_service_key = sealed_secrets(connection) > 0
        if needs_service_key and settings.service_key is None and not (settings.data / "service.key").is_file():
            return True
        return audit_key_is_missing(connection, settings.data)
