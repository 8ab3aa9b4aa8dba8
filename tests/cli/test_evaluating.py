from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from hedgerow.cli.evaluating import evaluate_command
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "pictures"
    (found / "below").mkdir(parents=True)
    for seed in range(3):
        Image.fromarray(synthetic_picture(240, 180, seed)).save(found / "below" / f"{seed}.png")
    (found / "words.txt").write_text("no picture")
    return found


def run(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate_command, [*map(str, arguments), "--jobs", "1", "--no-peers"])


def test_it_measures_a_folder_and_writes_the_reports_asked_for(folder: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    done = run(folder, "--transforms", "mirrored", "--level", "standard", "--report", page, "--report", table)
    assert done.exit_code == 0, done.output
    assert "3 pictures, 1 transform of 3 of them, threshold 31 bits" in done.stdout
    assert "100.0 %" in done.stdout
    assert "0 of 6 unrelated pairs" in done.stdout
    assert "background that comes with Hedgerow" in done.stdout
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert table.read_text("utf-8").count("\n") == 2


def test_json_is_one_object_on_one_line(folder: Path) -> None:
    done = run(
        folder, "--transforms", "JPEG q?0", "--transforms", "mirrored", "--level", "exact", "--sample", 2, "--json"
    )
    (line,) = done.stdout.splitlines()
    content = json.loads(line)
    assert content["about"]["pictures"] == 2
    assert [each["transform"] for each in content["transforms"]] == ["JPEG q90", "JPEG q50", "JPEG q20", "mirrored"]


def test_the_bank_size_and_the_bearable_rate_decide_what_is_recommended(folder: Path) -> None:
    few, many = (
        json.loads(run(folder, "--transforms", "JPEG q90", "--bank-size", size, "--false-matches", 1, "--json").stdout)[
            "recommendations"
        ][-1]
        for size in (1_000, 10_000_000)
    )
    assert few["bank_entries"] == 1_000
    assert few["threshold"] > many["threshold"]


def test_what_cannot_be_done_is_said_before_any_work(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--transforms", "nothing of the kind").exit_code == 2
    assert run(folder, "--level", "careless").exit_code == 2
    refused = run(folder, "--report", tmp_path / "report.pdf")
    assert refused.exit_code != 0
    assert refused.stdout == ""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(empty).exit_code != 0
