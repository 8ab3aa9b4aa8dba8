from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import ImportUnreadable, InvalidExchange
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners import pull_file_reading
from hedgerow.exchanges.partners.pull_file_mapping import READY, read_mapping
from hedgerow.exchanges.partners.pull_file_reading import read_items
from hedgerow.exchanges.partners.pull_file_rows import id_key

if TYPE_CHECKING:
    from pathlib import Path

__all__: list[str] = []

MD5 = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
SHA1 = "0123456789abcdef0123456789abcdef01234567"
PDQ = "0123456789abcdef" * 4
MOST = 10 * 1024**2
TABLE = {"format": "csv", "columns": {"id": "id", "md5": "md5"}}


def _items(folder: Path, body: bytes | str, mapping: dict[str, Any] | str | None = None, most: int = MOST) -> list[Any]:
    path = folder / "list"
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    said = read_mapping(None, mapping) if isinstance(mapping, str) else read_mapping(mapping)
    return list(read_items(path, said, most))


def _values(items: list[Any]) -> list[tuple[str, str]]:
    return [(kind, signal.value) for each in items if isinstance(each, Record) for kind, signal in each.signals]


# ── mappings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "mapping"),
    [
        ("mapping.formt", {"formt": "csv"}),
        ("mapping.format", {"format": "xml"}),
        ("mapping.format", {"format": ["csv"]}),
        ("mapping.header", {**TABLE, "header": "yes"}),
        ("mapping.delimiter", {**TABLE, "delimiter": ";;"}),
        ("mapping.delimiter", {**TABLE, "delimiter": "a"}),
        ("mapping.columns", {"format": "csv"}),
        ("mapping.columns", {"format": "csv", "columns": []}),
        ("mapping.columns", {"columns": {"md5": "md5"}}),
        ("mapping.columns", {"format": "csv", "columns": {"value": "v"}}),
        ("mapping.columns", {"format": "csv", "columns": {"id": "id"}}),
        ("mapping.columns.md6", {"format": "csv", "columns": {"md6": "md6"}}),
        ("mapping.columns.md5", {"format": "csv", "columns": {"md5": 1}}),
        ("mapping.columns.md5", {"format": "csv", "header": False, "columns": {"md5": "md5"}}),
        ("mapping.columns.md5", {"format": "csv", "header": False, "columns": {"md5": 0}}),
        ("mapping.columns.tags", {**TABLE, "columns": {"md5": "md5", "tags": "Series"}}),
        ("mapping.types.MD5", {"format": "csv", "columns": {"type": "t", "value": "v"}, "types": {"MD5": "md6"}}),
        ("mapping.encodings.pdq", {**TABLE, "encodings": {"pdq": "base58"}}),
        ("mapping.encodings.photodna", {**TABLE, "encodings": {"photodna": "base64"}}),
        ("mapping.categories.A", {**TABLE, "categories": {"A": 1}}),
        ("mapping.deleted_words", {**TABLE, "deleted_words": "removed"}),
        ("mapping.deleted_words", {**TABLE, "deleted_words": []}),
        (
            "mapping.live_words",
            {"format": "csv", "columns": {"md5": "m", "deleted": "d"}, "deleted_words": ["x"], "live_words": ["X"]},
        ),
        ("mapping.rows", {**TABLE, "rows": "data"}),
        ("mapping.constants.licence", {**TABLE, "constants": {"licence": "x"}}),
        ("mapping.constants.redistributable", {**TABLE, "constants": {"redistributable": "no"}}),
        ("mapping.constants.tags", {**TABLE, "constants": {"tags": "x"}}),
        ("mapping.updated_format", {**TABLE, "updated_format": 7}),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_by_the_name_of_its_field(field: str, mapping: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange, match=rf"^{field} "):
        read_mapping(mapping)


def test_every_mapping_that_comes_with_hedgerow_can_be_read_and_is_named() -> None:
    folder = resources.files("hedgerow.exchanges.partners") / "mappings"
    assert tuple(sorted(each.name.removesuffix(".json") for each in folder.iterdir())) == READY
    for name in READY:
        assert not read_mapping(None, name).is_redistributable


# ── csv ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_whatever_separates_its_cells(tmp_path: Path, delimiter: str, bom: str, end: str) -> None:
    rows = [["id", "x", "md5"], ["1", "a", MD5.upper()], ["2", "b", OTHER]]
    body = bom + end.join(delimiter.join(row) for row in rows) + end
    items = _items(tmp_path, body, TABLE)
    assert [each.key for each in items] == ["1", "2"]
    assert _values(items) == [("md5", MD5), ("md5", OTHER)]


def test_columns_may_be_numbered(tmp_path: Path) -> None:
    mapping = {"format": "csv", "header": False, "columns": {"md5": 2, "id": 1, "category": 9}}
    items = _items(tmp_path, f"1,{MD5}\n2,{OTHER}\n", mapping)
    assert _values(items) == [("MD5", MD5), ("MD5", OTHER)]
    assert items[0].category is None


def test_a_row_that_is_none_is_refused_with_the_reason_and_stops_nothing(tmp_path: Path) -> None:
    body = b"\n".join(
        [
            b"id,md5",
            f"1,{MD5}".encode(),
            f"2,{MD5}00".encode(),
            b"3,",
            b"4",
            b",",
            b"5,\xff\xfe",
            b'6,"' + MD5.encode(),
            f"7,{OTHER}".encode(),
            b"",
        ]
    )
    items = _items(tmp_path, body, TABLE)
    assert [each.key for each in items] == ["1", "2", "3", "line/5", "line/7", "line/8", "7"]
    assert [each.refused[0][1] for each in items if each.refused] == [
        "trailing characters after the 32 hex digits of a md5 signal",
        "it holds no signal",
        "not as many cells as the header",
        "the line is no UTF-8",
        "quotation marks that do not fit together",
    ]


def test_a_row_keeps_its_good_values_beside_a_bad_one(tmp_path: Path) -> None:
    mapping = {"format": "csv", "columns": {"id": "id", "md5": "md5", "sha1": "sha1"}}
    (item,) = _items(tmp_path, f"id,md5,sha1\n1,{MD5},oops\n", mapping)
    assert _values([item]) == [("md5", MD5)]
    assert item.refused == (("sha1", "wrong length: a sha1 signal has 40 hex digits"),)


def test_what_a_row_says_is_kept(tmp_path: Path) -> None:
    mapping = {
        "format": "csv",
        "columns": {
            **{name: name for name in ("id", "md5", "pdq", "photodna", "category", "updated", "redistributable")},
            "tags": ["series"],
            "opaque": ["tmk"],
        },
        "categories": {"A": "UK-A"},
        "encodings": {"pdq": "base64"},
        "true_words": ["ja"],
        "constants": {"contributor": "IWF", "tags": ["list"]},
    }
    pdq = base64.b64encode(bytes.fromhex(PDQ)).decode()
    body = (
        "id,md5,pdq,photodna,category,updated,redistributable,series,tmk\n"
        f"x-1,{MD5},{pdq},PHDNA==,A,2026-11-20T10:00:00.1234567+02:00,Ja,Blue,TMKF\n"
        f"x-2,{OTHER},,,Z,tomorrow,nein,,\n"
    )
    first, second = _items(tmp_path, body, mapping)
    assert _values([first]) == [("md5", MD5), ("pdq", PDQ)]
    assert first.opaque == (Opaque("photodna", "PHDNA=="), Opaque("tmk", "TMKF"))
    assert (first.category, first.contributor, first.tags) == ("UK-A", "IWF", ("list", "series: Blue"))
    assert first.updated_at == datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC)
    assert first.may_be_redistributed
    assert (second.category, second.updated_at, second.may_be_redistributed) == ("Z", None, False)


