"""How near unrelated pictures come to each other, and so how likely a match is to be chance.

Two independent random signals of 256 bits would differ in 128 ± 8 of them, and a distance of 31 would happen once in
10³⁵ pairs. Pictures are not random: skies are bright above, faces are in the middle, and their signals lie as near as
70 bits once in some thousand pairs. So the distances of unrelated pictures are counted, and below the nearest pair that
was ever counted a curve is fitted to the lower tail of the counts. What is said there is an extrapolation, by many
powers of ten, and is marked as one (how the curve is chosen: `hedgerow.matching.tail`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgerow.errors import MatchingError
from hedgerow.hashing.signal import LEVELS
from hedgerow.matching.tail import CELLS, Tail, fit_tail

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hedgerow.hashing.signal import Level

__all__ = ["Background", "Distances"]

_FORMAT: Final = "hedgerow-background/1"
_DISTANCES: Final = 257
_DEFAULT: Final = "background.json"


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances of unrelated pairs: counts, and a tail fitted to them.

    Attributes:
        counts: Pairs at each distance, 0 to 256, in two halves that share no query: (2, 257).
        tail: The curve below what was counted.
    """

    counts: NDArray[np.int64]
    tail: Tail

    @classmethod
    def fitted(cls, counts: NDArray[np.int64]) -> Distances:
        """Fit a tail to counts (2, 257).

        Raises:
            MatchingError: The counts have another shape, or there are too few pairs for a tail.
        """
        counts = np.asarray(counts, np.int64)
        if counts.shape != (2, _DISTANCES) or (counts < 0).any():
            raise MatchingError("A background needs two rows of 257 counts.")
        return cls(counts, fit_tail(_cells(counts)))

    @property
    def pairs(self) -> int:
        """How many pairs were counted."""
        return int(self.counts.sum())

    @property
    def nearest(self) -> int:
        """The least distance counted."""
        return int(np.flatnonzero(self.counts.sum(axis=0))[0])

    def is_counted(self, distance: int) -> bool:
        """Whether any pair came so near; if not, `share_within` extrapolates."""
        return distance >= self.nearest

    def share_within(self, distance: int) -> float:
        """Return the share of unrelated pairs within a distance.

        Where pairs were counted, that is their share or the fitted curve's, whichever is larger: a few pairs may come
        from one freak. Below, it is the curve's.
        """
        cell = min(max(distance, 0), _DISTANCES - 1) // 2
        counted = _cells(self.counts).sum(axis=0)[: cell + 1].sum() / self.pairs
        return float(max(counted, self.tail.share_within(cell))) if cell <= self.tail.top else float(counted)


@dataclass(frozen=True, slots=True)
class Background:
    """What is known of unrelated pictures, for every level.

    Attributes:
        source: What was measured, in words.
        single: Distances of one signal looked up to one entry, over all variants of a level and those before it.
        nearest: Distances of the nearest of all signals looked up for one picture to one entry.
        looks: Signals looked up for one picture on average.
    """

    source: str
    single: Mapping[Level, Distances]
    nearest: Mapping[Level, Distances]
    looks: Mapping[Level, float]

    def false_match_probability(
        self, distance: int, bank_entries: int, queries: int = 1, *, level: Level = "exact"
    ) -> float:
        """Estimate how likely an unrelated picture lies this near to some entry.

        It takes the signals looked up as independent of each other, which they are not: the truth is somewhat lower
        (`nearest_probability` counts that).

        Args:
            distance: Bits.
            bank_entries: Entries searched.
            queries: Signals looked up for the picture.
            level: Of which level these are.

        >>> background = Background.default()
        >>> chances = [background.false_match_probability(each, 1_000_000) for each in (0, 20, 31, 40)]
        >>> chances == sorted(chances) and chances[2] < 1e-3
        True
        """
        return _any_of(bank_entries * queries, self._share(self.single, distance, level))

    def nearest_probability(self, distance: int, bank_entries: int, *, level: Level = "exact") -> float:
        """Estimate the same for a picture looked up with all variants of a level, from the nearest of them."""
        return _any_of(bank_entries, self._share(self.nearest, distance, level))

    def is_counted(self, distance: int, *, level: Level = "exact") -> bool:
        """Whether unrelated pairs were seen so near, so that the estimate rests on counts."""
        return any(each.is_counted(distance) for each in self._up_to(self.nearest, level))

    def _share(self, held: Mapping[Level, Distances], distance: int, level: Level) -> float:
        """Return the largest share of a level and those before it: more looks never come less near."""
        return max(each.share_within(distance) for each in self._up_to(held, level))

    def _up_to(self, held: Mapping[Level, Distances], level: Level) -> list[Distances]:
        """Return the distances of a level and those before it; where it was not measured, up to the next that was."""
        place = LEVELS.index(level)
        for end in range(place + 1, len(LEVELS) + 1):
            if LEVELS[end - 1] in held:
                return [held[each] for each in LEVELS[:end] if each in held]
        raise MatchingError(f"This background says nothing about the level {level}.")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(self.as_object(), indent=1) + "\n", "utf-8")

    def as_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "format": _FORMAT,
            "source": self.source,
            "levels": [
                {
                    "level": level,
                    "looks": self.looks[level],
                    "single": _as_object(self.single[level]),
                    "nearest": _as_object(self.nearest[level]),
                }
                for level in LEVELS
                if level in self.single
            ],
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Background:
        """Read what `save` wrote.

        Raises:
            MatchingError: It is something else.
            OSError: It cannot be read.
        """
        return cls._read(Path(path).read_text("utf-8"))

    @classmethod
    def default(cls) -> Background:
        """Return the one that comes with the package, measured on ordinary photographs (its `source` says which)."""
        return cls._read(resources.files("hedgerow.matching").joinpath(_DEFAULT).read_text("utf-8"))

    @classmethod
    def _read(cls, text: str) -> Background:
        try:
            content = json.loads(text)
            if content["format"] != _FORMAT:
                raise MatchingError("This is a background of distances of another version.")
            levels = {each["level"]: each for each in content["levels"]}
            return cls(
                str(content["source"]),
                {level: _from_object(levels[level]["single"]) for level in LEVELS if level in levels},
                {level: _from_object(levels[level]["nearest"]) for level in LEVELS if level in levels},
                {level: float(levels[level]["looks"]) for level in LEVELS if level in levels},
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise MatchingError("This is no background of distances.") from error


def _any_of(pairs: float, share: float) -> float:
    """Return the probability that any of so many independent pairs lies so near."""
    return -math.expm1(-pairs * share)


def _cells(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up distances 2k and 2k + 1: PDQ signals have 128 bits set, so that their distances are nearly always even."""
    padded = np.zeros((2, 2 * CELLS), np.int64)
    padded[:, :_DISTANCES] = counts
    found: NDArray[np.int64] = padded.reshape(2, CELLS, 2).sum(axis=2)
    return found


def _as_object(distances: Distances) -> dict[str, Any]:
    halves = [
        {"from": int(np.flatnonzero(half)[0]) if half.any() else 0, "counts": np.trim_zeros(half).tolist()}
        for half in distances.counts
    ]
    return {"halves": halves, "tail": distances.tail.as_object()}


def _from_object(content: dict[str, Any]) -> Distances:
    counts = np.zeros((2, _DISTANCES), np.int64)
    for half, each in zip(counts, content["halves"], strict=True):
        half[each["from"] : each["from"] + len(each["counts"])] = each["counts"]
    return Distances(counts, Tail.from_object(content["tail"]))
