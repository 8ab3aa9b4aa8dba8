from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import NothingToScan
from hedgerow.scanning.walk import FoundFile, WalkTally, measure, walk

if TYPE_CHECKING:
    from pathlib import Path


def _tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def _paths(*paths: str | Path, **options: object) -> list[str]:
    return [found.path for found in walk(paths, **options)]  # type: ignore[arg-type]  # options as in walk


def _names(root: Path, *paths: str | Path, **options: object) -> list[str]:
    return [os.path.relpath(path, root) for path in _paths(*(paths or (root,)), **options)]


def test_files_come_in_the_order_of_their_bytes_depth_first(tmp_path: Path) -> None:
    _tree(tmp_path, "b.jpg", "a/z.jpg", "a/b/c.jpg", "Z.jpg", "a.jpg", "é.jpg")
    assert _names(tmp_path) == ["Z.jpg", "a/b/c.jpg", "a/z.jpg", "a.jpg", "b.jpg", "é.jpg"]


def test_paths_begin_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path, "photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert _paths("photos") == ["photos/a.jpg"]
    assert _paths("./photos/a.jpg") == ["./photos/a.jpg"]


def test_size_and_modification_time_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    assert list(walk([path])) == [FoundFile(str(path), 5, 1_234_567_890_123_456_789)]


def test_hidden_files_are_files(tmp_path: Path) -> None:
    _tree(tmp_path, ".hidden.jpg", ".folder/a.jpg")
    assert _names(tmp_path) == [".folder/a.jpg", ".hidden.jpg"]


def test_a_path_inside_another_is_walked_once(tmp_path: Path) -> None:
    _tree(tmp_path, "a/1.jpg", "a/2.jpg", "b/3.jpg")
    assert _names(tmp_path, tmp_path / "a", tmp_path, tmp_path / "a" / "1.jpg", tmp_path) == [
        "a/1.jpg",
        "a/2.jpg",
        "b/3.jpg",
    ]


def test_a_sibling_with_a_longer_name_is_not_inside(tmp_path: Path) -> None:
    _tree(tmp_path, "a/1.jpg", "ab/2.jpg")
    assert _names(tmp_path, tmp_path / "a", tmp_path / "ab") == ["a/1.jpg", "ab/2.jpg"]


def test_a_path_that_an_exclusion_hides_inside_another_is_still_walked(tmp_path: Path) -> None:
    _tree(tmp_path, "a.jpg", "cache/b.jpg")
    assert _names(tmp_path, tmp_path, tmp_path / "cache", exclude=["cache"]) == ["a.jpg", "cache/b.jpg"]


def test_globs_without_a_slash_leave_out_names_anywhere(tmp_path: Path) -> None:
    _tree(tmp_path, "a.txt", "a.jpg", "deep/b.txt", "deep/b.jpg", "node_modules/c.jpg")
    tally = WalkTally()
    assert _names(tmp_path, exclude=["*.txt", "node_modules"], tally=tally) == ["a.jpg", "deep/b.jpg"]
    assert tally.excluded == 3


def test_globs_with_a_slash_leave_out_paths_below_the_root(tmp_path: Path) -> None:
    _tree(tmp_path, "x/cache/a.jpg", "cache/b.jpg", "x/c.jpg")
    assert _names(tmp_path, exclude=["x/cache"]) == ["cache/b.jpg", "x/c.jpg"]


def test_links_are_counted_and_not_followed(tmp_path: Path) -> None:
    _tree(tmp_path, "in/a.jpg", "out/b.jpg")
    (tmp_path / "in" / "link.jpg").symlink_to(tmp_path / "out" / "b.jpg")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    tally = WalkTally()
    assert _names(tmp_path, tmp_path / "in", tally=tally) == ["in/a.jpg"]
    assert tally.links_skipped == 2


def test_a_link_that_was_named_is_followed(tmp_path: Path) -> None:
    _tree(tmp_path, "out/b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert _names(tmp_path, tmp_path / "link") == ["link/b.jpg"]


def test_followed_links_never_go_in_circles_and_tell_each_folder_once(tmp_path: Path) -> None:
    _tree(tmp_path, "in/a.jpg", "in/deep/b.jpg", "out/c.jpg")
    (tmp_path / "in" / "deep" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "z1").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "z2").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "again.jpg").symlink_to(tmp_path / "in" / "a.jpg")
    tally = WalkTally()
    names = _names(tmp_path, tmp_path / "in", follow_links=True, tally=tally)
    assert names == ["in/a.jpg", "in/deep/b.jpg", "in/z1/c.jpg"]
    assert tally.links_skipped == 3


