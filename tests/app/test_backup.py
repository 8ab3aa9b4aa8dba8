from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from hedgerow import app
from hedgerow.app.backup import back_up, restore
from hedgerow.app.policies import add_policy, compare_policy
from hedgerow.app.webhooks import add_webhook, try_webhook
from hedgerow.audit import append, checkpoint_head, entry_lines, read_head, verify
from hedgerow.audit.keys import FOLDER
from hedgerow.banks import Attributes
from hedgerow.banks.held import latest_change
from hedgerow.database import REVISIONS, open_database
from hedgerow.errors import BackupUnusable, BackupUnwritable, DatabaseUnavailable, RestoreRefused
from hedgerow.hashing import Signal
from hedgerow.migrations.archive import checked_manifest, parts_of
from hedgerow.migrations.rows import dump_tables
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import URL, Connection

    from hedgerow.database import Database
    from hedgerow.migrations.archive import Manifest
    from hedgerow.settings import Settings

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")


def _signals(count: int, salt: str = "") -> list[Signal]:
    return [Signal("pdq", hashlib.sha256(f"{salt}{number}".encode()).digest()) for number in range(count)]


def _fill(settings: Settings) -> None:
    """Put something into the database that is awkward to carry over: bytes, times, truth values, odd texts, gaps."""
    app.create_bank(settings, "known", note='Zoë\'s “list”\n\tsecond line \\ \u2028 {"text": 1}')
    app.add_values(settings, "known", _signals(30), attributes=Attributes("person", category="A1", note="é"))
    app.withdraw(settings, "known", "3", reason="a mistake")
    app.add_user(settings, "ada", roles=["admin"])
    app.add_key(settings, "upload", scopes=["screen"])
    made = add_webhook(settings, "http://127.0.0.1:9/")
    try_webhook(settings, made.endpoint.id)
    compare_policy(settings, add_policy(settings, '[default]\nthen = "review"\npriority = 1\n').version.version)
    database = open_database(settings.data, settings.database_url)
    with database.write() as connection:
        checkpoint_head(connection, settings.data / FOLDER, actor="cli", now=app.now())
        gone = connection.execute(text("SELECT max(id) FROM entries")).scalar_one()
        connection.execute(
            text("DELETE FROM entries WHERE id = :gone"), {"gone": gone}
        )  # its number must not come again
    database.close()


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    """Give the settings of a data folder with something in it."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = load_settings(data=tmp_path / "folder", database_url=url)
    _fill(settings)
    return settings


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Give the settings of a data folder with SQLite."""
    settings = load_settings(data=tmp_path / "small")
    _fill(settings)
    return settings


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """Give the settings of a data folder that is not there yet, on SQLite."""
    return load_settings(data=tmp_path / "empty")