@pytest.mark.parametrize(
    ("form", "text"),
    [("%d/%m/%Y", "20/11/2026"), ("epoch", "1795132800"), ("epoch", "1795132800000"), (None, "2026-11-20")],
)
def test_times_are_utc_however_they_are_written(tmp_path: Path, form: str | None, text: str) -> None:
    mapping = {"format": "csv", "columns": {"md5": "md5", "updated": "at"}, "updated_format": form}
    (item,) = _items(tmp_path, f"md5,at\n{MD5},{text}\n", mapping)
    assert item.updated_at == datetime(2026, 11, 20, tzinfo=UTC)


def test_a_row_that_is_marked_as_deleted_is_a_withdrawal(tmp_path: Path) -> None:
    mapping = {"format": "csv", "columns": {"id": "id", "md5": "md5", "deleted": "status"}}
    body = f"id,md5,status\n1,{MD5},active\n2,,Removed\n3,{OTHER},TRUE\n4,{OTHER},\n"
    assert [type(each) for each in _items(tmp_path, body, mapping)] == [Record, Withdrawal, Withdrawal, Record]
    third_word = {**mapping, "deleted_words": ["removed"], "live_words": ["active"]}
    items = _items(tmp_path, body, third_word)
    assert [type(each) for each in items] == [Record, Withdrawal, Record, Record]
    assert [bool(each.refused) for each in items if isinstance(each, Record)] == [False, True, True]


