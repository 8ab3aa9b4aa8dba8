from __future__ import annotations

import base64
import multiprocessing
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert, select

from hedgerow.database import schema
from hedgerow.database.sealing import (
    KEY_FILE_NAME,
    SEALED,
    Place,
    ServiceKeys,
    add_service_key,
    load_service_keys,
    new_service_key,
    reseal,
)
from hedgerow.errors import SealBroken, SealingSupportMissing, ServiceKeyUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.database import Database

_OLD, _NEW = b"\x01" * 32, b"\x02" * 32
_KEYS = ServiceKeys((_OLD,))
_PLACE = Place("users", "totp_secret", 7)


# ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_at_its_place(secret: bytes) -> None:
    assert _KEYS.open(_KEYS.seal(secret, _PLACE), _PLACE) == secret


def test_a_sealed_secret_does_not_show_it_and_is_another_each_time() -> None:
    secret = b"JBSWY3DPEHPK3PXP"
    one, other = _KEYS.seal(secret, _PLACE), _KEYS.seal(secret, _PLACE)
    assert one != other
    assert not any(secret[start : start + 4] in one for start in range(len(secret) - 3))


@pytest.mark.parametrize(
    "other", [Place("endpoints", "totp_secret", 7), Place("users", "secret", 7), Place("users", "totp_secret", 8)]
)
def test_a_sealed_secret_opens_nowhere_else(other: Place) -> None:
    sealed = _KEYS.seal(b"secret", _PLACE)
    with pytest.raises(SealBroken) as caught:
        _KEYS.open(sealed, other)
    assert (caught.value.table, caught.value.column, caught.value.row) == other


@given(st.data())
def test_one_changed_bit_breaks_the_seal(data: st.DataObject) -> None:
    sealed = bytearray(_KEYS.seal(b"secret", _PLACE))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        _KEYS.open(bytes(sealed), _PLACE)


@given(st.binary(max_size=80))
def test_what_was_never_sealed_does_not_open(junk: bytes) -> None:
    with pytest.raises(SealBroken):
        _KEYS.open(junk, _PLACE)
    with pytest.raises(SealBroken):
        _KEYS.open(b"\x01" + _KEYS.newest_id + junk, _PLACE)


def test_a_cut_secret_does_not_open() -> None:
    sealed = _KEYS.seal(b"secret", _PLACE)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            _KEYS.open(sealed[:length], _PLACE)


def test_another_key_opens_nothing_and_an_old_one_still_does() -> None:
    sealed = _KEYS.seal(b"secret", _PLACE)
    with pytest.raises(SealBroken):
        ServiceKeys((_NEW,)).open(sealed, _PLACE)
    both = ServiceKeys((_NEW, _OLD))
    assert both.open(sealed, _PLACE) == b"secret"
    assert ServiceKeys((_NEW,)).open(both.seal(b"secret", _PLACE), _PLACE) == b"secret"


def test_keys_are_not_shown_by_accident_and_their_names_say_nothing_of_them() -> None:
    assert "\\x01" not in repr(_KEYS)
    assert _KEYS.newest_id not in _OLD


def test_without_cryptography_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = _KEYS.seal(b"secret", _PLACE)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    for call in (lambda: _KEYS.seal(b"secret", _PLACE), lambda: _KEYS.open(sealed, _PLACE)):
        with pytest.raises(SealingSupportMissing, match=r"pip install 'hedgerow\[server\]'"):
            call()


# ── keys as they are written ─────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_written_as_base64_the_newest_first() -> None:
    new, old = base64.b64encode(_NEW).decode(), base64.b64encode(_OLD).decode()
    for text in (f"{new},{old}", f"{new}\n{old}\n", f"  {new} , {old}"):
        assert ServiceKeys.of(text) == ServiceKeys((_NEW, _OLD))


@pytest.mark.parametrize("text", ["", " , ", "short", base64.b64encode(b"x" * 16).decode(), "!" * 44, "ä" * 44])
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ServiceKeyUnusable) as caught:
        ServiceKeys.of(text)
    assert not text.strip(" ,") or text not in str(caught.value)


# ── where the key is kept ────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_made_at_first_use_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = load_service_keys(data)
    assert stat.S_IMODE((data / KEY_FILE_NAME).stat().st_mode) == 0o600
    assert load_service_keys(data) == made
    assert [path.name for path in data.iterdir()] == [KEY_FILE_NAME]


def test_two_data_folders_have_two_keys(tmp_path: Path) -> None:
    assert load_service_keys(tmp_path / "one") != load_service_keys(tmp_path / "two")


