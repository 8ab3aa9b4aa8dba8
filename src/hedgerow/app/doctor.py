"""Examine an installation, from its settings and disk to its exchanges, evidence and reports.

Nothing is changed, but that the snapshot of a large bank is written where it lacks, and that a small object is put into
the vault and deleted again.

Every check looks at the thing itself, says in one sentence how it stands and, where it does not stand well, what to do.
What a check did not foresee is told as wrong: a doctor that fails says nothing about the patient.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hedgerow.app.clock import now
from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["Check", "Standing", "examine"]

_PREFIX: Final = "HEDGEROW_"
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
# PostgreSQL 13 brought pg_current_snapshot, by which a look-back tells that nothing can appear any more.
_OLDEST_POSTGRESQL: Final = 130_000
_LITTLE_BYTES: Final = 200 * 1024**2
_CLOCK_OFF: Final = timedelta(seconds=5)  # a webhook's signature is refused when it is five minutes off
_CLOCK_WRONG: Final = timedelta(seconds=60)
_PROBE_S: Final = 0.2
_BUSY_S: Final = 1.0


class Standing(StrEnum):
    """How something stands."""

    OK = "ok"
    CAUTION = "caution"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and how it stands.

    Attributes:
        name: A word or two for programs: ``database``, ``disk``.
        standing: How it stands.
        sentence: How, in one sentence.
        advice: What to do; None where nothing is to be done.
    """

    name: str
    standing: Standing
    sentence: str
    advice: str | None = None


def _ok(name: str, sentence: str) -> Check:
    return Check(name, Standing.OK, sentence)


def _caution(name: str, sentence: str, advice: str) -> Check:
    return Check(name, Standing.CAUTION, sentence, advice)


def _wrong(name: str, sentence: str, advice: str) -> Check:
    return Check(name, Standing.WRONG, sentence, advice)


def examine(settings: Settings) -> Iterator[Check]:
    """Examine everything, one thing after another; what needs the database is left out where there is none."""
    from hedgerow.app.doctor_evidence import look_at_evidence
    from hedgerow.app.doctor_exchanges import look_at_exchanges
    from hedgerow.app.doctor_reports import look_at_reports
    from hedgerow.database import database_exists, open_database

    yield from _guarded("settings", lambda: _settings(settings))
    yield from _guarded("disk", lambda: _disk(settings))
    yield from _guarded("permissions", lambda: _permissions(settings))
    yield from _guarded("hashing", lambda: _hashing(settings))
    if not database_exists(settings.data, settings.database_url):
        yield _caution(
            "database",
            f"There is no database in {settings.data} yet.",
            "Name the right folder with --data, or create a bank: hedgerow bank create NAME.",
        )
        return
    try:
        database = open_database(settings.data, settings.database_url)
    except HedgerowError as error:
        yield _wrong("database", str(error), "Mend that first; nothing else can be looked at.")
        return
    try:
        found = list(_guarded("database", lambda: _database(database)))
        yield from found
        if any(each.standing is Standing.WRONG for each in found):
            return
        yield from _guarded("indexes", lambda: _indexes(settings, database))
        yield from _guarded("clock", lambda: _clock(database))
        yield from _guarded("keys", lambda: _keys(settings, database))
        yield from _guarded("webhooks", lambda: _webhooks(database))
        yield from _guarded("exchanges", lambda: look_at_exchanges(settings, database))
        yield from _guarded("evidence", lambda: look_at_evidence(settings, database))
        yield from _guarded("reports", lambda: look_at_reports(settings, database))
    finally:
        database.close()


def _guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from list(look())
    except HedgerowError as error:
        yield _wrong(name, str(error), "Mend that, and run hedgerow doctor again.")
    except Exception as error:  # noqa: BLE001  (told as wrong: see above)
        yield _wrong(name, f"This could not be looked at ({type(error).__name__}).", "Please report this as a defect.")


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _settings(settings: Settings) -> Iterator[Check]:
    found = [*_unknown_variables(settings), *_contradictions(settings)]
    yield from found or [_ok("settings", "Every setting fits, and none contradicts another.")]