def test_a_followed_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "dead").symlink_to(tmp_path / "gone")
    (found,) = walk([tmp_path], follow_links=True)
    assert found.unchecked is not None
    assert found.unchecked.reason == "unreadable"


def test_pipes_and_sockets_are_told_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        found = list(walk(["."]))
    assert [each.path for each in found] == ["./pipe", "./socket"]
    assert [each.unchecked is not None and each.unchecked.reason for each in found] == ["unsupported"] * 2


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path, "a.jpg", "closed/b.jpg", "z.jpg")
    listdir = os.listdir

    def refuse(path: bytes) -> list[bytes]:
        if path.endswith(b"closed"):
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)  # as root, no mode would close it
    found = list(walk([tmp_path]))
    assert [each.path.rpartition("/")[2] for each in found] == ["a.jpg", "closed", "z.jpg"]
    assert found[1].unchecked is not None
    assert found[1].unchecked.detail == "The file cannot be read: Permission denied."


def test_a_file_that_vanishes_was_not_there(tmp_path: Path) -> None:
    _tree(tmp_path, "a.jpg", "b.jpg", "c/d.jpg")
    walked = walk([tmp_path])
    first = next(walked)
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "c" / "d.jpg").unlink()
    (tmp_path / "c").rmdir()
    assert [first.path, *(each.path for each in walked)] == [str(tmp_path / "a.jpg")]


def test_names_that_are_no_utf8_come_back_as_they_are(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    with open(name, "wb"):  # noqa: PTH123  (pathlib takes no bytes)
        pass
    (found,) = walk([tmp_path])
    assert os.fsencode(found.path) == name


def test_our_own_data_folder_and_report_are_passed_by_even_before_they_exist(tmp_path: Path) -> None:
    _tree(tmp_path, "a.jpg", "data/hedgerow.db", "sub/report.html")
    passing_by = [tmp_path / "data", tmp_path / "sub" / "report.html", tmp_path / ".new.partial"]
    walked = walk([tmp_path], passing_by=passing_by)
    (tmp_path / ".new.partial").touch()
    assert [os.path.relpath(each.path, tmp_path) for each in walked] == ["a.jpg"]


def test_a_path_with_nothing_there_is_refused_at_once() -> None:
    with pytest.raises(NothingToScan):
        walk(["/nothing/here"])


def test_folders_deeper_than_any_recursion_limit_are_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1500):
        os.mkdir("d")  # noqa: PTH102  (1,500 levels have no absolute path that the system would take)
        os.chdir("d")
    monkeypatch.chdir(tmp_path)
    found = list(walk(["."]))
    subprocess.run(["rm", "-rf", "d"], check=True)  # pytest's own cleaning would give up
    assert found == []  # 3,000 bytes of path: all folders were entered, and there was no file


def test_measuring_counts_what_the_walk_finds(tmp_path: Path) -> None:
    _tree(tmp_path, "a.jpg", "b/c.jpg", "d.txt")
    found = list(walk([tmp_path], ["*.txt"]))
    whole = measure([tmp_path], ["*.txt"])
    assert (whole.files, whole.size_bytes) == (len(found), sum(each.size_bytes for each in found))


@given(st.lists(st.sampled_from(["", "a", "a/b", "a/b/c", "ab", "d"]), min_size=1, max_size=6))
def test_whatever_paths_overlap_every_file_comes_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[str]
) -> None:
    root = tmp_path_factory.mktemp("walk")
    _tree(root, "1", "a/2", "a/b/3", "a/b/c/4", "ab/5", "d/6")
    paths = [root / each for each in chosen]
    names = _names(root, *paths)
    expected = {
        os.path.relpath(f"{folder}/{name}", root)
        for path in paths
        for folder, _, files in os.walk(path)
        for name in files
    }
    assert sorted(names) == sorted(expected)
