"""The nouns of evaluation: what is to be measured, and what was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.evaluation.intervals import Share
from hedgerow.evaluation.transforms import TRANSFORMS
from hedgerow.hashing import MINIMUM_QUALITY
from hedgerow.hashing.signal import LEVELS
from hedgerow.matching import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hedgerow.evaluation.transforms import Transform
    from hedgerow.hashing.signal import Level

__all__ = ["BANDS", "BANK_ROW", "DISTANCES", "Band", "Evaluation", "Hit", "Impostors", "Plan", "SameScene"]

DISTANCES: Final = 257
"""Possible distances of two signals of 256 bits: 0 to 256."""

BANK_ROW: Final = np.dtype([("bits", np.uint8, 32), ("entry", np.int32), ("is_kept", np.bool_), ("is_whole", np.bool_)])
"""One row of a bank as the parent lays it out: its bits, whose it is, and whether a bank would take it."""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of qualities, ends included."""

    low: int
    high: int

    @property
    def name(self) -> str:
        """How it is written."""
        return f"below {self.high + 1}" if self.low == 0 else f"{self.low}–{self.high}"


BANDS: Final = (Band(0, 49), Band(50, 79), Band(80, 100))
"""Qualities of the original: too plain for a bank, plain, busy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        transforms: What happens to the pictures.
        levels: Levels of query variants.
        threshold: The one threshold, in bits, inclusive.
        sample: Pictures of which altered copies are made; all others are bank entries only. None for all.
        entries: Most pictures taken at all.
        with_parts: Whether a bank that holds parts of each picture too is measured at the highest level.
        with_peers: Whether peers that are installed run too.
        minimum_quality: As a bank has it: what is plainer is neither banked nor looked up.
        same_scene: Two originals at most so many bits apart show the same scene: they are listed apart.
        jobs: Processes.
        seed: Of the sample.
    """

    transforms: tuple[Transform, ...] = TRANSFORMS
    levels: tuple[Level, ...] = LEVELS
    threshold: int = DEFAULT_THRESHOLD
    sample: int | None = None
    entries: int = 5000
    with_parts: bool = False
    with_peers: bool = True
    minimum_quality: int = MINIMUM_QUALITY
    same_scene: int = 40
    jobs: int = 1
    seed: int = 1


@dataclass(frozen=True, slots=True)
class SameScene:
    """Two originals so near to each other that no transform is needed to confuse them."""

    one: str
    other: str
    distance: int


@dataclass(frozen=True, slots=True)
class Hit:
    """An altered copy that lies near another picture's entry.

    Attributes:
        picture: Whose copy it is.
        transform: What was done to it.
        entry: The other picture.
        distance: Bits.
        variant: The query variant that came so near.
    """

    picture: str
    transform: str
    entry: str
    distance: int
    variant: str


@dataclass(slots=True)
class Impostors:
    """What one method made of copies beside the entries of all other pictures.

    Attributes:
        queries: Altered copies that were looked up.
        pairs: Copies times entries of other pictures.
        nearest: Pairs by the distance of the nearest variant: (2, 257), one row for the copies of every second
            picture, so that what is fitted to one half can be held against the other.
        rows: Copies times signals that a bank would hold of other pictures, by the distance of the nearest variant:
            (257,). Where the plan has parts these are the wholes and the parts, which every level is compared with.
        hits: The nearest ones, by distance; those beyond the threshold are near misses.
    """

    queries: int = 0
    pairs: int = 0
    nearest: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, DISTANCES), np.int64))
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(DISTANCES, np.int64))
    hits: list[Hit] = field(default_factory=list)

    def within(self, threshold: int) -> int:
        """Count the pairs within a threshold."""
        return int(self.nearest[:, : threshold + 1].sum())

    def of_rows(self, threshold: int) -> Share:
        """Return the share of compared signals within a threshold; its interval takes them for independent."""
        return Share(int(self.rows[: threshold + 1].sum()), int(self.rows.sum()))

    def rate_per_million_entries(self, threshold: int) -> float:
        """Return false matches per query and million bank entries."""
        return self.within(threshold) / self.pairs * 1e6 if self.pairs else 0.0

    def highest_rate_per_million_entries(self, threshold: int) -> float:
        """Return the upper end of the 95 % interval of that rate, as if pairs were independent."""
        return Share(self.within(threshold), self.pairs).interval[1] * 1e6


