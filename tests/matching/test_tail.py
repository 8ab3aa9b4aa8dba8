from __future__ import annotations

import numpy as np
import pytest

from hedgerow.errors import MatchingError
from hedgerow.matching.tail import CELLS, Tail, fit_tail


def drawn(pairs: int, spread: float | None, seed: int = 1) -> np.ndarray:
    """Draw cells of a (beta-)binomial distribution in two halves."""
    random = np.random.default_rng(seed)
    halves = []
    for _ in range(2):
        share = 0.5 if spread is None else random.beta(spread, spread, pairs // 2)
        halves.append(np.bincount(random.binomial(CELLS - 1, share, pairs // 2), minlength=CELLS))
    return np.array(halves)


def true_share(cell: int, spread: float | None) -> float:
    """Draw far more pairs than the fit sees."""
    random = np.random.default_rng(99)
    share = 0.5 if spread is None else random.beta(spread, spread, 40_000_000)
    return float((random.binomial(CELLS - 1, share, 40_000_000) <= cell).mean())


@pytest.mark.parametrize("spread", [None, pytest.param(150.0, marks=pytest.mark.slow)])
def test_two_powers_of_ten_below_the_counts_the_estimate_is_right_or_careful(spread: float | None) -> None:
    tail = fit_tail(drawn(400_000, spread))
    cell = 37 if spread is None else 30
    truth = true_share(cell, spread)
    assert 0 < truth < 1e-5
    assert truth / 5 < tail.share_within(cell) < truth * 200


def test_an_estimate_grows_with_the_distance_and_is_never_nothing() -> None:
    tail = fit_tail(drawn(200_000, None))
    shares = [tail.share_within(cell) for cell in range(tail.top + 1)]
    assert shares == sorted(shares)
    assert shares[0] == 1e-15
    assert shares[-1] == pytest.approx(tail.share)


def test_what_predicts_both_halves_worse_is_not_taken() -> None:
    tail = fit_tail(drawn(2_000_000, None))
    assert tail.model != "exponential"  # the flank of a binomial is plainly bent
    assert tail.held_out[tail.model] > tail.held_out["exponential"]


def test_a_straight_flank_is_continued_straight_or_not_much_below() -> None:
    random = np.random.default_rng(5)
    cells = np.zeros((2, CELLS), np.int64)
    cells[:, 40:60] = random.poisson(0.5 * 1.6 ** np.arange(20), (2, 20))
    cells[:, 60:70] = 50_000
    tail = fit_tail(cells)
    truth = tail.share_within(50) / 1.6**20
    assert truth / 30 < tail.share_within(30) < truth * 30


def test_too_few_pairs_make_no_tail() -> None:
    for cells in (np.zeros((2, CELLS), np.int64), drawn(1000, None)):
        with pytest.raises(MatchingError):
            fit_tail(cells)


def test_a_tail_survives_being_written() -> None:
    tail = fit_tail(drawn(200_000, None))
    assert Tail.from_object(tail.as_object()) == tail
    with pytest.raises(ValueError, match="no such curve"):
        Tail.from_object(tail.as_object() | {"model": "guess"})
