from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import (
    Verification,
    Wrong,
    append,
    checkpoint_head,
    current_public_key,
    entry_lines,
    list_checkpoints,
    list_entries,
    read_head,
    rotate_key,
    verify,
)
from hedgerow.audit.checkpoints import key_id_of
from hedgerow.audit.keys import forget_key, known_public_keys, load_key, make_key
from hedgerow.errors import AuditKeyMissing, SigningSupportMissing

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hedgerow.audit import Checkpoint
    from hedgerow.database import Database

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit-keys"


def _checkpoint(database: Database, folder: Path, now: datetime) -> Checkpoint:
    with database.write() as connection:
        append(connection, actor="cli", action="test.done", subject_type="test", subject_id=None, now=now)
        return checkpoint_head(connection, folder, actor="cli", now=now)


def _verified(database: Database, public_keys: list[bytes]) -> Verification:
    with database.read() as connection:
        return verify(entry_lines(connection), checkpoints=list_checkpoints(connection), public_keys=public_keys)


def test_a_key_is_made_when_it_is_first_needed_and_that_is_recorded(
    database: Database, folder: Path, now: datetime
) -> None:
    first = _checkpoint(database, folder, now)
    second = _checkpoint(database, folder, now)
    assert (first.sequence, second.sequence) == (2, 3)
    with database.read() as connection:
        made = list_entries(connection)[1]
        assert read_head(connection).key_id == first.key_id == second.key_id == made.details["new_key"]
        assert list_checkpoints(connection) == [first, second]
    assert made.action == "audit.key_made"
    assert [key.hex() for key in known_public_keys(folder)] == [made.details["public_key"]]
    found = _verified(database, known_public_keys(folder))
    assert (found.is_sound, found.held) == (True, (2, 3))


def test_the_private_half_can_be_read_by_its_owner_only(folder: Path) -> None:
    key = make_key(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / f"{key.id}.key").stat().st_mode) == 0o600
    assert key.public.hex() not in repr(key._private)
    assert load_key(folder, key.id).sign(b"x") == key.sign(b"x")


def test_the_public_key_is_the_same_until_it_is_replaced(database: Database, folder: Path, now: datetime) -> None:
    with database.write() as connection:
        first = current_public_key(connection, folder, actor="cli", now=now)
        assert current_public_key(connection, folder, actor="cli", now=now) == first
        assert read_head(connection).key_id == key_id_of(first)
        assert len(list_entries(connection)) == 1


def test_a_new_key_is_vouched_for_by_the_old_one(database: Database, folder: Path, now: datetime) -> None:
    before = _checkpoint(database, folder, now)
    (old,) = known_public_keys(folder)
    with database.write() as connection:
        vouching, replaced = rotate_key(connection, folder, actor="user:1", now=now)
        new = current_public_key(connection, folder, actor="user:1", now=now)
    assert replaced is not None
    forget_key(folder, replaced)
    after = _checkpoint(database, folder, now)
    assert (before.key_id, vouching.key_id, after.key_id) == (key_id_of(old), key_id_of(old), key_id_of(new))
    with database.read() as connection:
        entry = list_entries(connection, action="audit.key_rotated")[0]
    assert (entry.sequence, entry.actor) == (vouching.sequence, "user:1")
    assert _verified(database, [old]).held == (before.sequence, vouching.sequence, after.sequence)
    assert [each.wrong for each in _verified(database, [new]).findings] == [Wrong.KEY_UNKNOWN] * 2
    with pytest.raises(AuditKeyMissing):
        load_key(folder, replaced)


def test_a_lost_key_can_be_replaced_and_vouches_for_nothing(database: Database, folder: Path, now: datetime) -> None:
    before = _checkpoint(database, folder, now)
    (old,) = known_public_keys(folder)
    forget_key(folder, before.key_id)
    with database.write() as connection:
        for attempt in (checkpoint_head, rotate_key):
            with pytest.raises(AuditKeyMissing) as caught:
                attempt(connection, folder, actor="cli", now=now)
            assert caught.value.key_id == before.key_id
        alone, replaced = rotate_key(connection, folder, actor="cli", now=now, is_lost=True)
        new = current_public_key(connection, folder, actor="cli", now=now)
    assert (alone.key_id, replaced) == (key_id_of(new), before.key_id)
    assert [each.wrong for each in _verified(database, [old]).findings] == [Wrong.KEY_UNKNOWN]
    assert _verified(database, [old, new]).is_sound


def test_a_key_that_is_another_s_or_damaged_signs_nothing(folder: Path) -> None:
    key, other = make_key(folder), make_key(folder)
    for content in ((folder / f"{other.id}.key").read_bytes(), b"", b"no key"):
        (folder / f"{key.id}.key").write_bytes(content)
        with pytest.raises(AuditKeyMissing):
            load_key(folder, key.id)


def test_a_change_of_key_that_fails_changes_nothing_but_leaves_a_file(
    database: Database, folder: Path, now: datetime
) -> None:
    before = _checkpoint(database, folder, now)

    def fail() -> None:
        with database.write() as connection:
            rotate_key(connection, folder, actor="cli", now=now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    after = _checkpoint(database, folder, now)
    assert after.key_id == before.key_id
    assert len(known_public_keys(folder)) == 2


def test_without_what_signs_it_is_said_what_to_install(
    database: Database, folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with database.write() as connection:
        append(connection, actor="cli", action="test.done", subject_type="test", subject_id=None, now=now)
        with pytest.raises(SigningSupportMissing):
            checkpoint_head(connection, folder, actor="cli", now=now)
        assert read_head(connection).sequence == 1
    with pytest.raises(SigningSupportMissing):
        load_key(folder, "0123456789abcdef")
