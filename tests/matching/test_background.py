from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.errors import MatchingError
from hedgerow.hashing.signal import LEVELS
from hedgerow.matching.background import Background, Distances

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def distances() -> Distances:
    random = np.random.default_rng(3)
    counts = np.zeros((2, 257), np.int64)
    for half in (0, 1):
        counts[half] = np.bincount(2 * random.binomial(128, random.beta(150, 150, 200_000)), minlength=257)
    return Distances.fitted(counts)


@pytest.fixture(scope="module")
def background(distances: Distances) -> Background:
    return Background("made up", {"exact": distances}, {"exact": distances}, {"exact": 1.0})


def test_where_pairs_were_counted_their_share_stands(distances: Distances) -> None:
    counts = distances.counts.sum(axis=0)
    for distance in (distances.nearest + 12, 120, 128, 256):
        counted = counts[: distance + 1].sum() / distances.pairs
        assert distances.share_within(distance) >= counted
    assert distances.share_within(128) == pytest.approx(counts[:129].sum() / counts.sum())
    assert distances.share_within(256) == 1.0


def test_shares_grow_with_the_distance(distances: Distances) -> None:
    shares = [distances.share_within(distance) for distance in range(257)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 1e-11


def test_an_estimate_below_the_nearest_pair_is_told_from_a_count(distances: Distances, background: Background) -> None:
    assert not background.is_counted(distances.nearest - 1)
    assert background.is_counted(distances.nearest)


def test_more_entries_and_more_signals_make_chance_likelier(background: Background) -> None:
    one = background.false_match_probability(60, 1_000)
    assert background.false_match_probability(60, 100) == pytest.approx(one / 10, rel=0.01)
    assert background.false_match_probability(60, 100, 10) == pytest.approx(one, rel=0.01)
    assert background.false_match_probability(128, 1_000_000) == 1.0
    assert background.false_match_probability(60, 0) == 0.0


def test_a_level_that_was_not_measured_takes_the_next_one(distances: Distances) -> None:
    only = Background("made up", {"standard": distances}, {"standard": distances}, {"standard": 1.0})
    assert only.nearest_probability(90, 10, level="exact") == only.nearest_probability(90, 10, level="standard")
    with pytest.raises(MatchingError):
        only.nearest_probability(90, 10, level="thorough")


def test_a_level_never_promises_less_than_one_before_it(distances: Distances) -> None:
    fewer = Distances(distances.counts, replace(distances.tail, share=distances.tail.share / 10))
    held = {"exact": distances, "standard": fewer}
    background = Background("made up", held, held, {"exact": 1.0, "standard": 9.0})
    for distance in (20, 60, 100):
        assert background.nearest_probability(distance, 10, level="standard") == background.nearest_probability(
            distance, 10, level="exact"
        )


def test_it_survives_being_saved(background: Background, tmp_path: Path) -> None:
    background.save(tmp_path / "background.json")
    again = Background.load(tmp_path / "background.json")
    assert again.source == background.source
    assert again.looks == background.looks
    assert np.array_equal(again.single["exact"].counts, background.single["exact"].counts)
    assert again.nearest["exact"].tail == background.nearest["exact"].tail


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "hedgerow-background/9"}', '{"format": 1, "levels": 2}'])
def test_anything_else_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(MatchingError):
        Background.load(tmp_path / "other.json")


def test_counts_of_another_shape_are_refused() -> None:
    with pytest.raises(MatchingError):
        Distances.fitted(np.zeros(257, np.int64))


def test_the_one_that_comes_along_covers_every_level_and_says_where_it_is_from() -> None:
    background = Background.default()
    assert set(background.nearest) == set(background.single) == set(LEVELS)
    assert background.source
    assert min(each.pairs for each in background.nearest.values()) >= 1_000_000
    chances = [background.nearest_probability(31, 1_000_000, level=level) for level in LEVELS]
    assert chances == sorted(chances)
    assert chances[-1] <= 1e-3


def test_the_default_is_plain_json_without_the_name_of_any_picture() -> None:
    content = json.loads(json.dumps(Background.default().as_object()))
    assert set(content) == {"format", "source", "levels"}
