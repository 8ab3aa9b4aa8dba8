"""Pictures and videos looked up in known pictures and known videos, from the signals to the matches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Attributes, Bank, Match, Matcher, NewEntry, add_entries, create_bank, withdraw_entry
from hedgerow.banks.answers import frame_name
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import Signal
from hedgerow.matching.segments import Segment
from hedgerow.matching.videos import VideoRule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database

    Film = Callable[..., FrameList]


@pytest.fixture
def matcher(database: Database, data: Path) -> Matcher:
    return Matcher(database, data)


def _video(frames: FrameList, variant: str = "as is") -> Signal:
    level = "exact" if variant == "as is" else "standard"
    return Signal("vpdq", frames.digest(), variant=variant, level=level, frames=frames)  # type: ignore[arg-type]  # a level


def _picture(frames: FrameList, at: int, variant: str = "as is", flips: int = 0) -> Signal:
    bits = int.from_bytes(frames.bits[at].tobytes(), "big") ^ ((1 << flips) - 1)
    return Signal("pdq", bits.to_bytes(32, "big"), 100, variant)


def _once_a_second(frames: FrameList) -> FrameList:
    kept = slice(None, None, 10)
    times = frames.times_s[kept]
    return FrameList.of(
        frames.bits[kept], frames.qualities[kept], frames.numbers[kept], times, times, frames.duration_s
    )


def _joined(*films: FrameList) -> FrameList:
    at = np.cumsum([0.0, *(film.duration_s for film in films)])
    times = np.concatenate([film.times_s + begin for film, begin in zip(films, at[:-1], strict=True)])
    bits, qualities = (np.concatenate([getattr(film, name) for film in films]) for name in ("bits", "qualities"))
    return FrameList.of(bits, qualities, range(len(times)), times, times, float(at[-1]))


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal, **said: str) -> None:
    with database.write() as connection:
        new = [NewEntry(signal, Attributes(**said)) for signal in signals]  # type: ignore[arg-type]  # texts
        assert not add_entries(connection, bank, new, now=now).refused


# ── a video among known videos ───────────────────────────────────────────────────────────────────────────────────


def test_a_known_clip_inside_an_upload_is_a_match_with_times_on_both_sides_and_shares_both_ways(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 10)
    _add(database, bank, now, _video(_once_a_second(clip)), category="A1", provenance="exchange:x")
    [match] = matcher.search([_video(_joined(film(2, 5), clip, film(3, 5)))])
    assert (match.bank, match.entry, match.type, match.distance, match.variant) == ("known", 1, "vpdq", 0, "as is")
    assert (match.category, match.provenance) == ("A1", "exchange:x")
    assert (match.known_share, match.known_duration_s) == (1.0, 10.0)
    assert match.query_share == pytest.approx(0.5, abs=0.05)
    assert match.segments == (Segment(5.0, 14.0, 0.0, 9.0, 10, 0.0, 1.0),)
    assert (match.query_time_s, match.known_time_s) == (None, None)
    assert match.false_match_probability is not None


def test_of_the_variants_the_one_that_finds_most_is_told(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 10)
    _add(database, bank, now, _video(_once_a_second(clip)))
    half = _joined(film(2, 6), film(1, 4))
    found = matcher.search([_video(film(3, 10)), _video(half, "rotated 90°"), _video(clip, "mirrored")])
    assert [(match.variant, match.known_share) for match in found] == [("mirrored", 1.0)]


def test_of_equal_variants_the_first_is_told(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 10)
    _add(database, bank, now, _video(_once_a_second(clip)))
    assert [match.variant for match in matcher.search([_video(clip), _video(clip, "mirrored")])] == ["as is"]


def test_a_variant_above_the_bank_s_level_is_not_looked_up(
    database: Database, data: Path, now: datetime, film: Film
) -> None:
    clip = film(1, 10)
    with database.write() as connection:
        bank = create_bank(connection, "strict", level="exact", now=now)
    _add(database, bank, now, _video(_once_a_second(clip)))
    matcher = Matcher(database, data)
    assert matcher.search([_video(film(2, 10)), _video(clip, "mirrored")]) == []
    assert len(matcher.search([_video(clip)])) == 1


def test_frames_in_common_that_are_too_few_are_no_match_unless_the_rule_says_so(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film
) -> None:
    known, shown = _joined(film(1, 1), film(2, 20)), _joined(film(1, 1), film(3, 20))
    _add(database, bank, now, _video(_once_a_second(known)))
    assert Matcher(database, data).search([_video(shown)]) == []
    eager = Matcher(database, data, video_rule=VideoRule(known_share=0.01))
    assert len(eager.search([_video(shown)])) == 1
    assert eager.fingerprint() != Matcher(database, data).fingerprint()


def test_frames_of_low_quality_are_neither_looked_up_nor_found(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    dark, clip = film(1, 10, quality=49), film(2, 10)
    _add(database, bank, now, _video(_joined(dark, clip)))
    assert matcher.search([_video(film(1, 10))]) == []
    assert matcher.search([_video(dark)]) == []
    [match] = matcher.search([_video(_joined(clip, dark))])
    assert (match.known_share, match.query_share) == (1.0, 1.0)


def test_a_withdrawn_video_matches_nothing_even_before_a_refresh(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 10)
    _add(database, bank, now, _video(clip))
    assert len(matcher.search([_video(clip)])) == 1
    with database.write() as connection:
        withdraw_entry(connection, bank, 1, now=now)
    assert matcher.search([_video(clip), _picture(clip, 3)]) == []
    matcher.refresh()
    assert matcher.search([_video(clip), _picture(clip, 3)]) == []


@pytest.mark.parametrize("small", [10_000, 0], ids=["small bank", "large bank"])
def test_many_media_are_answered_as_each_alone(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film, small: int
) -> None:
    clips = [film(seed, 8) for seed in range(6)]
    _add(database, bank, now, *(_video(_once_a_second(clip)) for clip in clips[:4]), _picture(clips[4], 30))
    matcher = Matcher(database, data, small_bank_entries=small)
    media = [
        [_video(clips[0]), _video(clips[1], "mirrored")],
        [_picture(clips[2], 20)],
        [],
        [_video(clips[5])],
        [_video(_joined(clips[3], clips[0], clips[4]))],
        [_picture(clips[4], 30), _video(clips[2])],
    ]
    answers = matcher.search_many(media)
    assert answers == [matcher.search(signals) for signals in media]
    assert [[match.entry for match in matches] for matches in answers] == [[1, 2], [3], [], [], [1, 4, 5], [3, 5]]


# ── a video among known pictures, a picture among known videos ───────────────────────────────────────────────────


def test_a_known_picture_shown_in_a_video_is_a_match_at_its_time(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 20)
    _add(database, bank, now, _picture(clip, 124, flips=3))
    [match] = matcher.search([_video(film(2, 20)), _video(clip, "mirrored")])
    assert (match.type, match.distance, match.query_time_s) == ("pdq", 3, 12.4)
    assert match.variant == "frame at 0:12.4, mirrored"
    assert (match.segments, match.known_share, match.query_share, match.known_time_s) == ((), None, None, None)


def test_a_picture_that_is_a_frame_of_a_known_video_is_a_match_at_its_time(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 20)
    _add(database, bank, now, _video(_once_a_second(clip)))
    [match] = matcher.search([_picture(film(2, 1), 0), _picture(clip, 70, "mirrored", flips=2)])
    assert (match.type, match.distance, match.variant) == ("vpdq", 2, "mirrored")
    assert (match.known_time_s, match.known_duration_s, match.query_time_s) == (7.0, 20.0, None)
    assert (match.segments, match.known_share, match.query_share) == ((), None, None)


def test_a_picture_itself_is_told_before_an_equally_near_frame(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 5)
    _add(database, bank, now, _picture(clip, 10))
    [match] = matcher.search([_picture(clip, 10), _video(clip)])
    assert (match.variant, match.query_time_s) == ("as is", None)


def test_an_entry_is_told_once_as_a_video_where_it_can_be(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 5)
    _add(database, bank, now, _video(clip))
    [match] = matcher.search([_picture(clip, 10), _video(clip)])
    assert len(match.segments) == 1


# ── what a match says ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("time_s", "variant", "name"),
    [
        (0.0, "as is", "frame at 0:00.0"),
        (59.96, "as is", "frame at 1:00.0"),
        (3599.99, "rotated 90°", "frame at 1:00:00.0, rotated 90°"),
    ],
)
def test_a_frame_is_named_by_the_clock(time_s: float, variant: str, name: str) -> None:
    assert frame_name(time_s, variant) == name


def test_a_match_as_json_says_of_videos_only_what_there_is_to_say() -> None:
    plain = Match("known", 1, "pdq", 3, "mirrored")
    assert plain.to_json() == {
        "bank": "known",
        "entry": 1,
        "type": "pdq",
        "distance": 3,
        "variant": "mirrored",
        "category": None,
        "provenance": "person",
        "false_match_probability": None,
    }
    segment = Segment(5.0, 14.0, 0.0, 9.0, 10, 0.5)
    video = replace(plain, type="vpdq", known_share=1.0, query_share=0.5, known_duration_s=10.0, segments=(segment,))
    said = json.loads(json.dumps(video.to_json()))
    assert said["segments"] == [segment.to_json()]
    assert (said["known_share"], said["query_share"], said["known_duration_s"]) == (1.0, 0.5, 10.0)
    assert "query_time_s" not in said