def test_the_setting_goes_before_the_file_and_makes_none(tmp_path: Path) -> None:
    stated = new_service_key()
    assert load_service_keys(tmp_path, stated) == ServiceKeys.of(stated)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_service_keys(tmp_path)
    (tmp_path / KEY_FILE_NAME).chmod(mode)
    with pytest.raises(ServiceKeyUnusable, match="chmod 600"):
        load_service_keys(tmp_path)


def test_a_damaged_file_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE_NAME
    load_service_keys(tmp_path)
    for content in (b"", b"\xff\xfe", b"nothing"):
        path.write_bytes(content)
        with pytest.raises(ServiceKeyUnusable):
            load_service_keys(tmp_path)
        assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", "utf-8")
    with pytest.raises(ServiceKeyUnusable):
        load_service_keys(tmp_path / "file" / "data")


def _load(data: Path, answer: Path) -> None:
    answer.with_name(f"{os.getpid()}.key").write_bytes(load_service_keys(data).keys[0])


def test_several_processes_that_begin_at_once_have_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers = tmp_path / "answers"
    answers.mkdir()
    processes = [context.Process(target=_load, args=(tmp_path / "data", answers / "x")) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = {path.read_bytes() for path in answers.iterdir()}
    assert found == {load_service_keys(tmp_path / "data").keys[0]}


def test_a_new_key_comes_before_the_old_ones_which_stay(tmp_path: Path) -> None:
    first = load_service_keys(tmp_path)
    second = add_service_key(tmp_path)
    third = add_service_key(tmp_path)
    assert second.keys[1:] == first.keys
    assert third.keys[1:] == second.keys
    assert load_service_keys(tmp_path) == third
    assert stat.S_IMODE((tmp_path / KEY_FILE_NAME).stat().st_mode) == 0o600


def test_a_new_key_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_service_keys(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServiceKeyUnusable, match="No space left"):
        add_service_key(tmp_path)
    assert load_service_keys(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE_NAME]


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def secrets_table(monkeypatch: pytest.MonkeyPatch) -> Table:
    metadata = MetaData()
    table = Table(
        "secrets",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("secret", LargeBinary, info=SEALED),
        Column("plain", LargeBinary),
    )
    monkeypatch.setattr(schema, "metadata", metadata)
    return table


def _fill(database: Database, table: Table, keys: ServiceKeys, count: int) -> None:
    with database.write() as connection:
        table.metadata.create_all(connection)
        for row in range(1, count + 1):
            sealed = keys.seal(f"secret {row}".encode(), Place("secrets", "secret", row))
            connection.execute(insert(table).values(id=row, secret=sealed, plain=b"plain"))
        connection.execute(insert(table).values(id=99, secret=None, plain=b"plain"))


def test_resealing_leaves_nothing_that_the_old_key_opens(database: Database, secrets_table: Table) -> None:
    _fill(database, secrets_table, _KEYS, 5)
    new = ServiceKeys((_NEW,))
    with database.write() as connection:
        assert reseal(connection, ServiceKeys((_NEW, _OLD))) == 5
        assert reseal(connection, ServiceKeys((_NEW, _OLD))) == 0
    with database.read() as connection:
        for row in connection.execute(select(secrets_table).where(secrets_table.c.id < 99)):
            place = Place("secrets", "secret", row.id)
            assert new.open(bytes(row.secret), place) == f"secret {row.id}".encode()
            assert bytes(row.plain) == b"plain"
            with pytest.raises(SealBroken):
                _KEYS.open(bytes(row.secret), place)


def test_one_secret_that_does_not_open_stops_the_resealing_of_all(database: Database, secrets_table: Table) -> None:
    _fill(database, secrets_table, _KEYS, 3)
    with database.write() as connection:
        moved = connection.execute(select(secrets_table.c.secret).where(secrets_table.c.id == 1)).scalar_one()
        connection.execute(secrets_table.update().where(secrets_table.c.id == 3).values(secret=moved))
    with pytest.raises(SealBroken) as caught, database.write() as connection:
        reseal(connection, ServiceKeys((_NEW, _OLD)))
    assert caught.value.row == 3
    with database.read() as connection:
        first = connection.execute(select(secrets_table.c.secret).where(secrets_table.c.id == 1)).scalar_one()
    assert _KEYS.open(bytes(first), Place("secrets", "secret", 1)) == b"secret 1"


def test_every_column_that_is_marked_has_a_table_with_one_number_as_its_key() -> None:
    import hedgerow.migrations.env  # noqa: F401, PLC0415  (loads the tables of all rooms)
    from hedgerow.database.sealing import sealed_columns  # noqa: PLC0415  (only here)

    found = {(table.name, column.name) for table, column, _ in sealed_columns()}
    assert ("users", "totp_secret") in found
