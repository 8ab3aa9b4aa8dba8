"""What every picture hasher owes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.hashing.pdq import ArrayPixels
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.hashing.signal import AS_IS, LEVELS, SIGNAL_TYPES, Level, Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hedgerow.hashing.hasher import PictureHasher
    from hedgerow.media import Pixels

__all__ = ["PictureHasherConformance"]

_SIZES = ((1, 1), (4, 300), (64, 64), (97, 211), (600, 400), (1300, 900))


class PictureHasherConformance:
    """Subclass this in your tests and give `hasher`; pytest finds the rest.

    >>> from hedgerow.hashing import PdqHasher
    >>> class TestPdq(PictureHasherConformance):
    ...     def hasher(self):
    ...         return PdqHasher()
    """

    def hasher(self) -> PictureHasher:
        """Return the hasher under test."""
        raise NotImplementedError

    def pictures(self) -> list[NDArray[np.uint8]]:
        """Return the pictures it is tried on: every awkward size, in luma and RGB."""
        return [
            synthetic_picture(width, height, seed=width, channels=channels)
            for width, height in _SIZES
            for channels in (1, 3)
        ]

    def test_the_same_pixels_always_give_the_same_signals(self) -> None:
        """Hash everything twice."""
        for picture in self.pictures():
            assert self._all(picture) == self._all(picture)

    def test_the_stored_signal_comes_first_and_is_named_as_is(self) -> None:
        """Ask with and without variants: the first signal is the same."""
        for picture in self.pictures():
            stored = self._all(picture, level="exact")
            assert len(stored) == 1
            assert stored[0].variant == AS_IS
            assert self._all(picture)[0] == stored[0]

    def test_each_level_gives_all_that_the_levels_before_it_give(self) -> None:
        """Ask at every level: what belongs to a lower one is what that one gives."""
        for picture in self.pictures():
            everything = self._all(picture, level="thorough")
            for place, level in enumerate(LEVELS):
                assert [each for each in everything if LEVELS.index(each.level) <= place] == self._all(
                    picture, level=level
                )

    def test_every_signal_has_the_size_of_its_type_and_a_quality(self) -> None:
        """Check bits, quality and provenance of each signal."""
        for picture in self.pictures():
            for signal in self._all(picture):
                assert signal.type == self.hasher().type
                assert len(signal.bits) == SIGNAL_TYPES[signal.type].size_bytes
                assert signal.quality is not None
                assert 0 <= signal.quality <= 100  # noqa: PLR2004  (the scale of quality)
                assert signal.made_by

    def test_a_flat_picture_has_quality_0(self) -> None:
        """A picture of one colour says nothing, and the quality must say so."""
        for value in (0, 127, 255):
            flat = np.full((300, 200, 3), value, np.uint8)
            assert self._all(flat, level="exact")[0].quality == 0

    def test_the_pixels_are_left_alone(self) -> None:
        """Hash a read-only array."""
        for picture in self.pictures():
            picture.setflags(write=False)
            self._all(picture)

    def test_threads_may_share_one_hasher(self) -> None:
        """Hash the same pictures in four threads."""
        hasher, pictures = self.hasher(), self.pictures()
        alone = [list(hasher.signals(ArrayPixels(each), level="standard")) for each in pictures]
        with ThreadPoolExecutor(4) as threads:
            together = list(
                threads.map(lambda each: list(hasher.signals(ArrayPixels(each), level="standard")), pictures)
            )
        assert together == alone

    def _all(self, picture: NDArray[np.uint8], *, level: Level = "standard") -> list[Signal]:
        pixels: Pixels = ArrayPixels(picture)
        return list(self.hasher().signals(pixels, level=level))
