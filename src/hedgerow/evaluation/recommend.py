"""From what was measured to a threshold: the largest at which false matches stay as rare as is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from hedgerow.errors import MatchingError
from hedgerow.matching import MAX_THRESHOLD
from hedgerow.matching.background import Background, Distances

if TYPE_CHECKING:
    from hedgerow.evaluation.intervals import Share
    from hedgerow.evaluation.model import Evaluation
    from hedgerow.hashing.signal import Level

__all__ = ["Evidence", "Recommendation", "background_of", "recommend"]

_LEAST_PAIRS = 100_000  # of one level; with fewer the lowest hundredth holds too few pairs for a curve
_LEAST_PICTURES = 100  # and pairs of few pictures are not so many cases


@dataclass(frozen=True, slots=True)
class Evidence:
    """What would come of one threshold.

    Attributes:
        threshold: Bits, inclusive.
        false_matches: Expected among a million unrelated queries against a bank of that size.
        is_counted: Whether unrelated pairs were seen so near; otherwise the figure is extrapolated.
        recall: Share of altered copies found.
    """

    threshold: int
    false_matches: float
    is_counted: bool
    recall: Share


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A threshold for one level.

    Attributes:
        level: Of query variants.
        bank_entries: Size of the bank.
        per_million: False matches among a million queries that are bearable.
        threshold: The largest that keeps to that, and lies below `alike`; None where even 0 does not.
        alike: Least distance of two unlike pictures that were altered in the same way (such as two screenshots of one
            application), and in which; None where none were compared.
        evidence: What would come of every threshold from 0 on.
        source: Which background this rests on, in words.
        is_own: Whether that was measured on the operator's own pictures.
    """

    level: Level
    bank_entries: int
    per_million: float
    threshold: int | None
    alike: tuple[int, str] | None
    evidence: tuple[Evidence, ...]
    source: str
    is_own: bool

    @property
    def is_counted(self) -> bool:
        """Whether the figure behind the threshold was counted; otherwise it is extrapolated."""
        return self.threshold is not None and self.evidence[self.threshold].is_counted


def background_of(evaluation: Evaluation, source: str) -> Background | None:
    """Return the distances of unrelated pictures that an evaluation met; None where they are too few to fit a tail.

    Args:
        evaluation: What was measured.
        source: What the pictures are, in words.
    """
    if len(evaluation.entries) < _LEAST_PICTURES:
        return None
    levels = [cast("Level", name.partition(" ")[2]) for name in evaluation.levels]
    single = np.cumsum(evaluation.single, axis=0)
    nearest = [evaluation.impostors[f"hedgerow {level}"].nearest for level in levels]
    if min(int(each.sum()) for each in nearest) < _LEAST_PAIRS:
        return None
    looks = {
        level: float(total / max(1, count))
        for level, (total, count) in zip(levels, evaluation.looks[: len(levels)].tolist(), strict=True)
    }
    try:
        return Background(
            source,
            {level: Distances.fitted(counts) for level, counts in zip(levels, single, strict=True)},
            {level: Distances.fitted(counts) for level, counts in zip(levels, nearest, strict=True)},
            looks,
        )
    except MatchingError:  # too few pairs in the tail of a level: whoever asks falls back on the shipped one
        return None


def recommend(
    evaluation: Evaluation,
    background: Background,
    *,
    level: Level,
    bank_entries: int,
    per_million: float = 1.0,
    is_own: bool = True,
) -> Recommendation:
    """Find the largest threshold at which false matches stay below a rate, and screenshots stay apart.

    Args:
        evaluation: Says how many copies each threshold finds.
        background: Says how near unrelated pictures come.
        level: Level of query variants.
        bank_entries: Entries of the bank that will be searched.
        per_million: False matches among a million queries that are bearable.
        is_own: Whether the background was measured on the operator's own pictures.
    """

    def false_matches(threshold: int) -> float:
        return 1e6 * background.nearest_probability(threshold, bank_entries, level=level)

    alike = evaluation.nearest_alike()
    largest = MAX_THRESHOLD if alike is None else min(MAX_THRESHOLD, alike[0] - 1)
    bearable = [each for each in range(largest + 1) if false_matches(each) <= per_million]
    threshold = max(bearable, default=None)
    method = f"hedgerow {level}"
    everything = range(len(evaluation.plan.transforms))
    evidence = tuple(
        Evidence(
            each,
            false_matches(each),
            background.is_counted(each, level=level),
            evaluation.recall(everything, method, threshold=each),
        )
        for each in range(MAX_THRESHOLD + 1)
    )
    return Recommendation(level, bank_entries, per_million, threshold, alike, evidence, background.source, is_own)
