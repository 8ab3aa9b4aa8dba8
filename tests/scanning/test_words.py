from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.banks.model import Match
from hedgerow.matching.segments import Segment
from hedgerow.scanning.words import (
    briefly_where,
    chance_in_words,
    clock,
    how_in_words,
    share_in_words,
    stretch,
    where_in_words,
)


def _film(share: float, known_s: float | None = 10.0, *, speed: float = 1.0, query_share: float | None = None) -> Match:
    segment = Segment(62.0, 72.0, 0.0, 10.0, 10, 8.0, speed)
    return Match(
        "clips",
        1,
        "vpdq",
        8,
        "as is",
        segments=(segment,),
        known_share=share,
        query_share=query_share,
        known_duration_s=known_s,
    )


def test_a_known_clip_is_told_in_seconds_of_it() -> None:
    assert where_in_words(_film(0.9)) == "9 of 10 seconds of the known clip are in this file, from 1:02 to 1:12"
    assert where_in_words(_film(0.1)) == "1 of 10 seconds of the known clip is in this file, from 1:02 to 1:12"
    assert where_in_words(_film(1.0)) == "All 10 seconds of the known clip are in this file, from 1:02 to 1:12"
    assert briefly_where(_film(0.9)) == "9 of 10 seconds, from 1:02 to 1:12"


def test_a_long_a_very_short_and_an_unknown_length_are_told_in_percent() -> None:
    for length_s in (7200.0, 1.4, None):
        assert where_in_words(_film(0.42, length_s)).startswith("42 % of the known clip is in this file")
    assert where_in_words(_film(1.0, 7200.0)).startswith("The whole of the known clip is in this file")
    assert where_in_words(_film(0.0004)).startswith("Less than 1 % of the known clip is")


@given(share=st.floats(0, 0.994), duration_s=st.none() | st.floats(0, 1e5))
def test_all_is_said_of_the_whole_only(share: float, duration_s: float | None) -> None:
    said = share_in_words(share, duration_s)
    assert "all" not in said
    assert "whole" not in said
    numbers = [int(each) for each in re.findall(r"\d+", said)]
    assert numbers[0] < (numbers[1] if "seconds" in said else 100)


def test_a_moment_is_told_of_a_frame_that_is_a_known_picture_and_of_a_picture_in_a_known_clip() -> None:
    frame = Match("known", 1, "pdq", 8, "as is", query_time_s=67.2)
    assert where_in_words(frame) == briefly_where(frame) == "shown at 1:07"
    assert where_in_words(Match("known", 1, "pdq", 8, "frame at 1:07.2, mirrored", query_time_s=67.2)) == ""
    picture = Match("clips", 1, "vpdq", 8, "as is", known_time_s=3.0)
    assert where_in_words(picture) == "in the known clip at 0:03"
    assert where_in_words(Match("known", 1, "pdq", 8, "as is")) == ""


def test_the_speed_is_told_where_a_person_might_notice_it() -> None:
    assert how_in_words(_film(0.9)) == []
    assert how_in_words(_film(0.9, query_share=0.014, speed=1.01)) == ["1 % of this file is the known clip"]
    assert how_in_words(_film(0.9, speed=0.9)) == ["It plays 0.90 times as fast"]


@pytest.mark.parametrize(
    ("seconds", "shown", "shown_with_tenths"),
    [(0, "0:00", "0:00.0"), (59.96, "1:00", "1:00.0"), (3599.94, "1:00:00", "59:59.9"), (-1, "0:00", "0:00.0")],
)
def test_times_carry_over_when_they_are_rounded(seconds: float, shown: str, shown_with_tenths: str) -> None:
    assert clock(seconds) == shown
    assert clock(seconds, tenths=True) == shown_with_tenths


def test_a_short_stretch_has_tenths_at_both_ends() -> None:
    assert stretch(1.25, 9.0) == "0:01.2 to 0:09.0"
    assert stretch(0.0, 10.0) == "0:00 to 0:10"


@given(st.floats(1e-300, 1.0))
def test_odds_are_told_to_one_digit_and_never_below_what_an_estimate_can_carry(probability: float) -> None:
    said = chance_in_words(probability)
    if probability < 1e-12:
        assert said == "less than 1 in 1 trillion"
    elif probability < 0.5:
        number, _, scale = said.removeprefix("about 1 in ").partition(" ")
        power = {"": 1.0, "million": 1e6, "billion": 1e9, "trillion": 1e12}[scale]
        odds = float(number.replace(",", "")) * power
        assert len(number.replace(",", "").rstrip("0")) == 1
        assert 0.6 <= odds * probability <= 1.51
    else:
        assert said == "more likely than not"
