from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.hashing import MediaHash, Signal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.pool import FileHash
from hedgerow.media import MediaInfo
from hedgerow.scanning.group import Grouping

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hedgerow.scanning.group import Group

FRAMES_A_SECOND = 8


def _scene(seed: int, seconds: int = 20) -> NDArray[np.uint8]:
    """Give frames of which neighbours are alike and those of other seconds are not, as a moving picture has them."""
    random = np.random.default_rng(seed)
    each = random.integers(0, 256, (seconds, 32), np.uint8)
    frames = np.repeat(each, FRAMES_A_SECOND, axis=0)
    for at, frame in enumerate(frames):
        frame[at % 32] ^= 1
    return frames


def _frames(bits: NDArray[np.uint8], quality: int = 100) -> FrameList:
    times_s = np.arange(len(bits)) / FRAMES_A_SECOND
    length_s = len(bits) / FRAMES_A_SECOND
    until_s = np.append(times_s[1:], length_s)
    return FrameList.of(bits, np.full(len(bits), quality), np.arange(len(bits)), times_s, until_s, length_s)


def _video(
    name: str, *views: NDArray[np.uint8], quality: int = 100, size: int = 10, digest: bytes | None = None
) -> FileHash:
    lists = [_frames(view, quality) for view in views]
    signals = [
        Signal("vpdq", each.digest(), None, "as is" if not at else f"view {at}", frames=each)
        for at, each in enumerate(lists)
    ]
    if digest is not None:
        signals.append(Signal("sha256", digest))
    media = MediaInfo("video/mp4", size, size, len(views[0]), duration_s=lists[0].duration_s)
    return FileHash(name, None, 0, MediaHash(media, tuple(signals)), is_last=True)


def _groups(files: Iterable[FileHash]) -> tuple[list[Group], Grouping]:
    with Grouping() as grouping:
        for file in files:
            grouping.add(file)
        return list(grouping.groups()), grouping


def _paths(groups: list[Group]) -> list[list[str]]:
    return [[member.path for member in each.members] for each in groups]


def test_copies_of_a_video_are_one_group_and_other_videos_are_none() -> None:
    noisy = _scene(1)
    noisy[:, 5] ^= 0b111
    groups, grouping = _groups([_video("a", _scene(1)), _video("x", _scene(2)), _video("b", noisy)])
    assert _paths(groups) == [["a", "b"]]
    (group,) = groups
    assert [member.distance for member in group.members] == [0, 3]
    assert group.largest_distance == 3
    assert (grouping.statistics.videos, grouping.statistics.pictures, grouping.statistics.files) == (3, 0, 3)


def test_a_video_that_only_a_view_of_the_other_reaches_is_in_its_group_and_says_how() -> None:
    turned = np.ascontiguousarray(_scene(1)[:, ::-1])
    groups, _ = _groups([_video("a", _scene(1), size=20), _video("b", turned, _scene(1))])
    assert _paths(groups) == [["a", "b"]]
    variants = [(member.distance, member.variant) for member in groups[0].members]
    assert variants == [(0, "representative view 1"), (0, "as is")]


def test_a_trimmed_copy_is_in_the_group_as_long_as_most_of_it_is_there() -> None:
    whole = _scene(1)
    groups, _ = _groups([_video("a", whole), _video("b", whole[2 * FRAMES_A_SECOND :])])
    assert _paths(groups) == [["a", "b"]]


def test_a_clip_inside_a_compilation_is_not_in_its_group_since_who_sees_one_has_not_seen_the_other() -> None:
    compilation = np.concatenate([_scene(1), _scene(2), _scene(3)])
    groups, _ = _groups([_video("a", _scene(1)), _video("long", compilation)])
    assert groups == []


def test_the_order_does_not_count_since_who_sees_one_has_seen_the_other() -> None:
    backwards = np.ascontiguousarray(_scene(1)[::-1])
    groups, _ = _groups([_video("a", _scene(1)), _video("b", backwards)])
    assert _paths(groups) == [["a", "b"]]


def test_videos_too_plain_are_grouped_by_equal_bytes_only_and_counted() -> None:
    plain = [
        _video(name, _scene(1), quality=10, digest=digest)
        for name, digest in (("a", b"1" * 32), ("b", b"2" * 32), ("c", b"2" * 32))
    ]
    groups, grouping = _groups(plain)
    assert _paths(groups) == [["b", "c"]]
    assert grouping.statistics.too_plain == 3


def test_of_videos_with_equal_bytes_one_stands_for_all() -> None:
    files = [_video(name, _scene(1), digest=digest * 32) for name, digest in (("a", b"1"), ("b", b"1"), ("c", b"3"))]
    groups, _ = _groups(files)
    assert _paths(groups) == [["a", "b", "c"]]
    assert [member.variant for member in groups[0].members] == ["as is", "the same file", "as is"]


def test_pictures_and_videos_are_grouped_side_by_side() -> None:
    picture = MediaHash(MediaInfo("image/png", 9, 9), (Signal("pdq", bytes(range(32)), 100),))
    files = [
        FileHash("p", None, 0, picture, is_last=True),
        _video("a", _scene(1)),
        FileHash("q", None, 0, picture, is_last=True),
        _video("b", _scene(1)),
    ]
    groups, _ = _groups(files)
    assert _paths(groups) == [["p", "q"], ["a", "b"]]


@pytest.mark.parametrize(("count", "is_compared"), [(16, True), (17, False)])
def test_every_pair_of_a_group_is_compared_up_to_sixteen_videos(count: int, is_compared: bool) -> None:
    groups, _ = _groups([_video(f"{number}", _scene(1, seconds=4)) for number in range(count)])
    assert len(groups[0].members) == count
    assert groups[0].largest_distance == (0 if is_compared else None)