@pytest.fixture
def empty_postgresql(postgresql_server: URL, tmp_path: Path) -> Iterator[Settings]:
    """Give the settings of a data folder that is not there yet, and an empty database on PostgreSQL."""
    name = f"hedgerow_empty_{uuid.uuid4().hex}"
    engine = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    url = postgresql_server.set(database=name).render_as_string(hide_password=False)
    yield load_settings(data=tmp_path / "empty-postgresql", database_url=url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()


class Collected:
    """Takes what an archive takes, as plain lines."""

    def __init__(self) -> None:
        self.lines: dict[str, list[bytes]] = {}

    def add_lines(self, name: str, lines: bytes) -> None:
        self.lines.setdefault(name.partition("-")[0], []).extend(lines.splitlines())


def _rows(settings: Settings) -> dict[str, list[bytes]]:
    """Give all rows of a database, but the name of its history, which a restore renews."""
    collected = Collected()
    database = open_database(settings.data, settings.database_url)
    with database.read() as connection:
        dump_tables(connection, collected)  # type: ignore[arg-type]  # the method that is called
    database.close()
    del collected.lines["tables/bank_changes"]
    return collected.lines


@contextmanager
def _reading(settings: Settings) -> Iterator[Connection]:
    database = open_database(settings.data, settings.database_url)
    with database.read() as connection:
        yield connection
    database.close()


def _manifest(path: Path) -> Manifest:
    with path.open("rb") as file:
        return checked_manifest(file)


def _head(settings: Settings) -> tuple[int, bytes]:
    database = open_database(settings.data, settings.database_url)
    with database.read() as connection:
        head = read_head(connection)
        assert verify(entry_lines(connection)).is_sound
    database.close()
    return head.sequence, head.hash


# ── everything comes back ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["empty", "empty_postgresql"])
def test_everything_comes_back_on_either_kind_of_database(
    settings: Settings, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    target: Settings = request.getfixturevalue(kind)
    report = back_up(settings, tmp_path / "backup.tar", with_keys=True)
    restored = restore(target, tmp_path / "backup.tar")
    assert restored.manifest == report.manifest
    assert (restored.lacks_keys, restored.chain_problem) == (False, None)
    assert _rows(target) == _rows(settings)
    assert _head(target) == _head(settings)
    assert report.manifest.audit_hash == _head(settings)[1].hex()
    assert try_webhook(target, 1).last_error == "connect error"  # the secret opens, and is tried


@pytest.mark.parametrize("kind", ["empty", "empty_postgresql"])
def test_no_number_comes_again(settings: Settings, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    target: Settings = request.getfixturevalue(kind)
    back_up(settings, tmp_path / "backup.tar")
    restore(target, tmp_path / "backup.tar")
    app.add_values(target, "known", _signals(1, "new"))
    with _reading(target) as connection:
        assert connection.execute(text("SELECT max(id) FROM entries")).scalar_one() == 31


def test_indexes_of_before_are_not_used_any_more(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup.tar")
    restore(empty, tmp_path / "backup.tar")
    found = []
    for each in (settings, empty):
        with _reading(each) as connection:
            found.append(latest_change(connection))
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]


def test_a_backup_is_one_moment_while_others_write(
    database: Database, settings: Settings, empty: Settings, tmp_path: Path
) -> None:
    stopping = threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            with database.write() as connection:
                number += 1
                append(
                    connection,
                    actor="cli",
                    action="case.viewed",
                    subject_type="case",
                    subject_id=number,
                    now=app.now(),
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        report = back_up(settings, tmp_path / "backup.tar")
    finally:
        stopping.set()
        writer.join()
    restored = restore(empty, tmp_path / "backup.tar")
    assert restored.chain_problem is None
    assert _head(empty) == (report.manifest.audit_sequence, bytes.fromhex(report.manifest.audit_hash))


def test_that_a_backup_was_made_is_the_last_entry_in_it(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup.tar", actor="user:3")
    restore(empty, tmp_path / "backup.tar")
    with _reading(empty) as connection:
        last = connection.execute(
            text("SELECT action, actor, details FROM audit_entries ORDER BY sequence DESC LIMIT 1")
        ).one()
    assert tuple(last) == ("backup.made", "user:3", '{"with_keys":false}')


@pytest.mark.parametrize("kind", ["empty", "empty_postgresql"])
def test_rows_that_do_not_fit_their_columns_are_carried_over(
    small: Settings, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    target: Settings = request.getfixturevalue(kind)
    source = open_database(small.data)
    with source.write() as connection:
        connection.execute(text("UPDATE entries SET bits = 'a text of thirty-two characters.' WHERE id = 1"))
        connection.execute(text("UPDATE entries SET note = x'ff00' WHERE id = 2")) if kind == "empty" else None
    source.close()
    back_up(small, tmp_path / "backup.tar")
    restore(target, tmp_path / "backup.tar")
    with _reading(target) as connection:
        rows = connection.exec_driver_sql("SELECT bits, note FROM entries WHERE id < 3 ORDER BY id").all()
    bits = "a text of thirty-two characters."
    if kind == "empty":
        assert (rows[0].bits, rows[1].note) == (bits, b"\xff\x00")
    else:
        assert bytes(rows[0].bits) == bits.encode()


@pytest.mark.parametrize("may_migrate", [False, True])
def test_a_database_of_an_older_schema_is_backed_up_and_brought_up_to_date_when_asked(
    tmp_path: Path, empty: Settings, may_migrate: bool
) -> None:
    from alembic import command  # noqa: PLC0415  (only here)

    from hedgerow.migrations import alembic_config  # noqa: PLC0415  (as above)

    old = load_settings(data=tmp_path / "old")
    database = open_database(old.data)
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "0003")
    with database.write() as connection:
        append(connection, actor="cli", action="case.viewed", subject_type="case", subject_id=1, now=app.now())
    database.close()
    assert back_up(old, tmp_path / "backup.tar").manifest.revision == "0003"
    restored = restore(empty, tmp_path / "backup.tar", may_migrate=may_migrate)
    assert restored.revision == (REVISIONS[-1] if may_migrate else "0003")
    assert restored.manifest.audit_sequence == 2


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_in_a_backup_only_when_asked_for(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    without = back_up(settings, tmp_path / "without.tar")
    secret = base64.b64decode((settings.data / "service.key").read_bytes())
    assert without.manifest.keys == []
    with (tmp_path / "without.tar").open("rb") as file:
        for _, content in parts_of(file, without.manifest):
            assert secret not in content
            assert base64.b64encode(secret) not in content
    assert restore(empty, tmp_path / "without.tar").lacks_keys
    assert not (empty.data / "service.key").exists()


def test_keys_come_back_for_their_owner_alone(settings: Settings, empty: Settings, tmp_path: Path) -> None:
    report = back_up(settings, tmp_path / "with.tar", with_keys=True)
    assert len(report.manifest.keys) == 3  # the service key, and both halves of the one that signs
    restore(empty, tmp_path / "with.tar")
    for name in report.manifest.keys:
        assert (empty.data / name).read_bytes() == (settings.data / name).read_bytes()
        assert stat.S_IMODE((empty.data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "with.tar").stat().st_mode) == 0o600


@pytest.mark.sqlite_file
def test_a_key_that_is_replaced_is_put_beside(small: Settings, tmp_path: Path) -> None:
    back_up(small, tmp_path / "with.tar", with_keys=True)
    (small.data / "service.key").write_text("another\n", "ascii")
    with pytest.raises(RestoreRefused):
        restore(small, tmp_path / "with.tar")
    restore(small, tmp_path / "with.tar", may_replace=True)
    beside = list(small.data.glob("service.key.replaced-*"))
    assert [path.read_text("ascii") for path in beside] == ["another\n"]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_replaced_that_nobody_said_may_be(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup.tar")
    app.create_bank(settings, "afterwards")
    before = _rows(settings)
    with pytest.raises(RestoreRefused):
        restore(settings, tmp_path / "backup.tar")
    assert _rows(settings) == before
    restore(settings, tmp_path / "backup.tar", may_replace=True)
    assert [each.bank.name for each in app.list_banks(settings)] == ["known"]


def test_a_file_that_is_there_is_not_written_over(small: Settings, tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(b"mine")
    with pytest.raises(BackupUnwritable):
        back_up(small, tmp_path / "backup.tar")
    with pytest.raises(BackupUnwritable):
        back_up(small, tmp_path / "nowhere" / "backup.tar")
    assert (tmp_path / "backup.tar").read_bytes() == b"mine"


def test_without_a_database_there_is_no_backup(empty: Settings, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        back_up(empty, tmp_path / "backup.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_was_cut_off_anywhere_is_none(small: Settings, empty: Settings, tmp_path: Path) -> None:
    back_up(small, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    for length in [0, 1, 511, 512, 5_000, len(whole) // 2, len(whole.rstrip(b"\0")) - 80]:
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(BackupUnusable):
            restore(empty, tmp_path / "cut.tar")
    assert not empty.data.exists()


def test_a_bit_that_flips_is_found_unless_it_says_nothing(small: Settings, tmp_path: Path) -> None:
    back_up(small, tmp_path / "backup.tar")
    path = tmp_path / "backup.tar"
    whole = path.read_bytes()
    with path.open("rb") as file:
        manifest = checked_manifest(file)
        parts = dict(parts_of(file, manifest))
    places = random.Random(5)  # noqa: S311  (places, no secret)
    found = 0
    for _ in range(300):
        place = places.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << places.randrange(8)
        (tmp_path / "damaged.tar").write_bytes(damaged)
        with (tmp_path / "damaged.tar").open("rb") as file:
            try:
                assert checked_manifest(file) == manifest
                assert dict(parts_of(file, manifest)) == parts
            except BackupUnusable:
                found += 1
    assert found > 100  # the rest fell on the padding between parts


@pytest.mark.parametrize("kind", ["text", "picture", "folder"])
def test_what_is_no_backup_is_refused(empty: Settings, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "backup.tar"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"hello" if kind == "text" else b"\x89PNG\r\n\x1a\n" + bytes(5_000))
    with pytest.raises(BackupUnusable):
        restore(empty, path)


def test_a_chain_that_was_broken_before_is_told_and_restored(
    database: Database, settings: Settings, empty: Settings, tmp_path: Path
) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE audit_entries SET actor = 'user:9' WHERE sequence = 2"))
    back_up(settings, tmp_path / "backup.tar")
    assert restore(empty, tmp_path / "backup.tar").chain_problem is not None
    assert _rows(empty) == _rows(settings)


# ── kills ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _command(settings: Settings, *arguments: object) -> subprocess.Popen[bytes]:
    code = "from hedgerow.cli import main; main()"
    environment = dict(os.environ)
    if settings.database_url is not None:
        environment["HEDGEROW_DATABASE_URL"] = settings.database_url
    return subprocess.Popen(
        [sys.executable, "-c", code, "--data", str(settings.data), *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def _kill_when(process: subprocess.Popen[bytes], holds: Callable[[], bool], after_s: float) -> None:
    while process.poll() is None and not holds():
        time.sleep(0.001)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    _ended(process)


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(settings: Settings, tmp_path: Path) -> None:
    app.add_values(settings, "known", _signals(20_000, "more"))
    path, partial = tmp_path / "backup.tar", tmp_path / "backup.tar.partial"
    moments = random.Random(7)  # noqa: S311  (moments, no secret)
    killed = 0
    for _ in range(4):
        _kill_when(_command(settings, "backup", path), partial.exists, moments.uniform(0, 0.3))
        if path.exists():  # it was faster: then it is whole
            _manifest(path)
            path.unlink()
        else:
            killed += 1
    assert killed
    assert _ended(_command(settings, "backup", path))[0] == 0
    assert _manifest(path).tables["entries"].rows == 20_029
    assert not partial.exists()


@pytest.mark.parametrize("kind", ["empty", "empty_postgresql"])
def test_a_restore_that_is_killed_leaves_a_folder_that_serves_nothing(
    small: Settings, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    target: Settings = request.getfixturevalue(kind)
    app.add_values(small, "known", _signals(20_000, "more"))
    back_up(small, tmp_path / "backup.tar", with_keys=True)
    marker = target.data / "restoring"
    moments = random.Random(11)  # noqa: S311  (moments, no secret)
    killed = 0
    for _ in range(3):
        _kill_when(
            _command(target, "restore", "--replace", tmp_path / "backup.tar"), marker.exists, moments.uniform(0, 0.8)
        )
        if marker.exists():
            killed += 1
            status, err = _ended(_command(target, "bank", "list"))
            assert status == 4
            assert b"hedgerow restore" in err
    assert killed
    assert _ended(_command(target, "restore", "--replace", tmp_path / "backup.tar"))[0] == 0
    assert _rows(target) == _rows(small)
    assert _head(target) == _head(small)
    assert _ended(_command(target, "bank", "list"))[0] == 0


def test_a_restore_that_fails_leaves_what_was_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(settings, tmp_path / "backup.tar")
    before: dict[str, Any] = _rows(settings)

    def fails(*_: object) -> None:
        raise BackupUnusable("for this test")

    monkeypatch.setattr("hedgerow.app.backup._check_audit", fails)
    with pytest.raises(BackupUnusable):
        restore(settings, tmp_path / "backup.tar", may_replace=True)
    assert _rows(settings) == before
    assert [each.bank.name for each in app.list_banks(settings)] == ["known"]