def test_one_row_for_each_signal_is_one_record_for_each(tmp_path: Path) -> None:
    mapping = {
        "format": "csv",
        "columns": {"id": "id", "type": "kind", "value": "hash"},
        "types": {"PHOTO-DNA": "photodna"},
    }
    body = f"id,kind,hash\n1,MD5,{MD5}\n1,SHA-1,{SHA1}\n1,photo-dna,PD==\n1,SSDEEP,3:a\n"
    items = _items(tmp_path, body, mapping)
    assert len({each.key for each in items}) == 4
    assert _values(items) == [("MD5", MD5), ("SHA-1", SHA1)]
    assert [each.opaque for each in items[2:]] == [(Opaque("photo-dna", "PD=="),), (Opaque("SSDEEP", "3:a"),)]


@pytest.mark.parametrize("text", [MD5, SHA1.upper(), PDQ, f"0x{MD5}", base64.b64encode(bytes(16)).decode(), "x" * 101])
def test_no_key_is_a_value(tmp_path: Path, text: str) -> None:
    assert text not in id_key(text)
    assert id_key(text) == id_key(text)
    (item,) = _items(tmp_path, f"md5\n{MD5}\n", {"format": "csv", "columns": {"md5": "md5"}})
    assert item.key.startswith("md5/")
    assert MD5 not in item.key


def test_a_column_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImportUnreadable, match="no column 'md5'"):
        _items(tmp_path, f"id,hash\n1,{MD5}\n", TABLE)


def test_the_table_of_icse_is_read(tmp_path: Path) -> None:
    header = (
        "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
        "Number of submissions;File Available;Media Type;Baseline"
    )
    (item,) = _items(tmp_path, f"{header}\n{MD5};{SHA1};PD==;77;Y;N;N;;3;Y;Image;true\n", "icse-csv")
    assert _values([item]) == [("MD5", MD5), ("SHA1", SHA1)]
    assert (item.key, item.contributor, item.opaque) == ("77", "ICSE", (Opaque("PhotoDNA", "PD=="),))
    assert "Baseline: true" in item.tags


def test_the_example_for_the_iwf_is_read(tmp_path: Path) -> None:
    body = (
        "id,md5,sha1,sha256,pdq,photodna,category,updated,status\n"
        f"1,{MD5},{SHA1},{PDQ},{PDQ},PD==,A,2026-11-20,active\n2,{OTHER},,,,,B,,removed\n3,{OTHER},,,,,C,,paused\n"
    )
    first, second, third = _items(tmp_path, body, "iwf-style-csv")
    assert [kind for kind, _ in _values([first])] == ["md5", "sha1", "sha256", "pdq"]
    assert first.category == "UK-A"
    assert isinstance(second, Withdrawal)
    assert third.refused


# ── json ─────────────────────────────────────────────────────────────────────────────────────────────────────────


JSON = {"format": "json", "columns": {"id": "id", "md5": "hashes.md5", "deleted": "gone"}}


