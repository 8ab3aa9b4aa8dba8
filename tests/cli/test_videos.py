"""Videos through every command that takes files."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import pytest

from hedgerow.cli import exits
from hedgerow.testing.clips import CLIP_ALTERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

FOUND_AS = {"mirrored": "mirrored", "letterboxed": "borders trimmed"}


def _copy(clips: Path, name: str) -> Path:
    (path,) = clips.glob(f"{name}.*")
    return path


def test_hash_prints_the_frames_of_a_video_beside_the_pinned_fields(run: Callable[..., Outcome], clips: Path) -> None:
    outcome = run("hash", "--json", "--type", "pdq,md5", clips / "known.mp4")
    assert outcome.status == 0
    (answer,) = outcome.objects
    media = answer["media"]
    assert (media["type"], media["width"], media["height"]) == ("video/mp4", 384, 224)
    signal, digest = answer["signals"]
    assert digest["type"] == "md5"
    assert "frames" not in digest
    assert (signal["type"], signal["quality"], signal["variant"]) == ("vpdq", None, "as is")
    assert len(signal["value"]) == 64
    first, second, *rest = signal["frames"]
    assert (first["frame"], first["time_s"]) == (0, 0.0)
    assert second["time_s"] == pytest.approx(first["until_s"])
    assert set(first) == {"frame", "time_s", "until_s", "value", "quality"}
    assert len(rest) >= 4
    assert rest[-1]["until_s"] == pytest.approx(6.0, abs=0.1)


def test_hash_prints_one_line_a_video_and_its_frames_when_asked(run: Callable[..., Outcome], clips: Path) -> None:
    (summary,) = run("hash", clips / "known.mp4").out.splitlines()
    assert summary.startswith("vpdq ")
    assert summary.endswith(f" of 6.0 s  {clips / 'known.mp4'}")
    again, first, *_ = run("hash", "--frames", clips / "known.mp4").out.splitlines()
    assert again == summary
    assert first.split()[:3] == ["0.000", "s", "frame"]


def test_every_frame_is_kept_when_asked(run: Callable[..., Outcome], clips: Path) -> None:
    (answer,) = run("hash", "--json", "--every-frame", clips / "known.mp4").objects
    assert [each["frame"] for each in answer["signals"][0]["frames"]] == list(range(72))


def test_the_lines_of_the_vpdq_tool_are_frame_quality_pdq_seconds(run: Callable[..., Outcome], clips: Path) -> None:
    (answer,) = run("hash", "--json", clips / "known.mp4").objects
    lines = run("hash", "--format", "vpdq", clips / "known.mp4").out.splitlines()
    expected = [
        f"{each['frame']},{each['quality']},{each['value']},{each['time_s']:.3f}"
        for each in answer["signals"][0]["frames"]
    ]
    assert lines == expected
    assert run("hash", "--format", "vpdq", clips / "frame.png").status == exits.USAGE
    assert run("hash", "--format", "vpdq", clips / "known.mp4", clips / "other.mp4").status == exits.USAGE


def test_hash_names_the_variants_of_the_level(run: Callable[..., Outcome], clips: Path) -> None:
    def variants(*options: str) -> set[str]:
        (answer,) = run("hash", "--json", clips / "frame.png", *options).objects
        return {signal["variant"] for signal in answer["signals"]}

    assert variants() == {"as is"}
    assert variants("--variants") == variants("--level", "standard")
    assert variants("--level", "standard") < variants("--level", "thorough")


def test_match_finds_every_altered_copy_of_a_clip_and_says_where(
    run: Callable[..., Outcome], clips: Path, clip_data: Path
) -> None:
    copies = {each.name: _copy(clips, each.name) for each in CLIP_ALTERATIONS}
    outcome = run("match", "--json", "--data", clip_data, *copies.values())
    assert outcome.status == exits.MATCHED
    matches = {}
    for name, answer in zip(copies, outcome.objects, strict=True):
        assert answer["caution"] is None
        (match,) = answer["matches"]
        assert (match["bank"], match["type"], match["category"]) == ("clips", "vpdq", "A1")
        assert match["variant"] == FOUND_AS.get(name, "as is")
        assert match["known_share"] > (0.5 if name == "trimmed" else 0.9)
        assert 0 < match["query_share"] <= 1
        assert 0 <= match["false_match_probability"] < 1e-3
        matches[name] = match
    segment = matches["inside a longer one"]["segments"][0]
    assert {"query_from_s", "query_to_s", "known_from_s", "known_to_s", "frames", "mean_distance"} < set(segment)
    assert segment["query_from_s"] == pytest.approx(4.0, abs=0.5)
    assert matches["10 % faster"]["segments"][0]["speed"] == pytest.approx(1.1, abs=0.03)


def test_match_says_to_a_person_how_much_of_the_clip_is_where(
    run: Callable[..., Outcome], clips: Path, clip_data: Path
) -> None:
    said = run("match", "--data", clip_data, _copy(clips, "inside a longer one"), clips / "other.mp4")
    first, second = said.out.splitlines()
    assert "clips entry 1, vpdq " in first
    assert re.search(r", as is, all 6 seconds, from 0:04.\d to 0:(09|10).\d \(A1, person\)$", first)
    assert second.endswith("no match")
    assert said.err == ""


def test_a_bank_of_clips_knows_a_picture_of_one_and_its_moment(
    run: Callable[..., Outcome], clips: Path, clip_data: Path
) -> None:
    (answer,) = run("match", "--json", "--data", clip_data, clips / "frame.png").objects
    (match,) = answer["matches"]
    assert (match["bank"], match["type"]) == ("clips", "vpdq")
    assert match["known_time_s"] == pytest.approx(3.0, abs=0.1)


def test_a_bank_of_pictures_knows_the_moment_of_a_video_that_shows_one(
    run: Callable[..., Outcome], clips: Path
) -> None:
    run("bank", "create", "pictures")
    run("bank", "add", "pictures", clips / "frame.png")
    known, other = run("match", "--json", clips / "known.mp4", clips / "other.mp4").objects
    (found,) = known["matches"]
    assert (found["bank"], found["type"]) == ("pictures", "pdq")
    assert found["query_time_s"] == pytest.approx(3.0, abs=0.1)
    assert other["matches"] == []
    assert ", frame at 0:03.0 (person)" in run("match", clips / "known.mp4").out


def test_scan_tells_the_same_in_every_report_and_when_it_is_taken_up_again(
    run: Callable[..., Outcome], clips: Path, clip_data: Path, tmp_path: Path
) -> None:
    def scanned(name: str) -> tuple[Outcome, list[Path]]:
        reports = [tmp_path / f"{name}.{end}" for end in ("html", "jsonl", "csv")]
        named = (part for report in reports for part in ("--report", report))
        return run("scan", clips, "--keep-journal", "--data", clip_data, *named), reports

    outcome, reports = scanned("first")
    assert outcome.status == exits.MATCHED
    copies = len(CLIP_ALTERATIONS)
    assert f"{copies + 3} files, 1 pictures, {copies + 2} videos: {copies + 2} matched" in outcome.out
    assert re.search(r"\(as is: all 6 seconds, from 0:04.\d to 0:(09|10).\d\)", outcome.out)
    by_name = {each["path"].rpartition("/")[2]: each for each in map(json.loads, reports[1].read_text().splitlines())}
    inside = by_name["inside a longer one.mp4"]["matches"][0]
    with reports[2].open(encoding="utf-8", newline="") as file:
        rows = {row["path"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    row = rows["inside a longer one.mp4"]
    assert float(row["query_from_s"]) == inside["segments"][0]["query_from_s"]
    assert float(row["known_share"]) == inside["known_share"]
    page = reports[0].read_text("utf-8")
    assert page.count('<article class="clip"') == copies + 1
    assert "All 6 seconds of the known clip are in this file, from 0:04." in page
    again, repeated = scanned("second")
    assert again.err.startswith("Going on with an interrupted scan")
    assert [path.read_bytes() for path in repeated[1:]] == [path.read_bytes() for path in reports[1:]]


def test_compare_tells_of_two_videos_what_they_have_in_common(run: Callable[..., Outcome], clips: Path) -> None:
    longer = _copy(clips, "inside a longer one")
    outcome = run("compare", "--json", clips / "known.mp4", longer)
    assert outcome.status == exits.MATCHED
    (answer,) = outcome.objects
    assert answer["share"]["a"] > 0.9
    assert answer["share"]["b"] < 0.7
    assert answer["segments"][0]["query_from_s"] == pytest.approx(4.0, abs=0.5)
    assert answer["quality"] == {"a": None, "b": None}
    assert answer["meaning"].startswith("B holds all 6 seconds of A; that is ")
    lines = run("compare", clips / "known.mp4", longer).out.splitlines()
    assert re.fullmatch(r"B 0:04.\d to 0:(09|10).\d is A 0:00.0 to 0:0[56].\d", lines[1])
    mirrored = run("compare", clips / "known.mp4", _copy(clips, "mirrored")).out
    assert mirrored.startswith("B holds all 6 seconds of A once it is seen mirrored")
    other = run("compare", "--json", clips / "known.mp4", clips / "other.mp4")
    assert other.status == exits.NOTHING_MATCHED
    assert (other.objects[0]["share"], other.objects[0]["segments"]) == (None, [])
    assert other.objects[0]["meaning"].startswith("No match: ")


@pytest.mark.parametrize("is_turned", [False, True])
def test_compare_finds_a_picture_in_a_video_and_the_moment(
    run: Callable[..., Outcome], clips: Path, is_turned: bool
) -> None:
    pair = [clips / "frame.png", clips / "known.mp4"]
    outcome = run("compare", "--json", *(pair[::-1] if is_turned else pair))
    assert outcome.status == exits.MATCHED
    (answer,) = outcome.objects
    nearest = answer["distances"][0]
    assert nearest["a_time_s" if is_turned else "b_time_s"] == pytest.approx(3.0, abs=0.1)
    assert ("b_time_s" if is_turned else "a_time_s") not in nearest
    assert answer["meaning"].startswith("The picture is in the video")


def test_group_puts_copies_of_a_clip_together_and_counts_the_videos(run: Callable[..., Outcome], clips: Path) -> None:
    outcome = run("group", clips, "--exclude", "*.png")
    assert outcome.status == 0
    (group,) = run("group", clips, "--json", "--exclude", "*.png").objects
    names = {each["path"].rpartition("/")[2].rpartition(".")[0] for each in group["members"]}
    assert {"known", "mirrored", "encoded again", "letterboxed", "10 % faster"} <= names
    assert names.isdisjoint({"other", "inside a longer one"})
    assert f"{len(CLIP_ALTERATIONS) + 2} files, 0 pictures, {len(CLIP_ALTERATIONS) + 2} videos" in outcome.out


def test_frames_that_came_as_a_list_find_the_same_clip_and_go_out_again(
    run: Callable[..., Outcome], clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "known.txt").write_text(run("hash", "--format", "vpdq", clips / "known.mp4").out)
    run("bank", "create", "partner")
    imported = run("bank", "import", "partner", tmp_path / "known.txt", "--json")
    assert imported.status == 0
    assert [(each["path"], each["format"], each["added"]) for each in imported.objects] == [
        (str(tmp_path / "known.txt"), "vpdq", 1)
    ]
    shown = run("bank", "show", "partner", "--json").objects[0]["first"][0]
    assert (shown["type"], shown["external_id"]) == ("vpdq", "known")
    (answer,) = run("match", "--json", _copy(clips, "mirrored")).objects
    assert answer["matches"][0]["variant"] == "mirrored"
    for form, ending in (("vpdq", "txt"), ("vpdq-json", "json")):
        written = run("bank", "export", "partner", "--format", form, "--for-own-backup", "-o", tmp_path / form)
        assert written.err == "1 exported.\n"
        (file,) = (tmp_path / form).iterdir()
        assert file.suffix == f".{ending}"
        again = run("bank", "import", "partner", file)
        assert again.status == 0
        assert again.err == ""
    assert (tmp_path / "vpdq" / "partner-1.txt").read_text() == (tmp_path / "known.txt").read_text()
    assert run("bank", "export", "partner", "--format", "vpdq").status == exits.USAGE


def test_several_lists_are_imported_one_after_the_other_and_each_is_reported(
    run: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "good.txt").write_text(f"pdq {bytes(range(32)).hex()}\n")
    (tmp_path / "bad.txt").write_text(f"pdq {bytes(range(32)).hex()}\npdq 123\n")
    run("bank", "create", "partner")
    outcome = run("bank", "import", "partner", "good.txt", "bad.txt")
    assert outcome.status == exits.UNCHECKED
    assert outcome.out.splitlines()[:2] == [
        "good.txt: 1 added, 0 already there, 0 rejected.",
        "bad.txt: 0 added, 1 already there, 1 rejected.",
    ]
    assert outcome.err.startswith("bad.txt: line 2: ")
