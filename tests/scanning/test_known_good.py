from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hedgerow.errors import KnownGoodUnreadable
from hedgerow.hashing.known_good import KnownGood
from hedgerow.scanning.known_good import Made, make_known_good

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = datetime(2026, 11, 23, tzinfo=UTC)
_COLUMNS = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest().upper()


def _database(path: Path, rows: Sequence[bytes], table: str = "METADATA", columns: str = "sha256, sha1") -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {table} (object_id INTEGER, {columns})")
        places = ", ".join("?" for _ in columns.split(","))
        values = [[{"sha256": sha256, "sha1": sha1}[each.strip()](row) for each in columns.split(",")] for row in rows]
        connection.executemany(f"INSERT INTO {table} VALUES (1, {places})", values)  # noqa: S608  (our own words)
        connection.commit()
    return path


def _table(path: Path, *rows: str) -> Path:
    path.write_bytes("\r\n".join([_COLUMNS, *rows, ""]).encode("latin-1"))
    return path


def _row(data: bytes, name: str = "a.jpg", special: str = "") -> str:
    return f'"{sha1(data)}","{"0" * 32}","00000000","{name}",12,7,"WIN","{special}"'


def _held(path: Path, *data: bytes) -> tuple[str, int, list[bool]]:
    known = KnownGood(path)
    known.close()
    known = KnownGood(path)
    digest = {"sha1": sha1, "sha256": sha256}[known.type]
    found = [known.holds(bytes.fromhex(digest(each))) for each in data]
    known.close()
    return known.type, known.count, found


@pytest.mark.parametrize("table", ["METADATA", "FILE"])
def test_a_set_of_rds_3_is_of_sha_256_each_once(tmp_path: Path, table: str) -> None:
    source = _database(tmp_path / "RDS 2026.db", [b"a", b"b", b"a", b"", b"c"], table)
    made = make_known_good(tmp_path / "set", [source], now=NOW)
    assert (made.type, made.count, made.left_out.total()) == ("sha256", 3, 1)
    assert _held(tmp_path / "set", b"a", b"b", b"c", b"d", b"") == ("sha256", 3, [True, True, True, False, False])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["RDS 2026.db", "set"]


def test_the_view_of_a_full_set_is_not_run(tmp_path: Path) -> None:
    source = _database(tmp_path / "rds.db", [b"a"])
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("CREATE VIEW FILE AS SELECT no_such_function(sha256) AS sha256 FROM METADATA")
        connection.commit()
    assert make_known_good(tmp_path / "set", [source], now=NOW).count == 1


def test_a_set_of_nsrlfile_is_of_sha_1_and_leaves_malicious_software_out(tmp_path: Path) -> None:
    rows = [_row(b"a"), _row(b"b", "caf\xe9, x.jpg"), _row(b"c", special="M"), _row(b"d", special="S"), "broken"]
    source = _table(tmp_path / "NSRLFile.txt", *rows, '"zz","","","",1,1,"",""', _row(b""))
    made = make_known_good(tmp_path / "set", [source], now=NOW)
    assert made == Made("sha1", 3, made.left_out)
    assert set(made.left_out) == {
        "NSRL marks it as malicious",
        "not as many cells as the header",
        "no sha1 digest",
        "it says nothing: an empty file, or no digest at all",
    }
    assert _held(tmp_path / "set", b"a", b"b", b"c", b"d")[2] == [True, True, False, True]


def test_of_a_list_in_the_shape_of_caid_only_software_is_taken(tmp_path: Path) -> None:
    context = "http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media"
    records = [{"MediaID": 0, "SHA1": sha1(name), "Category": number} for name, number in ((b"a", 8), (b"b", 1))]
    records.append({"SHA1": sha1(b"c")})
    source = tmp_path / "nsrl.json"
    source.write_text(json.dumps({"odata.metadata": context, "value": records}), "utf-8-sig")
    assert make_known_good(tmp_path / "set", [source], now=NOW).count == 1
    assert _held(tmp_path / "set", b"a", b"b", b"c")[2] == [True, False, False]


def test_of_several_lists_a_set_has_the_digest_that_all_of_them_have(tmp_path: Path) -> None:
    sources = [_database(tmp_path / "rds.db", [b"a", b"b"]), _table(tmp_path / "NSRLFile.txt", _row(b"b"), _row(b"c"))]
    assert make_known_good(tmp_path / "set", sources, now=NOW).type == "sha1"
    assert _held(tmp_path / "set", b"a", b"b", b"c", b"d")[1:] == (3, [True, True, True, False])
    only = _database(tmp_path / "old.db", [b"a"], columns="sha1")
    assert make_known_good(tmp_path / "again", [only], now=NOW).type == "sha1"


@pytest.mark.parametrize(
    "content", [b"", b"pdq 00\n", b"SQLite format 3\0 and nothing", b"MD5;SHA1\n", b"\xff\xd8\xff"]
)
def test_what_is_none_of_nsrl_s_lists_makes_no_set(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(KnownGoodUnreadable):
        make_known_good(tmp_path / "set", [tmp_path / "list"], now=NOW)
    assert [each.name for each in tmp_path.iterdir()] == ["list"]


def test_a_database_of_another_kind_makes_no_set(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE FILE (md5 TEXT)")
        connection.commit()
    with pytest.raises(KnownGoodUnreadable, match="none of NSRL's"):
        make_known_good(tmp_path / "set", [tmp_path / "other.db"], now=NOW)
