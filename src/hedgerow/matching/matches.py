"""What a search returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hedgerow.matching.arrays import read_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Match(NamedTuple):
    """One known signal near one query.

    Attributes:
        query: Which query, counted from 0 in the order given.
        id: The known signal's id.
        distance: Bits in which the two differ.
    """

    query: int
    id: int
    distance: int


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """All matches of one search: three aligned arrays, ordered by query, then distance, then id.

    Attributes:
        query: Which query, counted from 0 in the order given.
        id: The known signals' ids.
        distance: Bits.

    >>> matches = Matches(np.array([0, 1]), np.array([7, 7]), np.array([3, 0], np.int16))
    >>> len(matches), list(matches)[1]
    (2, Match(query=1, id=7, distance=0))
    """

    query: NDArray[np.int64]
    id: NDArray[np.int64]
    distance: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.id)

    def __bool__(self) -> bool:
        return len(self.id) > 0

    def __iter__(self) -> Iterator[Match]:
        return map(Match, self.query.tolist(), self.id.tolist(), self.distance.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matches):
            return NotImplemented
        return (
            np.array_equal(self.query, other.query)
            and np.array_equal(self.id, other.id)
            and np.array_equal(self.distance, other.distance)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash


# This one object answers every search that finds nothing, so its arrays can be neither written to nor resized.
NO_MATCHES = Matches(
    read_only(np.empty(0, np.int64)), read_only(np.empty(0, np.int64)), read_only(np.empty(0, np.int16))
)
