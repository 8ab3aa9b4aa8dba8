from __future__ import annotations

import io
from typing import Any

import pytest

from hedgerow.banks import NewEntry, PassedOver, ReadOptions
from hedgerow.banks.formats import open_list
from hedgerow.banks.icse import COLUMNS
from hedgerow.errors import ImportUnreadable

M = "AB" * 16
S = "CD" * 20
HEADER = ";".join(COLUMNS)


def row(**said: str) -> str:
    cells = {"MD5": M, "SHA1": S, "Image ID": "12", "Baseline": "True"} | said
    return ";".join(cells.get(name, "") for name in COLUMNS)


def read(*lines: str, end: str = "\r\n", **options: Any) -> tuple[str, list[tuple[Any, ...]], list[str]]:
    content = end.join([HEADER, *lines]).encode()
    reading = open_list(io.BytesIO(content), ReadOptions(**options))
    results = [result for _, result in reading.results]
    taken = [
        (each.signal.type, each.signal.value, each.attributes.external_id, each.attributes.category)
        for each in results
        if isinstance(each, NewEntry)
    ]
    rest = [each for each in results if not isinstance(each, NewEntry)]
    return reading.format, taken, [each.reason if isinstance(each, PassedOver) else each for each in rest]


BOTH = [("md5", M.lower(), "12", "ICSE baseline"), ("sha1", S.lower(), "12", "ICSE baseline")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_row_is_a_digest_of_each_type_under_one_name(end: str) -> None:
    assert read(row(), "", end=end) == ("icse", BOTH, [])


def test_a_byte_order_mark_and_quotation_marks_are_no_content() -> None:
    content = ("\ufeff" + HEADER + "\n" + row(**{"Series name": '"a; ""b"""', "MD5": f' "{M}" '.strip()})).encode()
    results = list(open_list(io.BytesIO(content), ReadOptions()).results)
    assert [each.signal.type for _, each in results if isinstance(each, NewEntry)] == ["md5", "sha1"]


@pytest.mark.parametrize("spelling", ["True", "true", "TRUE", "1", "Yes", "y"])
def test_what_is_in_the_baseline_says_so_in_any_spelling(spelling: str) -> None:
    assert {said for *_, said in read(row(Baseline=spelling))[1]} == {"ICSE baseline"}


@pytest.mark.parametrize("spelling", ["False", "0", "no", ""])
def test_what_is_not_in_the_baseline_is_told_apart_and_can_be_left_out(spelling: str) -> None:
    assert {said for *_, said in read(row(Baseline=spelling))[1]} == {"ICSE"}
    assert read(row(Baseline=spelling), categories=("baseline",))[1:] == ([], ["it is not in the baseline of ICSE"])
    assert read(row(), categories=("1", "baseline"))[1] == BOTH


def test_a_verdict_that_is_neither_is_not_taken() -> None:
    assert read(row(Baseline="perhaps"))[1:] == ([], ["its Baseline is neither true nor false"])


def test_a_photodna_is_passed_over() -> None:
    opaque = "a PhotoDNA, by which Hedgerow does not match"
    assert read(row(PhotoDNA="QUJD"))[1:] == (BOTH, [opaque])
    assert read(row(PhotoDNA="QUJD", MD5="", SHA1=""))[1:] == ([], [opaque])


def test_rows_that_are_broken_are_reported_and_the_others_taken() -> None:
    assert read(row(MD5=M[1:]), "a;b", row(MD5="", SHA1=""), row())[1:] == (
        [BOTH[1], *BOTH],
        ["wrong length: a md5 signal has 32 hex digits", "not as many cells as the header", "it holds no signal"],
    )


def test_columns_may_stand_in_another_order_and_case() -> None:
    content = f"baseline;IMAGE ID;sha1;md5\n1;12;{S};{M}\n".encode()
    reading = open_list(io.BytesIO(content), ReadOptions())
    assert reading.format == "icse"
    assert [each.signal.type for _, each in reading.results if isinstance(each, NewEntry)] == ["md5", "sha1"]


def test_another_table_is_not_taken_for_it() -> None:
    with pytest.raises(ImportUnreadable, match="no table of ICSE"):
        list(open_list(io.BytesIO(b"md5;category\n"), ReadOptions(format="icse")).results)
    assert list(open_list(io.BytesIO(b""), ReadOptions(format="icse")).results) == []


# ── NSRL ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_SOFTWARE = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\r\n'


@pytest.mark.parametrize("name", [None, "csv", "icse"])
def test_a_list_of_known_software_goes_into_no_bank(name: str | None) -> None:
    content = (_SOFTWARE + f'"{S}","{M}","00000000","a.jpg",12,1,"WIN",""\r\n').encode()
    with pytest.raises(ImportUnreadable, match="known software"):
        list(open_list(io.BytesIO(content), ReadOptions(format=name)).results)


def test_a_database_goes_into_no_bank() -> None:
    with pytest.raises(ImportUnreadable, match="known-good"):
        open_list(io.BytesIO(b"SQLite format 3\0" + bytes(84)), ReadOptions())
