"""What whoever finds the disk finds: neither plain bytes nor keys; and what a kill leaves on it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hedgerow import evidence
from hedgerow.app.backup import back_up, restore
from hedgerow.database import open_database
from hedgerow.evidence.tables import evidence as evidence_table
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Custody

WINDOW = 24


def windows(data: bytes) -> list[bytes]:
    """Give pieces from all over some bytes, but from their beginning, of which the PDQ of these tests is made."""
    return [data[start : start + WINDOW] for start in range(64, len(data) - WINDOW, 499)]


def everything_in(*folders: Path) -> bytes:
    return b"".join(path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.sqlite_file
def test_a_copy_of_the_database_and_of_the_vault_reveals_nothing_of_the_bytes(custody: Custody, data: Path) -> None:
    kept, sealed = custody.kept(1), custody.kept(2)
    identity = custody.custodian()
    custody.filed(sealed)
    found = everything_in(data, custody.folder)
    for number in (1, 2):
        for window in windows(custody.plain(number)):
            assert window not in found
    assert identity.encode() not in found
    assert custody.bytes_of(kept) == custody.plain(1)


@pytest.mark.sqlite_file
def test_a_backup_holds_the_rows_and_neither_bytes_nor_a_data_key_in_clear(
    custody: Custody, data: Path, tmp_path: Path
) -> None:
    of = custody.kept()
    data_key = custody.keys.unwrap(of.wrapped or b"", of.object or "")
    custody.database.close()
    back_up(load_settings(data=data), tmp_path / "backup.tar")
    found = _unpacked(tmp_path / "backup.tar")
    assert of.object is not None
    assert of.object.encode() in found
    for secret in (data_key, data_key.hex().encode(), *windows(custody.plain(1))):
        assert secret not in found


@pytest.mark.sqlite_file
def test_what_was_being_put_when_a_backup_was_made_is_not_swept_after_a_restore(
    custody: Custody, data: Path, tmp_path: Path
) -> None:
    under_way = custody.keeper.keep(lambda: [b"whose row is written after the backup"], now=custody.now)
    back_up(load_settings(data=data), tmp_path / "backup.tar")
    restore(load_settings(data=tmp_path / "restored"), tmp_path / "backup.tar")
    opened = open_database(tmp_path / "restored")
    try:
        assert evidence.sweep(opened, custody.vault, before=custody.now + timedelta(days=3_650)) == 0
    finally:
        opened.close()
    assert custody.objects() == {under_way.object}


def _unpacked(path: Path) -> bytes:
    import gzip  # noqa: PLC0415  (of this alone)
    import tarfile  # noqa: PLC0415  (as above)

    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            raw = content.read()
            found += [raw, gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else b""]
    return b"".join(found)


KEEPING = textwrap.dedent(
    """
    import sys, hashlib
    from pathlib import Path
    from hedgerow import evidence
    from hedgerow.database import open_database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.evidence import ReviewKeys
    from hedgerow.evidence.vaults import LocalVault
    from datetime import UTC, datetime

    data, folder = Path(sys.argv[1]), Path(sys.argv[2])
    keys = ReviewKeys.of_service(ServiceKeys((bytes(range(32)),)))
    keeper = evidence.Keeper(open_database(data), LocalVault(folder), keys)
    print("ready", flush=True)
    for number in range(10_000):
        content = hashlib.shake_128(b"picture %d" % (number % 3)).digest(2_000_000)
        keeper.keep(lambda: [content[at : at + 50_000] for at in range(0, len(content), 50_000)],
                    now=datetime(2026, 11, 22, tzinfo=UTC))
    """
)


def _killed(custody: Custody, data: Path, after_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPING, str(data), str(custody.folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _nothing_half_or_plain(custody: Custody, data: Path) -> None:
    """Every object is whole, nothing is plain, and the sweep leaves nothing of what no row names."""
    found = everything_in(data, custody.folder)
    plain = [window for number in range(3) for window in windows(custody.plain(number, 2_000_000))[::20]]
    assert not [window for window in plain if window in found]
    sizes = {each.size_bytes for each in custody.vault.stored()}
    assert len(sizes) <= 1, "an object is shorter than the others"
    evidence.sweep(custody.database, custody.vault, before=custody.now + timedelta(days=3_650))
    while evidence.sweep(custody.database, custody.vault, before=custody.now + timedelta(days=3_650)):
        pass
    assert [path for path in custody.folder.rglob("*") if path.is_file()] == []


@pytest.mark.sqlite_file
def test_a_kill_while_something_is_put_leaves_neither_plain_bytes_nor_half_an_object(
    custody: Custody, data: Path
) -> None:
    for after_s in (0.01, 0.05, 0.12):
        _killed(custody, data, after_s)
    _nothing_half_or_plain(custody, data)


@pytest.mark.sqlite_file
@pytest.mark.slow
def test_two_hundred_kills_leave_neither_plain_bytes_nor_half_an_object(custody: Custody, data: Path) -> None:
    drawn = random.Random(5)  # noqa: S311  (when to kill is no secret)
    for _ in range(200):
        _killed(custody, data, drawn.random() * 0.3)
    _nothing_half_or_plain(custody, data)


@pytest.mark.sqlite_file
def test_a_database_that_was_restored_from_before_leaves_newer_objects_alone_and_names_them(
    custody: Custody, data: Path
) -> None:
    of = custody.kept()
    with custody.database.write() as connection:  # as a backup from before has it: the row never was
        connection.execute(evidence_table.delete())
    opened = open_database(data)
    try:
        assert evidence.sweep(opened, custody.vault, before=custody.now + timedelta(days=3_650)) == 0
        found = evidence.verify_evidence(opened, custody.vault, custody.keys)
    finally:
        opened.close()
    assert [(each.wrong, each.object) for each in found.findings] == [
        (evidence.EvidenceWrong.UNKNOWN_OBJECT, of.object)
    ]
    with custody.database.read() as connection:
        assert connection.execute(select(evidence_table)).all() == []
