from __future__ import annotations

import csv
import io
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import ReportUnwritable
from hedgerow.scanning.model import FileResult
from hedgerow.scanning.report import ReportHeader, open_report
from hedgerow.scanning.report_rows import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path


def _written(path: Path, results: list[FileResult], header: ReportHeader) -> Path:
    with open_report(path) as report:
        for result in results:
            report.add(result)
        report.finish(header)
    return path


def test_json_lines_hold_one_object_a_file_with_the_pinned_fields(
    tmp_path: Path, results: list[FileResult], header: ReportHeader
) -> None:
    lines = _written(tmp_path / "r.jsonl", results, header).read_text("ascii").splitlines()
    objects = [json.loads(line) for line in lines]
    assert [each["path"] for each in objects] == [each.place for each in results]
    assert objects[1]["matches"][0] == {
        "bank": "known",
        "entry": 7,
        "type": "pdq",
        "distance": 4,
        "variant": "mirrored",
        "category": "A1",
        "provenance": "exchange:example",
        "false_match_probability": 0.0003,
    }
    assert objects[0]["unchecked"] is None
    assert objects[0]["matches"] == []
    assert objects[4]["path"] == "box.zip!/in/side.gif"
    assert objects[4]["unchecked"]["reason"] == "frame_limit"
    assert objects[6]["caution"] == {"reason": "low_quality", "detail": "Too plain."}


def test_json_lines_say_of_a_video_how_much_of_it_matches_and_where(
    tmp_path: Path, results: list[FileResult], header: ReportHeader
) -> None:
    lines = _written(tmp_path / "r.jsonl", results, header).read_text("ascii").splitlines()
    film = json.loads(lines[5])
    assert film["media"]["duration_s"] == 845.0
    (match,) = film["matches"]
    assert (match["known_share"], match["query_share"], match["known_duration_s"]) == (0.3333, 0.045, 120.0)
    assert match["segments"][1] == {
        "query_from_s": 62.0,
        "query_to_s": 72.5,
        "known_from_s": 0.0,
        "known_to_s": 10.0,
        "frames": 10,
        "mean_distance": 8.74,
        "speed": 1.0,
    }


def test_json_lines_give_back_every_byte_of_a_name(tmp_path: Path, header: ReportHeader) -> None:
    name = os.fsdecode(bytes(range(1, 256)))
    (line,) = _written(tmp_path / "r.jsonl", [FileResult(name)], header).read_bytes().splitlines()
    assert os.fsencode(json.loads(line)["path"]) == bytes(range(1, 256))


def test_csv_holds_one_row_a_match_and_one_for_a_file_without(
    tmp_path: Path, results: list[FileResult], header: ReportHeader
) -> None:
    text = _written(tmp_path / "r.csv", results, header).read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["bank"] for row in rows] == ["", "known", "other & more", "", "known", "", "clips & more", ""]
    assert rows[3]["unchecked"] == "damaged"
    assert rows[1]["width"] == "640"
    film = rows[6]
    assert (film["query_from_s"], film["query_to_s"], film["known_share"]) == ("62.0", "330.0", "0.3333")
    assert (film["query_share"], film["false_match_probability"]) == ("0.045", "2.6e-08")
    assert rows[1]["known_share"] == ""


def test_no_csv_cell_can_act_as_a_formula(tmp_path: Path, results: list[FileResult], header: ReportHeader) -> None:
    text = _written(tmp_path / "r.csv", results, header).read_text("utf-8")
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), cell
    assert "'=cmd|' /C calc'!A0" in text


@given(name=st.text(min_size=1), category=st.text(min_size=1))
def test_whatever_names_hold_a_csv_row_reads_back_as_one_row(
    tmp_path_factory: pytest.TempPathFactory, name: str, category: str
) -> None:
    from hedgerow.banks.model import Match  # noqa: PLC0415  (this test's own noun)
    from hedgerow.scanning.report_rows import CsvReport  # noqa: PLC0415  (this test's own noun)

    path = tmp_path_factory.mktemp("csv") / "r.csv"
    with CsvReport(path) as report:
        report.add(FileResult(name, matches=(Match("b", 1, "pdq", 3, "as is", category),)))
        report.finish(None)  # type: ignore[arg-type]  # rows carry nothing of the run
    with path.open(encoding="utf-8", newline="") as file:
        (_, row) = csv.reader(file)
    assert len(row) == len(COLUMNS)
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_parquet_reads_back_what_was_told(tmp_path: Path, results: list[FileResult], header: ReportHeader) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(_written(tmp_path / "r.parquet", results, header))
    assert tuple(table.column_names) == COLUMNS
    rows = table.to_pylist()
    assert [row["distance"] for row in rows] == [None, 4, 0, None, 31, None, 9, None]
    assert rows[4]["path"] == "=cmd|' /C calc'!A0"
    assert rows[5]["frames"] == 900
    assert (rows[6]["query_from_s"], rows[6]["query_to_s"]) == (62.0, 330.0)


def test_parquet_is_written_in_row_groups_as_rows_come(
    tmp_path: Path, header: ReportHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("hedgerow.scanning.report_rows._ROW_GROUP", 10)
    path = _written(tmp_path / "r.parquet", [FileResult(f"{each}.jpg") for each in range(25)], header)
    assert parquet.ParquetFile(path).num_row_groups == 3
    assert parquet.read_table(path)["path"].to_pylist() == [f"{each}.jpg" for each in range(25)]


def test_without_pyarrow_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ReportUnwritable, match=r"hedgerow\[parquet\]"):
        open_report(tmp_path / "r.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["jsonl", "csv", "parquet"])
def test_the_same_results_give_the_same_bytes_whatever_the_run(
    tmp_path: Path, results: list[FileResult], header: ReportHeader, end: str
) -> None:
    if end == "parquet":
        pytest.importorskip("pyarrow")
    one = _written(tmp_path / f"1.{end}", results, header).read_bytes()
    header.statistics.duration_s = 99.0
    assert _written(tmp_path / f"2.{end}", results, header).read_bytes() == one


@pytest.mark.parametrize("end", ["jsonl", "csv", "parquet", "html"])
def test_an_empty_scan_has_a_report_too(tmp_path: Path, header: ReportHeader, end: str) -> None:
    if end == "parquet":
        pytest.importorskip("pyarrow")
    assert _written(tmp_path / f"r.{end}", [], header).is_file()