def _unknown_variables(settings: Settings) -> Iterator[Check]:
    known = set()
    for name, field in type(settings).model_fields.items():
        sections = getattr(field.annotation, "model_fields", None)
        known |= {name.upper()} if sections is None else {f"{name}_{each}".upper() for each in sections}
    for variable in sorted(os.environ):
        own = variable.removeprefix(_PREFIX)
        if variable.startswith(_PREFIX) and own not in known and not own.startswith("TEST_"):
            yield _caution(
                "settings",
                f"The variable {variable} is no setting and changes nothing.",
                "Look its name up in the reference of settings.",
            )


def _contradictions(settings: Settings) -> Iterator[Check]:
    server, hma, lookback = settings.server, settings.hma, settings.lookback
    is_open = server.host not in _LOOPBACK
    if hma.dev and not hma.anonymous:
        yield _caution(
            "settings", "hma.dev is on without hma.anonymous, and does nothing.", "Turn it off, or both of them on."
        )
    if hma.anonymous and is_open:
        yield _caution(
            "settings",
            "The HMA door answers without a key, and the service listens beyond this machine.",
            "Turn hma.anonymous off, or see that only your own programs reach the port.",
        )
    if hma.dev and hma.anonymous:
        yield _caution(
            "settings",
            "HMA's development routes are on: whoever reaches them can delete every bank.",
            "Turn hma.dev off where the banks are worth something.",
        )
    if lookback.on_bank and not lookback.enabled:
        yield _caution(
            "settings",
            "lookback.on_bank is on without lookback.enabled, and does nothing.",
            "Turn lookback.enabled on: without the ledger there is nothing to look back on.",
        )
    if server.workers > 1 and (settings.database_url is None or settings.database_url.startswith("sqlite")):
        yield _caution(
            "settings",
            f"{server.workers} processes answer on SQLite, which lets one of them write at a time.",
            "Use PostgreSQL, or one process.",
        )
    if settings.database_url is not None and (settings.data / "hedgerow.db").is_file():
        yield _caution(
            "settings",
            "database_url names another database, and the data folder holds one that is not used.",
            "Move hedgerow.db away if it is an old one; else take database_url away.",
        )


# ── disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _existing(folder: Path) -> Path:
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _disk(settings: Settings) -> Iterator[Check]:
    usage = shutil.disk_usage(_existing(settings.data))
    held = sum(path.stat().st_size for path in settings.data.rglob("*") if path.is_file())
    free = f"{usage.free / 1e9:,.1f} GB are free beside {held / 1e9:,.1f} GB in the data folder"
    if usage.free < _LITTLE_BYTES:
        yield _wrong("disk", f"The disk is full: {free}.", "Make room before anything is written.")
    elif usage.free < held:
        # A large import and the renewal of a snapshot each need what they write a second time
        yield _caution("disk", f"Little room is left: {free}.", "Make as much room as the data folder takes.")
    else:
        yield _ok("disk", f"{free[0].upper()}{free[1:]}.")


def _permissions(settings: Settings) -> Iterator[Check]:
    if not settings.data.is_dir():
        yield _ok("permissions", "There is no data folder yet.")
        return
    found = []
    private = [settings.data / "service.key", *(settings.data / "audit-keys").glob("*.key")]
    for path in private:
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            name = path.relative_to(settings.data)
            found.append(_wrong("permissions", f"Others can read the key {name}.", f"Run chmod 600 on {path}."))
    folder_mode = stat.S_IMODE(settings.data.stat().st_mode)
    database = settings.data / "hedgerow.db"
    if folder_mode & 0o077 and database.is_file() and stat.S_IMODE(database.stat().st_mode) & 0o077:
        found.append(
            _wrong("permissions", "Others on this machine can read the database.", f"Run chmod 700 on {settings.data}.")
        )
    elif folder_mode & 0o077:
        found.append(
            _caution("permissions", "Others can look into the data folder.", f"Run chmod 700 on {settings.data}.")
        )
    if not os.access(settings.data, os.W_OK | os.X_OK):
        found.append(_wrong("permissions", "This user cannot write the data folder.", "Run as the user who owns it."))
    yield from found or [_ok("permissions", "The data folder and the keys are closed to others.")]


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────


