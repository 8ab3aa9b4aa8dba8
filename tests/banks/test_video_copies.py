"""From files to matches: clips made of generated pictures, altered, encoded again, and looked up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hedgerow.banks import Bank, Match, Matcher, NewEntry, add_entries
from hedgerow.evaluation.chance import Chance
from hedgerow.hashing import hash_file
from hedgerow.testing.clips import CLIP_ALTERATIONS, ClipAlteration, Frames, can_write_clips, panning_frames, write_clip

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database

pytestmark = pytest.mark.skipif(not can_write_clips(), reason="PyAV is not installed (the video extra)")


def _scenes(first: int) -> Frames:
    pictures = [Chance(random.Random(seed)).companion(640, 400) for seed in (first, first + 1)]  # noqa: S311  (test data)
    return panning_frames(pictures, seconds_each=5.0)


@pytest.fixture(scope="module")
def clip() -> Frames:
    return _scenes(1)


@pytest.fixture(scope="module")
def stranger() -> Frames:
    return _scenes(11)


@pytest.fixture
def matcher(database: Database, data: Path, bank: Bank, now: datetime, tmp_path: Path, clip: Frames) -> Matcher:
    """A bank that holds the clip, as a bank's list."""
    write_clip(tmp_path / "known.mp4", clip)
    signals = hash_file(tmp_path / "known.mp4", ["vpdq"], sampling="bank", exact=True).signals
    with database.write() as connection:
        assert add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).added == 1
    return Matcher(database, data)


def _matches(matcher: Matcher, path: Path) -> list[Match]:
    return matcher.search(hash_file(path, ["vpdq"], level=matcher.level()).signals)


@pytest.mark.parametrize("alteration", CLIP_ALTERATIONS, ids=lambda alteration: alteration.name)
def test_an_altered_copy_matches_with_most_of_its_known_frames(
    matcher: Matcher, tmp_path: Path, clip: Frames, stranger: Frames, alteration: ClipAlteration
) -> None:
    path = tmp_path / f"copy{alteration.suffix}"
    alteration.write(path, clip, stranger)
    [match] = _matches(matcher, path)
    kept = 0.55 if alteration.name == "trimmed" else 0.9
    assert match.known_share is not None
    assert match.known_share >= kept
    assert match.segments[0].duration_s >= 3.0


def test_a_stranger_does_not_match(matcher: Matcher, tmp_path: Path, stranger: Frames) -> None:
    write_clip(tmp_path / "stranger.mp4", stranger)
    assert _matches(matcher, tmp_path / "stranger.mp4") == []


def test_the_segment_lies_where_the_clip_begins(
    matcher: Matcher, tmp_path: Path, clip: Frames, stranger: Frames
) -> None:
    write_clip(tmp_path / "inside.mp4", [*stranger[:30], *clip, *stranger[30:]])
    [match] = _matches(matcher, tmp_path / "inside.mp4")
    first = match.segments[0]
    assert first.query_from_s - first.known_from_s == pytest.approx(30 / 12, abs=0.3)
    assert first.speed == pytest.approx(1.0, abs=0.05)


def test_a_still_of_a_known_clip_matches_and_says_when(matcher: Matcher, tmp_path: Path, clip: Frames) -> None:
    Image.fromarray(clip[12]).save(tmp_path / "still.jpg", quality=85)
    [match] = matcher.search(hash_file(tmp_path / "still.jpg").signals)
    assert (match.type, match.known_time_s) == ("vpdq", pytest.approx(1.0, abs=0.1))
