from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.hashing import HashOptions, MediaHash, Signal, Unchecked, examine_file
from hedgerow.hashing.pool import FileHash, FileTask
from hedgerow.media import MediaInfo
from hedgerow.scanning.group import Grouping, group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hedgerow.scanning.group import Group

OPTIONS = HashOptions(("pdq", "sha256"), level="standard")


class HerePool:
    """Hashes in this process."""

    def results(self, tasks: Iterable[FileTask]) -> Iterator[FileHash]:
        for task in tasks:
            yield FileHash(task.path, None, 0, examine_file(task.path, OPTIONS), is_last=True)


def _file(
    name: str, *views: bytes, digest: bytes | None = None, size: int = 10, quality: int = 100, member: str | None = None
) -> FileHash:
    signals = [Signal("pdq", view, quality, "as is" if not at else f"view {at}") for at, view in enumerate(views)]
    if digest is not None:
        signals.append(Signal("sha256", digest))
    return FileHash(name, member, 0, MediaHash(MediaInfo("image/png", size, size), tuple(signals)), is_last=True)


def _bits(*ones: int) -> bytes:
    return np.packbits(np.isin(np.arange(256), ones)).tobytes()


def _groups(files: Iterable[FileHash], threshold: int = 31) -> list[Group]:
    with Grouping(threshold) as grouping:
        for file in files:
            grouping.add(file)
        return list(grouping.groups())


def _paths(found: Group) -> list[str]:
    return [member.path for member in found.members]


@pytest.fixture
def photo() -> Image.Image:
    random = np.random.default_rng(5)
    return Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8)).resize((480, 360), Image.Resampling.BICUBIC)


def test_altered_copies_of_a_picture_are_one_group_and_others_are_none(tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "a.png")
    photo.resize((240, 180)).save(tmp_path / "b small.jpg")
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "c mirrored.png")
    photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "d rotated.png")
    (tmp_path / "e copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    for seed in range(4):
        random = np.random.default_rng(100 + seed)
        other = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8)).resize((480, 360))
        other.save(tmp_path / f"f{seed}.png")
    with Grouping() as grouping:
        (found,) = group([tmp_path], grouping, pool=HerePool())
        assert (grouping.statistics.files, grouping.statistics.pictures) == (9, 9)
    names = [path.rpartition("/")[2] for path in _paths(found)]
    assert names == ["a.png", "b small.jpg", "c mirrored.png", "d rotated.png", "e copy.png"]
    assert found.representative.endswith("/a.png")
    variants = [member.variant for member in found.members]
    assert variants[0] == "as is"
    assert "mirrored" in variants[2]
    assert "rotated" in variants[3]
    assert variants[4] == "the same file"
    assert found.members[4].distance == 0
    assert found.largest_distance is not None
    assert 0 < found.largest_distance <= 31


def test_the_object_for_programs_has_the_pinned_fields() -> None:
    (found,) = _groups([_file("a", _bits()), _file("b", _bits(1, 2))])
    assert json.loads(json.dumps(found.to_json())) == {
        "group": 1,
        "representative": "a",
        "members": [
            {"path": "a", "distance": 0, "variant": "as is"},
            {"path": "b", "distance": 2, "variant": "as is"},
        ],
        "largest_distance": 2,
    }


def test_a_chain_is_one_group_and_says_how_far_its_ends_are_apart() -> None:
    (found,) = _groups([_file(name, _bits(*range(20 * at))) for at, name in enumerate("abc")])
    assert found.representative == "b"
    assert [member.distance for member in found.members] == [20, 0, 20]
    assert found.largest_distance == 40


def test_the_representative_has_most_neighbours_then_the_largest_area_then_comes_first() -> None:
    alike = [_bits(), _bits(1), _bits(2)]
    assert _groups([_file(n, v) for n, v in zip("abc", alike, strict=True)])[0].representative == "a"
    sizes = [10, 30, 20]
    files = [_file(n, v, size=s) for n, v, s in zip("abc", alike, sizes, strict=True)]
    assert _groups(files)[0].representative == "b"