def _database(database: Database) -> Iterator[Check]:
    from hedgerow.database.revisions import REVISIONS, current_revision, needs_upgrade

    with database.read() as connection:
        is_outdated = needs_upgrade(connection)
        revision = current_revision(connection)
        is_sqlite = connection.dialect.name == "sqlite"
        found = list(_sqlite(connection) if is_sqlite else _postgresql(connection))
    if is_outdated:
        said = "is empty" if revision is None else f"has schema {revision}, and this version has {REVISIONS[-1]}"
        found.append(_wrong("database", f"The database {said}.", "Make a backup, then run hedgerow serve --migrate."))
    if is_sqlite:
        file = database.engine.url.database
        found += list(_is_sqlite_writable(str(file)))
    yield from found or [_ok("database", f"The database is sound, and has this version's schema {revision}.")]


def _sqlite(connection: Connection) -> Iterator[Check]:
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    if mode != "wal":
        yield _wrong(
            "database",
            f"SQLite's journal mode is {mode}: readers wait for writers.",
            "Move the data folder to a local disk; network file systems cannot do better.",
        )
    problems = connection.exec_driver_sql("PRAGMA quick_check").scalars()
    # A row that does not fit its table is no damage of the file: the index keeps it out, and says so below
    if any(problem != "ok" and not problem.startswith("CHECK constraint failed") for problem in problems):
        yield _wrong("database", "SQLite finds the database damaged.", "Restore the latest backup.")


def _is_sqlite_writable(file: str) -> Iterator[Check]:
    try:
        with closing(sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None)) as driver:
            driver.execute("BEGIN IMMEDIATE")
            driver.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):  # else somebody is writing, so it can be written
            yield _wrong(
                "database", "The database cannot be written.", "See to the permissions of hedgerow.db and its folder."
            )


def _postgresql(connection: Connection) -> Iterator[Check]:
    number, is_read_only = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('default_transaction_read_only') = 'on' "
        "OR pg_is_in_recovery()"
    ).one()
    if number < _OLDEST_POSTGRESQL:
        yield _wrong(
            "database", f"PostgreSQL {number // 10_000} is too old.", f"Use {_OLDEST_POSTGRESQL // 10_000} or newer."
        )
    if is_read_only:
        yield _wrong(
            "database",
            "PostgreSQL takes no changes: it is a standby, or was made read-only.",
            "Name the server that takes changes in database_url.",
        )


# ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _indexes(settings: Settings, database: Database) -> Iterator[Check]:
    from hedgerow.app.matching import matcher_of

    found = list(_snapshots(settings, database))
    matcher = matcher_of(settings, database)
    matcher.load()
    rows = matcher.quarantined()
    if rows:
        reasons = sorted({row.reason for row in rows})
        more = f"{len(rows):,} malformed rows are" if len(rows) > 1 else "One malformed row is"
        where = ", ".join(sorted({row.bank for row in rows})[:5])
        found.append(
            _caution(
                "indexes",
                f"{more} kept out of the index, of {where}: {'; '.join(reasons[:3])}.",
                f"Withdraw them with hedgerow bank withdraw; the first is entry {rows[0].entry} of {rows[0].bank}.",
            )
        )
    health = matcher.health()
    yield from found or [
        _ok("indexes", f"Banks that are searched: {health.banks}, up to change {health.sequence} of the database.")
    ]


