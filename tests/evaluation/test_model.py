from __future__ import annotations

import numpy as np
import pytest

from hedgerow.evaluation import Band, Evaluation, Impostors, Plan, Share, transforms_named


@pytest.fixture
def found() -> Evaluation:
    """Three pictures (too plain, plain, busy), two transforms, two methods."""
    distance = np.array(
        [
            [[10, 10], [10, 10]],
            [[31, 31], [32, 30]],
            [[0, 0], [-1, -1]],
        ],
        np.int16,
    )
    return Evaluation(
        plan=Plan(transforms=transforms_named("JPEG q50", "mirrored")),
        methods=("hedgerow exact", "hedgerow standard"),
        entries=("a", "b", "c"),
        pictures=(0, 1, 2),
        quality=np.array([20, 60, 90], np.int16),
        distance=distance,
        variant=np.array([[[0, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [0, 0]]], np.int32),
        query_quality=np.zeros((3, 2), np.int16),
        looks=np.zeros((2, 2), np.int64),
        variants=["as is", "mirrored"],
    )


def test_the_threshold_is_inclusive_and_what_a_bank_refuses_does_not_count(found: Evaluation) -> None:
    recall = found.recall([0, 1], "hedgerow exact")
    assert (recall.found, recall.of) == (2, 3)
    assert found.recall([0, 1], "hedgerow exact", threshold=32).found == 3
    assert found.recall([0, 1], "hedgerow standard").found == 3


def test_bands_take_what_has_their_quality(found: Evaluation) -> None:
    counts = [
        found.recall([0, 1], "hedgerow exact", band=band).of for band in (Band(0, 49), Band(50, 79), Band(80, 100))
    ]
    assert counts == [2, 2, 1]
    assert [Band(0, 49).name, Band(50, 79).name] == ["below 50", "50–79"]


def test_only_copies_that_were_found_tell_their_variant(found: Evaluation) -> None:
    assert found.variants_of(1, "hedgerow exact") == []
    assert found.variants_of(1, "hedgerow standard") == [("mirrored", 1)]
    assert found.variants_of(0, "hedgerow standard") == [("as is", 2)]
    assert found.distances_of(1, "hedgerow standard").tolist() == [30]


def test_rates_of_false_matches_are_for_a_query_and_a_million_entries() -> None:
    impostors = Impostors(queries=10, pairs=2_000_000)
    impostors.nearest[0, 31], impostors.nearest[1, 40] = 4, 7
    assert impostors.within(31) == 4
    assert impostors.within(40) == 11
    assert impostors.rate_per_million_entries(31) == 2.0
    assert 2.0 < impostors.highest_rate_per_million_entries(31) < 8.0
    assert Impostors().rate_per_million_entries(31) == 0.0


def test_the_signals_that_copies_were_compared_with_are_counted_by_distance() -> None:
    impostors = Impostors()
    impostors.rows[31], impostors.rows[32], impostors.rows[90] = 2, 1, 97
    assert impostors.of_rows(31) == Share(2, 100)
