from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hedgerow.errors import ReportUnwritable
from hedgerow.scanning.report import FORMATS, ReportHeader, open_report, report_format, shown, written_paths

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.scanning.model import FileResult

ENDS = ["jsonl", "csv", "parquet", "html"]


@pytest.mark.parametrize("end", ENDS)
def test_nothing_stands_at_the_place_before_the_report_is_whole(
    tmp_path: Path, results: list[FileResult], header: ReportHeader, end: str
) -> None:
    path = tmp_path / f"r.{end}"
    with open_report(path) as report:
        for result in results:
            report.add(result)
            assert not path.exists()
        report.finish(header)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", ENDS)
def test_a_report_that_was_not_finished_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, results: list[FileResult], end: str
) -> None:
    path = tmp_path / f"r.{end}"
    path.write_text("yesterday's")
    with pytest.raises(KeyboardInterrupt), open_report(path) as report:  # noqa: PT012  (the block is the scan)
        report.add(results[0])
        raise KeyboardInterrupt
    assert path.read_text() == "yesterday's"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path, results: list[FileResult], header: ReportHeader) -> None:
    path, partial = written_paths(tmp_path / "r.jsonl")
    partial.write_text("half of something")
    with open_report(path) as report:
        report.add(results[0])
        report.finish(header)
    assert path.read_text() == results[0].to_line() + "\n"
    assert not partial.exists()


def test_every_known_end_has_a_format_and_no_other() -> None:
    assert {report_format(f"x{end}") for end in FORMATS} == set(ENDS)
    with pytest.raises(ReportUnwritable, match=r"\.html"):
        report_format("x.docx")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportUnwritable, match="'docx'"):
        open_report(tmp_path / "x", format="docx")


def test_a_folder_in_the_place_of_a_report_is_refused_before_the_scan(tmp_path: Path) -> None:
    (tmp_path / "r.html").mkdir()
    with pytest.raises(ReportUnwritable):
        open_report(tmp_path / "r.html")


def test_a_folder_that_is_not_there_is_refused_before_the_scan(tmp_path: Path) -> None:
    with pytest.raises(ReportUnwritable, match="no such file or directory"):
        open_report(tmp_path / "no" / "r.html")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110  (one fact)
@pytest.mark.parametrize("end", ENDS)
def test_a_full_disk_is_a_typed_error(
    tmp_path: Path, results: list[FileResult], header: ReportHeader, end: str
) -> None:
    _, partial = written_paths(tmp_path / f"r.{end}")
    partial.symlink_to("/dev/full")
    with pytest.raises(ReportUnwritable, match="no space left"), open_report(tmp_path / f"r.{end}") as report:  # noqa: PT012  (any step may notice)
        for result in results * 500:
            report.add(result)
        report.finish(header)


def test_names_are_shown_whole_where_they_mislead_nobody() -> None:
    assert shown("Фото/é 👨‍👩‍👧.jpg") == "Фото/é 👨‍👩‍👧.jpg"
