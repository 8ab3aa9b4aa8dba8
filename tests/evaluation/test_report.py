from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from hedgerow.errors import ReportUnwritable
from hedgerow.evaluation import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.evaluation import Report


def test_json_holds_everything_down_to_the_single_copy(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert content["about"]["threshold"] == 31
    assert content["about"]["copies"] == len(content["pairs"]["rows"]) == 24
    assert content["about"]["left_out"][0]["picture"] == "no picture.jpg"
    mirrored = next(each for each in content["transforms"] if each["transform"] == "mirrored")
    assert mirrored["recall"]["hedgerow standard"]["share"] == 1.0
    assert mirrored["variants"][0][0] == "mirrored"
    assert content["false_matches"]["hedgerow standard"]["within_threshold"] == 0
    assert sum(content["false_matches"]["hedgerow exact"]["distances"].values()) == 94
    assert content["same_scene"][0]["one"] == "0 again.jpg"
    assert {each["level"] for each in content["recommendations"]} == {"standard"}
    assert "pairs" not in report.as_object(with_pairs=False)


def test_csv_has_a_line_for_each_transform_and_method(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "report.CSV")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.CSV").read_text("utf-8"))))
    assert len(rows) == 4 * 2
    assert next(each for each in rows if each["transform"] == "mirrored")["method"] == "hedgerow exact"
    assert {each["of"] for each in rows} == {"6"}


def test_a_name_that_ends_in_nothing_known_is_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ReportUnwritable):
        write_report(report, tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_leaves_nothing_behind(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ReportUnwritable):
        write_report(report, tmp_path / "report.html")
    with pytest.raises(ReportUnwritable):
        write_report(report, tmp_path / "no folder" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