def _snapshots(settings: Settings, database: Database) -> Iterator[Check]:
    from hedgerow.banks.held import latest_change
    from hedgerow.errors import SnapshotDamaged, SnapshotMissing
    from hedgerow.hashing.signal import SIGNAL_TYPES
    from hedgerow.matching import DigestIndex, HammingIndex

    with database.read() as connection:
        epoch, sequence = latest_change(connection)
    for folder in sorted(settings.data.glob("indexes/*/*")):
        kind = SIGNAL_TYPES.get(folder.name)
        if kind is None or not folder.is_dir():
            continue
        name = f"{folder.parent.name}/{folder.name}"
        opener = HammingIndex if kind.is_perceptual else DigestIndex
        try:
            held = opener.open(folder, verify="now").metadata
        except SnapshotMissing:
            continue
        except SnapshotDamaged:
            yield _caution(
                "indexes",
                f"The snapshot {name} is damaged; it is built again when it is next needed.",
                "See to the disk: a file has changed by itself.",
            )
            continue
        latest = held.get("sequence")
        if held.get("epoch") != epoch or not isinstance(latest, int) or latest > sequence:
            yield _caution(
                "indexes",
                f"The snapshot {name} is of another database; it is not used.",
                f"Nothing is at risk. After a restore this is expected; delete {folder} to be rid of it.",
            )


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────


def _clock(database: Database) -> Iterator[Check]:
    with database.read() as connection:
        found = [*_against_database(connection), *_against_record(connection, now())]
    began, steady = time.time(), time.monotonic()
    time.sleep(_PROBE_S)
    if abs((time.time() - began) - (time.monotonic() - steady)) > _PROBE_S / 4:
        found.append(
            _caution("clock", "The clock jumps while one looks at it.", "Let NTP slew it rather than step it.")
        )
    yield from found or [_ok("clock", "The clock agrees with the database and with the record.")]


def _against_database(connection: Connection) -> Iterator[Check]:
    if connection.dialect.name == "sqlite":
        return  # it has no clock of its own
    theirs: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    off = abs(theirs - now())
    if off > _CLOCK_OFF:
        told = _wrong if off > _CLOCK_WRONG else _caution
        yield told(
            "clock",
            f"This machine's clock and the database's are {off.total_seconds():,.0f} s apart.",
            "Run NTP on both: leases, deadlines and signatures go by these clocks.",
        )


def _against_record(connection: Connection, at: datetime) -> Iterator[Check]:
    from sqlalchemy import select

    from hedgerow.audit.tables import audit_entries

    latest = connection.execute(select(audit_entries.c.at).order_by(audit_entries.c.sequence.desc()).limit(1)).scalar()
    if latest is not None and latest > at + _CLOCK_OFF:
        ahead = (latest - at).total_seconds()
        yield _wrong(
            "clock",
            f"The latest entry of the audit is {ahead:,.0f} s in the future.",
            "The clock was set back, or was wrong when that was written. Set it right.",
        )


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _keys(settings: Settings, database: Database) -> Iterator[Check]:
    found = [*_service_key(settings, database), *_audit_key(settings, database)]
    yield from found or [_ok("keys", "The service key opens every sealed secret, and the audit's key is there.")]


def _service_key(settings: Settings, database: Database) -> Iterator[Check]:
    from hedgerow.app.key_health import broken_seals, sealed_secrets
    from hedgerow.database.sealing import load_service_keys

    with database.read() as connection:
        count = sealed_secrets(connection)
        if not count:
            return  # none is needed yet, and looking makes none
        stated = None if settings.service_key is None else settings.service_key.get_secret_value()
        if stated is None and not (settings.data / "service.key").is_file():
            yield _wrong(
                "keys",
                f"There are {count:,} sealed secrets and no service key.",
                "Put service.key back into the data folder before anything else runs: it would make another one.",
            )
            return
        broken = broken_seals(connection, load_service_keys(settings.data, stated))
    if broken:
        yield _wrong(
            "keys",
            f"The service key does not open {broken:,} of {count:,} sealed secrets.",
            "Put the old key back, on a line below the new one, and run nothing else before.",
        )


