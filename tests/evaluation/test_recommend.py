from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.evaluation import background_of, recommend
from hedgerow.matching.background import Background, Distances

if TYPE_CHECKING:
    from hedgerow.evaluation import Evaluation


@pytest.fixture(scope="module")
def background() -> Background:
    random = np.random.default_rng(1)
    counts = np.zeros((2, 257), np.int64)
    for half in (0, 1):
        counts[half] = np.bincount(2 * random.binomial(128, random.beta(60, 60, 400_000)), minlength=257)
    distances = Distances.fitted(counts)
    return Background("drawn at random", {"standard": distances}, {"standard": distances}, {"standard": 20.0})


def test_a_larger_bank_and_fewer_bearable_matches_lower_the_threshold(
    evaluation: Evaluation, background: Background
) -> None:
    def threshold(entries: int, rate: float) -> int:
        found = recommend(evaluation, background, level="standard", bank_entries=entries, per_million=rate).threshold
        assert found is not None
        return found

    assert threshold(10_000, 1.0) > threshold(10_000_000, 1.0)
    assert threshold(1_000_000, 10.0) >= threshold(1_000_000, 0.1)


def test_it_is_the_largest_threshold_that_keeps_to_the_rate(evaluation: Evaluation, background: Background) -> None:
    found = recommend(evaluation, background, level="standard", bank_entries=1_000_000, per_million=1.0)
    assert found.threshold is not None
    rates = [
        1e6 * background.nearest_probability(found.threshold + more, 1_000_000, level="standard") for more in (0, 2)
    ]
    assert rates[0] <= 1.0 < rates[1]
    assert found.threshold in [each.threshold for each in found.evidence]
    assert evaluation.plan.threshold in [each.threshold for each in found.evidence]
    assert not found.is_counted


def test_no_threshold_is_recommended_where_none_keeps_to_the_rate(
    evaluation: Evaluation, background: Background
) -> None:
    found = recommend(evaluation, background, level="standard", bank_entries=10**12, per_million=1e-6)
    assert found.threshold is None


def test_the_evidence_tells_what_each_threshold_finds(evaluation: Evaluation, background: Background) -> None:
    found = recommend(evaluation, background, level="standard", bank_entries=1_000_000)
    recalls = [each.recall.found for each in found.evidence]
    rates = [each.false_matches for each in found.evidence]
    assert recalls == sorted(recalls)
    assert rates == sorted(rates)


def test_a_few_pictures_make_no_background(evaluation: Evaluation) -> None:
    assert background_of(evaluation, "a few") is None


def test_it_stays_below_unlike_pictures_that_were_altered_alike(evaluation: Evaluation, background: Background) -> None:
    alike = np.zeros_like(evaluation.alike)
    alike[1, 22] = 1
    found = recommend(replace(evaluation, alike=alike), background, level="standard", bank_entries=10)
    assert found.threshold == 21
    assert found.alike == (22, evaluation.plan.transforms[1].name)
