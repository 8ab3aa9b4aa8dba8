"""Curves for the lower tail of a distribution of distances, and how one is chosen.

Three are tried on the lowest thousandth of what was counted: an exponential, the lower flank of a Gaussian (a quadratic
logarithm), and a beta-binomial distribution (binomial, with a share that varies from pair to pair). Each is fitted to
the pairs of one half of the queries and judged by the likelihood of the other half, both ways round. A curve is out
where another predicts both halves better. Of those left the one that promises least is taken, the heaviest: far below
the counts the curves part by many powers of ten, and too many expected false matches do less harm than too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgerow.errors import MatchingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["CELLS", "Tail", "fit_tail"]

CELLS: Final = 129
"""Cells of two distances each: 0 and 1, 2 and 3 … 256."""

_TAIL_SHARE: Final = 0.001
_MOST_SHARE: Final = 0.01  # of all pairs: beyond, a curve would describe the middle
_WANTED_PAIRS: Final = 2000  # in the tail, where the most that it may be holds so many
_LEAST_CELLS: Final = 4  # fewer show no curve
_LEAST_PAIRS: Final = 100  # in the tail; fewer say too little of its shape
_STEPS: Final = 300
_FLAT: Final = 1e-10  # of a mean log-likelihood: no curve that can be told apart
_LEAST: Final = 1e-15
"""No share of pairs is called smaller: mistakes in a bank alone happen more often."""

_Parameters = tuple[float, ...]


_FACTORIALS: Final = np.array([lgamma(k + 1) + lgamma(CELLS - k) for k in range(CELLS)])


def _positive(logarithm: float) -> float:
    """Return its exponential, within what arithmetic bears: the search for parameters knows no bounds."""
    return exp(min(max(logarithm, -30.0), 12.0))


def _exponential(cells: NDArray[np.float64], parameters: _Parameters) -> NDArray[np.float64]:
    found: NDArray[np.float64] = _positive(parameters[0]) * cells
    return found


def _quadratic(cells: NDArray[np.float64], parameters: _Parameters) -> NDArray[np.float64]:
    """Rise ever less steeply from the first cell, and not fall before the last."""
    slope, bend = _positive(parameters[0]), _positive(parameters[1])
    found: NDArray[np.float64] = (slope + bend * cells[-1]) * cells - bend * cells**2 / 2
    return found


def _beta_binomial(cells: NDArray[np.float64], parameters: _Parameters) -> NDArray[np.float64]:
    alpha, beta = _positive(parameters[0]), _positive(parameters[1])
    n = CELLS - 1
    found: NDArray[np.float64] = np.array([lgamma(k + alpha) + lgamma(n - k + beta) for k in cells.tolist()])
    found -= _FACTORIALS[: len(cells)]
    return found


_MODELS: Final[dict[str, tuple[Callable[[NDArray[np.float64], _Parameters], NDArray[np.float64]], _Parameters]]] = {
    "exponential": (_exponential, (-1.0,)),
    "quadratic": (_quadratic, (-1.0, -4.0)),
    "beta-binomial": (_beta_binomial, (4.0, 4.0)),
}
"""The unnormalised logarithm of each, and where the search for its parameters begins."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A curve for cells 0 to `top`.

    Attributes:
        model: ``exponential``, ``quadratic`` or ``beta-binomial``.
        parameters: Its own.
        top: The highest cell that it was fitted to.
        share: Share of all pairs in cells 0 to `top`.
        held_out: Mean log-likelihood of a pair of the half not fitted, by model.
    """

    model: str
    parameters: _Parameters
    top: int
    share: float
    held_out: dict[str, float]

    def share_within(self, cell: int) -> float:
        """Return the share of all pairs in cells 0 to `cell`, which is at most `top`."""
        logs = _MODELS[self.model][0](np.arange(self.top + 1, dtype=np.float64), self.parameters)
        weights = np.exp(logs - logs.max())
        return max(_LEAST, self.share * float(weights[: cell + 1].sum() / weights.sum()))

    def as_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "model": self.model,
            "parameters": list(self.parameters),
            "top": self.top,
            "share": self.share,
            "held_out": self.held_out,
        }

    @classmethod
    def from_object(cls, content: dict[str, Any]) -> Tail:
        """Read what `as_object` gave."""
        if content["model"] not in _MODELS or not 0 <= content["top"] < CELLS:
            raise ValueError("no such curve")
        return cls(
            content["model"],
            tuple(float(each) for each in content["parameters"]),
            int(content["top"]),
            float(content["share"]),
            {str(name): float(value) for name, value in content["held_out"].items()},
        )


def fit_tail(cells: NDArray[np.int64]) -> Tail:
    """Choose and fit a curve.

    Args:
        cells: Pairs in each cell, in two halves that share no query: (2, 129).

    Raises:
        MatchingError: There are too few pairs for a tail.
    """
    both = cells.sum(axis=0)
    total = int(both.sum())
    wanted = min(max(_TAIL_SHARE * total, _WANTED_PAIRS), _MOST_SHARE * total)
    top = int(np.searchsorted(both.cumsum(), wanted))
    tail = cells[:, : top + 1]
    if total == 0 or tail.sum(axis=1).min() < _LEAST_PAIRS or np.count_nonzero(tail.sum(axis=0)) < _LEAST_CELLS:
        raise MatchingError("There are too few unrelated pairs to say how near such pairs come.")
    scores = {
        name: tuple(
            _log_likelihood(name, _fitted(name, tail[train]), tail[1 - train]) / int(tail[1 - train].sum())
            for train in (0, 1)
        )
        for name in _MODELS
    }
    held_out = {name: round(sum(pair) / 2, 6) for name, pair in scores.items()}
    share = float(tail.sum() / total)
    left = [
        Tail(name, tuple(round(each, 9) for each in _fitted(name, tail.sum(axis=0))), top, share, held_out)
        for name, (first, second) in scores.items()
        if not any(other[0] > first and other[1] > second for other in scores.values())
    ]
    return max(left, key=lambda curve: curve.share_within(top // 2))


def _log_likelihood(name: str, parameters: _Parameters, counts: NDArray[np.int64]) -> float:
    logs = _MODELS[name][0](np.arange(len(counts), dtype=np.float64), parameters)
    top = logs.max()
    return float((counts * (logs - top)).sum() - counts.sum() * np.log(np.exp(logs - top).sum()))


def _fitted(name: str, counts: NDArray[np.int64]) -> _Parameters:
    """Return the parameters of greatest likelihood."""
    share = counts / counts.sum()
    return _minimum(lambda parameters: -_log_likelihood(name, parameters, share), _MODELS[name][1])


def _minimum(function: Callable[[_Parameters], float], start: _Parameters) -> _Parameters:
    """Walk downhill with a simplex (J. A. Nelder and R. Mead, 1965): two parameters at most, no derivatives."""

    def point(place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return function(tuple(place.tolist())), place

    points = [point(np.array(start)), *(point(np.array(start) + 0.5 * unit) for unit in np.eye(len(start)))]
    for _ in range(_STEPS):
        points.sort(key=lambda each: each[0])
        if points[-1][0] - points[0][0] < _FLAT:
            break
        worst = points[-1][1]
        centre = np.mean([place for _, place in points[:-1]], axis=0)
        tried = min(
            (point(centre + factor * (centre - worst)) for factor in (1.0, 2.0, 0.5, -0.5)), key=lambda each: each[0]
        )
        if tried[0] < points[-1][0]:
            points[-1] = tried
        else:
            points = [points[0], *(point((points[0][1] + place) / 2) for _, place in points[1:])]
    return tuple(float(each) for each in min(points, key=lambda each: each[0])[1])