@dataclass(slots=True)
class Evaluation:
    """What was measured.

    Attributes:
        plan: What was to be.
        methods: Names of the methods: Hedgerow at each level, then peers.
        entries: Names of all pictures that were banked.
        pictures: Positions in `entries` of those of which altered copies were made.
        quality: Of every entry's signal, by Hedgerow.
        distance: Of each copy to its original: (pictures, transforms, methods); −1 where it was not measured.
        variant: Position in `variants` of the nearest variant, likewise.
        query_quality: Of each copy as is: (pictures, transforms); −1 where it was not measured.
        looks: Sum and count of signals looked up for a copy, by method: (methods, 2).
        variants: Names of variants.
        impostors: By method.
        single: Comparisons of one variant with one stranger's entry, by Hedgerow's level to which the variant belongs:
            (levels, 2, 257); halves as in `Impostors.nearest`.
        alike: Copies of unlike pictures that were altered in the same way, each as it is, by transform and distance:
            (transforms, 257). A bank that holds screenshots meets other screenshots.
        same_scene: Pairs of originals that show the same scene.
        left_out: Pictures that could not be used, and why.
        problems: Transforms that failed on a picture: transform, kind of error, how often.
        seconds: How long it took.
    """

    plan: Plan
    methods: tuple[str, ...]
    entries: tuple[str, ...]
    pictures: tuple[int, ...]
    quality: NDArray[np.int16]
    distance: NDArray[np.int16]
    variant: NDArray[np.int32]
    query_quality: NDArray[np.int16]
    looks: NDArray[np.int64]
    variants: list[str] = field(default_factory=list)
    impostors: dict[str, Impostors] = field(default_factory=dict)
    single: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2, DISTANCES), np.int64))
    alike: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, DISTANCES), np.int64))
    same_scene: list[SameScene] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    problems: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def levels(self) -> tuple[str, ...]:
        """The methods that are Hedgerow at its levels, with nothing but whole pictures in the bank."""
        return tuple(name for level in LEVELS if (name := f"hedgerow {level}") in self.methods)

    def transforms_of(self, row: str) -> list[int]:
        """Return the positions of the transforms that belong to a row."""
        return [place for place, each in enumerate(self.plan.transforms) if each.row == row]

    def recall(
        self, transforms: Iterable[int], method: str, *, band: Band | None = None, threshold: int | None = None
    ) -> Share:
        """Return how many copies were found.

        Args:
            transforms: Positions of the transforms.
            method: Name of the method.
            band: Only copies of originals of that quality; None for every original that a bank would take.
            threshold: Another threshold than the plan's.
        """
        band = band or Band(self.plan.minimum_quality, 100)
        limit = self.plan.threshold if threshold is None else threshold
        quality = self.quality[list(self.pictures)]
        chosen = (quality >= band.low) & (quality <= band.high)
        distances = self.distance[chosen][:, list(transforms), self.methods.index(method)]
        measured = distances >= 0
        return Share(int((measured & (distances <= limit)).sum()), int(measured.sum()))

    def nearest_alike(self) -> tuple[int, str] | None:
        """Return the least distance of two unlike pictures that were altered in the same way, and in which."""
        met = [(int(np.flatnonzero(counts)[0]), place) for place, counts in enumerate(self.alike) if counts.any()]
        if not met:
            return None
        distance, place = min(met)
        return distance, self.plan.transforms[place].name

    def distances_of(self, transform: int, method: str) -> NDArray[np.int16]:
        """Return the measured distances of one transform, over every original that a bank would take."""
        chosen = self.quality[list(self.pictures)] >= self.plan.minimum_quality
        found: NDArray[np.int16] = self.distance[chosen, transform, self.methods.index(method)]
        return found[found >= 0]

    def variants_of(self, transform: int, method: str) -> list[tuple[str, int]]:
        """Return the variants by which copies within the threshold were found, the most frequent first."""
        place = self.methods.index(method)
        chosen = self.quality[list(self.pictures)] >= self.plan.minimum_quality
        distances = self.distance[chosen, transform, place]
        found = self.variant[chosen, transform, place][(distances >= 0) & (distances <= self.plan.threshold)]
        counts = np.bincount(found, minlength=len(self.variants)) if len(found) else np.zeros(0, np.int64)
        order = np.argsort(-counts, kind="stable")
        return [(self.variants[each], int(counts[each])) for each in order.tolist() if counts[each]]
