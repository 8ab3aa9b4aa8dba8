from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageOps

from hedgerow import errors
from hedgerow.cli import exits, root
from hedgerow.hashing import pdq
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome


@pytest.fixture(scope="module")
def pictures_to_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(4):
        Image.fromarray(synthetic_picture(500, 400, seed)).save(folder / f"{seed}.png")
    Image.open(folder / "0.png").save(folder / "copy.jpg", quality=70)
    ImageOps.mirror(Image.open(folder / "1.png")).save(folder / "mirrored.jpg", quality=80)
    return folder


@pytest.fixture
def pictures(pictures_to_copy: Path, tmp_path: Path) -> Path:
    """Give four pictures and altered copies of two, in a folder that a test may change."""
    return shutil.copytree(pictures_to_copy, tmp_path / "pictures")


@pytest.fixture
def bank(run: Callable[..., Outcome], pictures: Path) -> str:
    assert run("bank", "create", "known").status == 0
    assert run("bank", "add", "known", pictures / "0.png", pictures / "1.png", "--category", "A1").status == 0
    return "known"


def test_hash_prints_one_pinned_object_a_line(run: Callable[..., Outcome], pictures: Path) -> None:
    outcome = run("hash", "--json", "--type", "pdq,md5", pictures / "0.png", pictures / "1.png")
    assert outcome.status == 0
    first, second = outcome.objects
    assert second["path"] == str(pictures / "1.png")
    assert {name: first["media"][name] for name in ("type", "width", "height", "frames")} == {
        "type": "image/png",
        "width": 500,
        "height": 400,
        "frames": 1,
    }
    assert first["unchecked"] is None
    signal, digest = first["signals"]
    known = pdq(synthetic_picture(500, 400, 0))
    assert (signal["type"], signal["value"], signal["quality"], signal["variant"]) == (
        "pdq",
        known.value,
        known.quality,
        "as is",
    )
    data = (pictures / "0.png").read_bytes()
    assert digest["value"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert digest["quality"] is None


def test_hash_exits_3_and_says_why_when_a_file_is_unchecked(run: Callable[..., Outcome], pictures: Path) -> None:
    (pictures / "words.txt").write_text("no picture " * 20)
    outcome = run("hash", "--json", pictures / "words.txt", pictures / "0.png", pictures / "missing.png")
    assert outcome.status == exits.UNCHECKED
    words, picture, missing = outcome.objects
    assert words["unchecked"]["reason"] == "unsupported"
    assert words["signals"] == []
    assert picture["unchecked"] is None
    assert missing["unchecked"]["reason"] == "unreadable"


def test_hash_without_json_prints_type_value_quality_and_path(run: Callable[..., Outcome], pictures: Path) -> None:
    known = pdq(synthetic_picture(500, 400, 0))
    path = pictures / "0.png"
    assert run("hash", path).out == f"pdq {known.value}  quality {known.quality}  {path}\n"


def test_hash_with_variants_names_each_of_them(run: Callable[..., Outcome], pictures: Path) -> None:
    (one,) = run("hash", "--json", "--variants", pictures / "0.png").objects
    assert {"as is", "mirrored", "rotated 90°"} <= {signal["variant"] for signal in one["signals"]}


def test_compare_says_match_with_1_and_no_match_with_0(run: Callable[..., Outcome], pictures: Path) -> None:
    same = run("compare", "--json", pictures / "1.png", pictures / "mirrored.jpg")
    assert same.status == exits.MATCHED
    (answer,) = same.objects
    assert answer["match"] is True
    assert answer["distances"][0]["variant"] == "mirrored"
    other = run("compare", pictures / "0.png", pictures / "1.png")
    assert other.status == exits.NOTHING_MATCHED
    assert "No match" in other.out


def test_compare_with_something_unreadable_exits_3(run: Callable[..., Outcome], pictures: Path) -> None:
    assert run("compare", pictures / "0.png", pictures / "none.png").status == exits.UNCHECKED


def test_match_finds_copies_and_says_how(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    outcome = run("match", "--json", pictures / "copy.jpg", pictures / "mirrored.jpg", pictures / "2.png")
    assert outcome.status == exits.MATCHED
    copy, mirrored, other = outcome.objects
    (match,) = copy["matches"]
    said = {"bank", "entry", "type", "distance", "variant", "category", "provenance", "false_match_probability"}
    assert set(match) == said  # of a picture; a video says more
    assert (match["bank"], match["type"], match["variant"]) == (bank, "pdq", "as is")
    assert (match["category"], match["provenance"]) == ("A1", "person")
    assert match["distance"] <= 10
    assert mirrored["matches"][0]["variant"] == "mirrored"
    assert other["matches"] == []
    assert other["unchecked"] is None


def test_the_four_exit_statuses_of_match(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    assert bank
    assert run("match", pictures / "2.png").status == 0
    assert run("match", pictures / "copy.jpg").status == 1
    assert run("match").status == 2
    assert run("match", pictures / "missing.png").status == 3
    assert run("match", pictures / "copy.jpg", pictures / "missing.png").status == 3


def test_match_takes_a_folder_for_the_files_below_it(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    assert bank
    outcome = run("match", "--json", pictures)
    assert outcome.status == exits.MATCHED
    names = [each["path"].removeprefix(f"{pictures}/") for each in outcome.objects]
    assert names == ["0.png", "1.png", "2.png", "3.png", "copy.jpg", "mirrored.jpg"]


def test_matching_without_any_bank_is_a_mistake_and_no_clean_answer(
    run: Callable[..., Outcome], pictures: Path
) -> None:
    outcome = run("match", pictures / "0.png")
    assert outcome.status == exits.USAGE
    assert "bank" in outcome.err


def test_a_withdrawn_entry_matches_nothing_from_the_next_command_on(
    run: Callable[..., Outcome], pictures: Path, bank: str
) -> None:
    (found,) = run("match", "--json", pictures / "copy.jpg").objects
    entry = found["matches"][0]["entry"]
    assert run("bank", "withdraw", bank, entry, "--reason", "a mistake").status == 0
    assert run("match", pictures / "copy.jpg").status == 0
    assert run("bank", "withdraw", bank, entry).status == exits.USAGE


def test_digests_match_equal_files_only(run: Callable[..., Outcome], pictures: Path) -> None:
    value = hashlib.sha256((pictures / "2.png").read_bytes()).hexdigest()
    run("bank", "create", "files")
    assert run("bank", "add", "files", "--value", f"sha256:{value}").status == 0
    outcome = run("match", "--json", pictures / "2.png", pictures / "3.png")
    same, other = outcome.objects
    assert [(match["type"], match["distance"]) for match in same["matches"]] == [("sha256", 0)]
    assert other["matches"] == []


def test_scan_walks_folders_and_archives_and_writes_every_report(
    run: Callable[..., Outcome], pictures: Path, bank: str, tmp_path: Path
) -> None:
    import zipfile  # noqa: PLC0415  (only here)

    assert bank
    with zipfile.ZipFile(pictures / "more.zip", "w") as archive:
        archive.write(pictures / "copy.jpg", "inside/copy.jpg")
    (pictures / "words.txt").write_text("no picture " * 20)
    reports = [tmp_path / f"report.{form}" for form in ("html", "jsonl", "csv", "parquet")]
    outcome = run("scan", "--json", pictures, *(part for report in reports for part in ("--report", report)))
    assert outcome.status == exits.UNCHECKED
    by_path = {each["path"]: each for each in outcome.objects}
    assert by_path[f"{pictures}/more.zip!/inside/copy.jpg"]["matches"]
    assert by_path[f"{pictures}/mirrored.jpg"]["matches"][0]["variant"] == "mirrored"
    assert by_path[f"{pictures}/2.png"]["matches"] == []
    assert by_path[f"{pictures}/words.txt"]["unchecked"]["reason"] == "unsupported"
    assert all(report.stat().st_size > 0 for report in reports)
    assert [json.loads(line) for line in reports[1].read_text().splitlines()] == outcome.objects
    page = reports[0].read_text()
    assert "words.txt" in page
    assert "mirrored" in page


def test_scan_can_leave_files_out_and_then_exits_1(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    assert bank
    (pictures / "words.txt").write_text("no picture " * 20)
    outcome = run("scan", pictures, "--exclude", "*.txt")
    assert outcome.status == exits.MATCHED
    assert "match" in outcome.out


def test_scan_of_nothing_is_a_usage_mistake(run: Callable[..., Outcome], bank: str, tmp_path: Path) -> None:
    assert bank
    assert run("scan", tmp_path / "nowhere").status == exits.USAGE


def test_group_puts_copies_together(run: Callable[..., Outcome], pictures: Path) -> None:
    outcome = run("group", "--json", pictures)
    assert outcome.status == 0
    groups = [{os.path.basename(each["path"]) for each in group["members"]} for group in outcome.objects]  # noqa: PTH119  (text)
    assert sorted(map(sorted, groups)) == [["0.png", "copy.jpg"], ["1.png", "mirrored.jpg"]]


def test_bank_import_reports_every_rejected_line_and_takes_the_rest(
    run: Callable[..., Outcome], tmp_path: Path
) -> None:
    good = pdq(synthetic_picture(90, 80, 1)).value
    (tmp_path / "list.txt").write_text(f"pdq {good}\n{'0' * 64}\nnonsense\n{good}\n")
    run("bank", "create", "known")
    outcome = run("bank", "import", "known", tmp_path / "list.txt", "--json")
    assert outcome.status == exits.UNCHECKED
    (report,) = outcome.objects
    assert (report["added"], report["already_there"], report["rejected"]) == (1, 1, 2)
    assert "line 2" in outcome.err
    assert "line 3" in outcome.err
    assert good not in outcome.err


def test_bank_export_and_import_give_the_same_bank(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    assert pictures.is_dir()
    exported = run("bank", "export", bank, "--for-own-backup").out
    (pictures.parent / "export.jsonl").write_text(exported)
    run("bank", "create", "second")
    assert run("bank", "import", "second", pictures.parent / "export.jsonl").status == 0
    again = run("bank", "export", "second", "--for-own-backup").out

    def values(text: str) -> list[tuple[str, str, str]]:
        rows = [json.loads(line) for line in text.splitlines()]
        return sorted((row["type"], row["value"], row["category"]) for row in rows)

    assert values(again) == values(exported)


def test_bank_list_and_show_tell_the_counts_but_no_values(
    run: Callable[..., Outcome], pictures: Path, bank: str
) -> None:
    (listed,) = run("bank", "list", "--json").objects
    assert (listed["bank"], listed["threshold"], listed["entries"]) == (bank, 31, {"pdq": 2})
    assert listed["level"] == "standard"
    shown = run("bank", "show", bank)
    assert shown.status == 0
    assert pdq(synthetic_picture(500, 400, 0)).value not in shown.out
    assert pictures.is_dir()


def test_a_disabled_bank_is_not_searched(run: Callable[..., Outcome], pictures: Path, bank: str) -> None:
    assert run("bank", "change", bank, "--disable").status == 0
    assert run("match", pictures / "copy.jpg").status == exits.USAGE  # nothing left to match against
    assert run("bank", "change", bank, "--enable", "--threshold", "0").status == 0
    assert run("match", pictures / "0.png").status == exits.MATCHED


def test_the_level_of_a_bank_decides_how_many_ways_a_file_is_looked_up(
    run: Callable[..., Outcome], pictures: Path, bank: str
) -> None:
    assert run("match", pictures / "mirrored.jpg").status == exits.MATCHED
    changed = run("bank", "change", bank, "--level", "exact")
    assert changed.out == "known: threshold 31, minimum quality 50, level exact, searched.\n"
    assert run("match", pictures / "mirrored.jpg").status == exits.NOTHING_MATCHED
    assert run("match", pictures / "copy.jpg").status == exits.MATCHED
    created = run("bank", "create", "second", "--level", "thorough")
    assert created.out == "Created the bank second (threshold 31 bits, level thorough).\n"
    assert [each["level"] for each in run("bank", "list", "--json").objects] == ["exact", "thorough"]
    assert "exact" in run("bank", "show", bank).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("bank", "create", "known", "--level", "middling"),
        ("bank", "change", "known", "--level", ""),
        ("bank", "create", "bad name"),
        ("bank", "create", "known", "--threshold", "65"),
        ("bank", "show", "nobody"),
        ("hash", "--type", "photodna", "x"),
        ("nonsense",),
        ("--nonsense",),
        ("scan",),
        ("bank", "add", "known"),
    ],
)
def test_mistakes_in_the_command_exit_2_with_one_sentence(
    run: Callable[..., Outcome], arguments: tuple[str, ...]
) -> None:
    outcome = run(*arguments)
    assert outcome.status == exits.USAGE
    assert outcome.err
    assert "Traceback" not in outcome.err


def test_the_data_folder_may_be_named_before_or_after_the_command_or_in_the_environment(
    run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--data", tmp_path / "d", "bank", "create", "a").status == 0
    assert run("bank", "create", "b", "--data", tmp_path / "d").status == 0
    monkeypatch.setenv("HEDGEROW_DATA", str(tmp_path / "d"))
    assert {each["bank"] for each in run("bank", "list", "--json").objects} == {"a", "b"}
    monkeypatch.delenv("HEDGEROW_DATA")
    assert run("bank", "list", "--json").objects == []


def test_selftest_passes_here(run: Callable[..., Outcome]) -> None:
    outcome = run("selftest")
    assert outcome.status == 0
    assert "published vectors are reproduced" in outcome.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(run: Callable[..., Outcome], shell: str) -> None:
    outcome = run("completion", shell)
    assert outcome.status == 0
    assert "_HEDGEROW_COMPLETE" in outcome.out


def test_version_names_what_decides_the_bits(run: Callable[..., Outcome]) -> None:
    (versions,) = run("version", "--json").objects
    assert {"hedgerow", "numpy", "pillow", "pillow-heif"} <= set(versions)


def test_the_command_list_says_what_each_command_says_of_itself() -> None:
    import click  # noqa: PLC0415  (only here)

    context = click.Context(root.hedgerow)
    for name, (_, line) in root.COMMANDS.items():
        command = root.hedgerow.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.short_help == line


def test_every_error_has_an_exit_status() -> None:
    leaves = [getattr(errors, name) for name in errors.__all__]
    for leaf in leaves:
        made = leaf.__new__(leaf)
        assert exits.exit_code(made) in {exits.USAGE, exits.UNCHECKED, exits.FAILED}


def test_help_needs_neither_numpy_nor_a_database() -> None:
    code = (
        "import sys; sys.argv = ['hedgerow', '--help']\n"
        "from hedgerow.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'sqlalchemy', 'alembic', 'PIL', 'pydantic', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_output_into_a_closed_pipe_is_no_error(pictures: Path) -> None:
    command = f"{sys.executable} -c 'from hedgerow.cli import main; main()' hash --json {pictures}/*.png | head -n 1"
    done = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["path"].endswith("0.png")


def test_a_deep_crop_is_found_where_the_regions_of_the_picture_were_banked(
    run: Callable[..., Outcome], tmp_path: Path
) -> None:
    soft = Image.fromarray(synthetic_picture(800, 600, 8))
    picture = soft.point([min(255, max(0, 3 * value - 256)) for value in range(256)] * 3)
    picture.save(tmp_path / "whole.png")
    picture.crop((120, 90, 680, 510)).save(tmp_path / "crop.png")  # 15 % gone on every side
    run("bank", "create", "bare", "--level", "thorough")
    run("bank", "add", "bare", tmp_path / "whole.png")
    run("bank", "create", "regions", "--level", "thorough")
    added = run("bank", "add", "regions", tmp_path / "whole.png", "--regions", "--json").objects[0]
    assert (added["added"], added["refused"]) == (12, [])
    matches = run("match", "--json", tmp_path / "crop.png").objects[0]["matches"]
    assert {match["bank"] for match in matches} == {"regions"}
    entries = {each["entry"]: each["variant"] for each in run("bank", "show", "regions", "--json").objects[0]["first"]}
    assert entries[matches[0]["entry"]] == "centre 70 %"