def _audit_key(settings: Settings, database: Database) -> Iterator[Check]:
    from hedgerow.audit import list_checkpoints, read_head
    from hedgerow.audit.checkpoints import is_signed_by
    from hedgerow.audit.keys import FOLDER, find_public_key, load_key

    with database.read() as connection:
        key_id = read_head(connection).key_id
        made = list_checkpoints(connection)
        if key_id is None:
            return  # none was needed yet
        hash_then = _hash_of(connection, made[-1].sequence) if made else None
    folder = settings.data / FOLDER
    load_key(folder, key_id)
    if not made:
        return
    last = made[-1]
    if not is_signed_by(last, find_public_key(folder, last.key_id)):
        yield _wrong("keys", "The last checkpoint was not signed with its key.", "Run hedgerow audit verify.")
    elif hash_then != last.hash:
        yield _wrong(
            "keys",
            f"Entry {last.sequence:,} of the audit is not what the last checkpoint says it was.",
            "Somebody has changed the record: run hedgerow audit verify, and keep a copy of all of it.",
        )


def _hash_of(connection: Connection, sequence: int) -> bytes | None:
    from sqlalchemy import select

    from hedgerow.audit.tables import audit_entries

    found = connection.execute(select(audit_entries.c.hash).where(audit_entries.c.sequence == sequence)).scalar()
    return None if found is None else bytes(found)


# ── hashing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _hashing(settings: Settings) -> Iterator[Check]:
    from hedgerow.hashing.selftest import run_vectors

    results = list(run_vectors())
    failed = sum(not each.has_passed for each in results)
    if failed:
        yield _wrong(
            "hashing",
            f"{failed} of {len(results)} published vectors are not reproduced on this machine.",
            "Run hedgerow selftest. Use nothing that this machine hashes until it passes.",
        )
    trouble = _trouble_of_pool(settings)
    if trouble is not None:
        yield _wrong(
            "hashing", f"The processes that hash do not work: {trouble}.", "Raise media.memory_bytes, or see the log."
        )
    elif not failed:
        yield _ok("hashing", f"All {len(results)} published vectors are reproduced, and the hashing processes work.")


def _trouble_of_pool(settings: Settings) -> str | None:
    import io

    from PIL import Image

    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import HashingPool
    from hedgerow.hashing.selftest import synthetic_picture

    file = io.BytesIO()
    Image.fromarray(synthetic_picture(320, 240, 1)).save(file, "PNG")
    with HashingPool(HashOptions(limits=settings.media_limits()), 1, is_long=True) as pool:
        pool.start()
        hashed = pool.hash_bytes(file.getvalue(), types=("pdq",), level="exact")
    if hashed.unchecked is not None:
        return hashed.unchecked.reason
    return None if hashed.signals else "a picture has no signal"


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _webhooks(database: Database) -> Iterator[Check]:
    from urllib.parse import urlsplit

    from hedgerow.actions import list_endpoints, unconfirmed

    with database.read() as connection:
        endpoints = [each for each in list_endpoints(connection) if each.is_active]
        waiting = list(unconfirmed(connection))
    found = [
        _caution(
            "webhooks",
            f"Messages to endpoint {each.id} go over the network unencrypted.",
            "Give it an address that begins with https://.",
        )
        for each in endpoints
        if each.url.startswith("http://") and urlsplit(each.url).hostname not in _LOOPBACK
    ]
    found += [
        _wrong(
            "webhooks",
            f"{each.given_up:,} messages to endpoint {each.endpoint_id} were given up.",
            f"Mend the platform's side, then run hedgerow webhook retry --given-up {each.endpoint_id}.",
        )
        for each in waiting
        if each.given_up
    ]
    late = [each for each in waiting if each.waiting and now() - each.oldest_at > timedelta(hours=1)]
    found += [
        _caution(
            "webhooks",
            f"{each.waiting:,} messages to endpoint {each.endpoint_id} are not confirmed for over an hour.",
            f"See hedgerow webhook deliveries --endpoint {each.endpoint_id}, and that serve or worker runs.",
        )
        for each in late
    ]
    told = f"{len(endpoints)} endpoints are told" if endpoints else "No endpoint is told of anything"
    yield from found or [_ok("webhooks", f"{told}, and nothing waits for long.")]