def _rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"n-{number}", "hashes": {"md5": f"{number:032x}"}, "gone": False} for number in range(1, count + 1)]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("path", ["", "data.items"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_an_array_is_read_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, path: str, bom: bytes
) -> None:
    monkeypatch.setattr(pull_file_reading, "_CHUNK_BYTES", 7)  # every place where a piece can end
    rows = _rows(20)
    before = {"é": ['["}', {"a": [1.5e3, None, '\\"']}], "n": -12}
    document: Any = {"meta": before, "data": {"x": "]", "items": rows, "after": before}, "end": True} if path else rows
    body = bom + json.dumps(document, indent=indent).encode()
    assert len(_values(_items(tmp_path, body, {**JSON, "rows": path}))) == 20


@given(data=st.data())
def test_a_document_that_is_cut_short_is_never_taken(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    body = json.dumps({"meta": {"a": "b"}, "items": _rows(3), "n": 12, "s": "x"}).encode()
    at = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(ImportUnreadable):
        _items(tmp_path_factory.mktemp("cut"), body[:at], {**JSON, "rows": "items"})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("[1, 2", "cut short"),
        ("{}", "no array"),
        ('[{"id": 1},, {}]', "no JSON"),
        ("[] []", "something follows"),
        ('[{"a": ' + "[" * 100_000 + "]" * 100_000 + "}]", "nested too deeply"),
        (b'[{"a": "\xff"}]', "no UTF-8"),
    ],
)
def test_what_is_no_json_is_said(tmp_path: Path, body: str | bytes, problem: str) -> None:
    with pytest.raises(ImportUnreadable, match=problem):
        _items(tmp_path, body, JSON)


def test_a_path_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImportUnreadable, match=r"no data\.items"):
        _items(tmp_path, '{"data": {"rows": []}}', {**JSON, "rows": "data.items"})


def test_elements_that_are_no_objects_are_refused_one_by_one(tmp_path: Path) -> None:
    items = _items(tmp_path, json.dumps([1, *_rows(1), "x", None, [1]]), JSON)
    assert [each.key for each in items] == ["line/1", "n-1", "line/3", "line/4", "line/5"]


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    body = "\n".join([json.dumps(_rows(1)[0]), "{broken", "", "[]", json.dumps({"id": "d", "gone": True})])
    items = _items(tmp_path, body, {**JSON, "format": "jsonl"})
    assert [type(each) for each in items] == [Record, Record, Record, Withdrawal]
    assert [each.refused[0][1] for each in items[1:3]] == ["the line is no JSON", "it is no JSON object"]


# ── what says itself what it is, and what it is packed in ────────────────────────────────────────────────────────


def test_a_list_that_says_itself_what_it_is_needs_no_mapping(tmp_path: Path) -> None:
    items = _items(tmp_path, f"pdq {PDQ}\nmd5 {MD5}\nmd5 oops\n")
    assert _values(items) == [("pdq", PDQ), ("md5", MD5)]
    assert items[2].refused
    (one,) = _items(tmp_path, f"id,md5,sha1,external_id\n1,{MD5},{SHA1},e-1\n", {"constants": {"category": "K"}})
    assert (one.key, one.category, len(one.signals)) == ("e-1", "K", 2)
    assert _items(tmp_path, b"") == []


def _zip(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(f"{name}.csv", body)
    return target.getvalue()


BODY = f"id,md5\n1,{MD5}\n".encode()


def test_a_packed_file_is_told_by_its_content(tmp_path: Path) -> None:
    for packed in (gzip.compress(BODY), gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), _zip(a=BODY)):
        assert _values(_items(tmp_path, packed, TABLE)) == [("md5", MD5)]
    both = _zip(a=b"x", b=BODY)
    assert _values(_items(tmp_path, both, {**TABLE, "member": "b.csv"})) == [("md5", MD5)]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (gzip.compress(BODY)[:-9], "cut short"),
        (gzip.compress(BODY)[:-8] + b"12345678", "damaged"),
        (_zip(a=BODY)[:-30], "cut short"),
        (_zip(a=BODY, b=BODY), "several files"),
        (_zip(a=BODY).replace(MD5[:8].encode(), b"00000000"), ""),
        (gzip.compress(bytes(MOST + 1)), "more than it may"),
        (_zip(a=bytes(MOST + 1)), "more than it may"),
        (b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(8) + b"\xff" * 4 + bytes(6), "too many files"),
    ],
    ids=["gzip-cut", "gzip-damaged", "zip-cut", "zip-of-two", "zip-damaged", "gzip-bomb", "zip-bomb", "zip-of-many"],
)
def test_what_is_damaged_or_too_much_where_it_is_packed_is_said(tmp_path: Path, body: bytes, problem: str) -> None:
    if not problem:
        body = body[:45] + bytes([body[45] ^ 0xFF]) + body[46:]
    with pytest.raises(ImportUnreadable, match=problem or "damaged"):
        _items(tmp_path, body, {"format": "jsonl", "columns": {"md5": "md5"}} if len(body) > 5_000 else TABLE)