def test_the_threshold_is_inclusive() -> None:
    files = [_file("a", _bits()), _file("b", _bits(*range(12)))]
    assert len(_groups(files, threshold=12)) == 1
    assert _groups(files, threshold=11) == []


def test_a_pair_is_found_when_only_one_of_them_has_the_view() -> None:
    far = _bits(*range(100))
    for files in itertools.permutations([_file("a", _bits()), _file("b", far, _bits(3))]):
        (found,) = _groups(files)
        assert sorted(_paths(found)) == ["a", "b"]
        (other,) = [member for member in found.members if member.path != found.representative]
        assert other.distance == 1
        assert other.variant == ("view 1" if other.path == "b" else "representative view 1")


def test_equal_files_are_a_group_even_where_nothing_in_them_can_be_compared() -> None:
    files = [_file(name, digest=b"d" * 32) for name in "ab"] + [_file("c", digest=b"e" * 32)]
    (found,) = _groups(files)
    assert [(member.path, member.variant) for member in found.members] == [("a", "as is"), ("b", "the same file")]
    assert found.largest_distance == 0


def test_pictures_too_plain_are_grouped_by_equal_bytes_only() -> None:
    with Grouping() as grouping:
        for name, digest in (("a", b"1" * 32), ("b", b"2" * 32), ("c", b"2" * 32)):
            grouping.add(_file(name, bytes(32), digest=digest, quality=3))
        (found,) = grouping.groups()
        assert _paths(found) == ["b", "c"]
        assert grouping.statistics.too_plain == 3


def test_files_without_a_digest_are_not_taken_for_equal() -> None:
    assert _groups([_file("a", _bits()), _file("b", _bits(*range(100)))]) == []


def test_what_could_not_be_checked_is_counted(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with Grouping() as grouping:
        assert list(group([tmp_path], grouping, pool=HerePool())) == []
        grouping.add(FileHash("x", None, 0, MediaHash(None, (), Unchecked("crashed", "It crashed.")), is_last=True))
        assert grouping.statistics.unchecked == {"empty": 1, "crashed": 1}


def test_nothing_at_all_gives_no_group() -> None:
    assert _groups([]) == []


def test_names_come_back_whatever_they_hold() -> None:
    (found,) = _groups([_file("\udcff\n", _bits()), _file("b", _bits(), member="in/\ud800")])
    assert _paths(found) == ["\udcff\n", "b!/in/\ud800"]


def test_the_real_pool_finds_the_same_groups(tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "a.png")
    photo.save(tmp_path / "b.jpg")
    with Grouping() as grouping:
        (found,) = group([tmp_path], grouping, jobs=1)
    with Grouping() as grouping:
        assert list(group([tmp_path], grouping, pool=HerePool())) == [found]


def _textbook(files: list[FileHash], threshold: int) -> set[frozenset[str]]:
    """Find the components by the definition: pairs first, then whatever hangs together."""

    def distance(one: FileHash, other: FileHash) -> int:
        stored = int.from_bytes(other.hash.signals[0].bits)
        return min((int.from_bytes(view.bits) ^ stored).bit_count() for view in one.hash.signals)

    groups = [{file.path} for file in files]
    for one, other in itertools.permutations(files, 2):
        if distance(one, other) <= threshold:
            joined = [each for each in groups if one.path in each or other.path in each]
            groups = [each for each in groups if each not in joined] + [set().union(*joined)]
    return {frozenset(each) for each in groups if len(each) > 1}


@settings(deadline=None)
@given(
    centres=st.lists(st.lists(st.integers(0, 63), max_size=30), min_size=1, max_size=12),
    views=st.integers(1, 3),
    threshold=st.integers(0, 31),
)
def test_groups_are_the_connected_components_by_their_definition(
    centres: list[list[int]], views: int, threshold: int
) -> None:
    files = [
        _file(f"{number:02}", *(_bits(*ones, *range(64, 64 + 15 * view)) for view in range(views)))
        for number, ones in enumerate(centres)
    ]
    found = _groups(files, threshold)
    assert {frozenset(_paths(each)) for each in found} == _textbook(files, threshold)
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    for each in found:
        assert each.representative in _paths(each)
        assert each.largest_distance is not None
    assert _groups(files, threshold) == found
