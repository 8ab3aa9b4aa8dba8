"""Where a transform's chance comes from: a seeded generator, and other pictures to stand beside the one altered."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    Maker: TypeAlias = Callable[[Image.Image, "Chance"], Image.Image]
    Colour: TypeAlias = tuple[int, int, int]

__all__ = ["Chance"]


@dataclass(frozen=True, slots=True)
class Chance:
    """What a transform may draw from.

    Attributes:
        random: Seeded by picture and transform, so that the same file comes of it on every run.
        others: Pictures that may stand beside the altered one (collages, pages); where there are none, picture-like
            content is made up.
    """

    random: random.Random
    others: Sequence[Image.Image] = ()

    @classmethod
    def seeded(cls, seed: str | int, others: Sequence[Image.Image] = ()) -> Chance:
        """Draw the same on every run."""
        return cls(random.Random(seed), others)  # noqa: S311  (no secret depends on it)

    def numbers(self) -> np.random.Generator:
        """Return NumPy's generator, seeded from ours."""
        return np.random.default_rng(self.random.getrandbits(63))

    def companion(self, width: int, height: int) -> Image.Image:
        """Return another picture that fills width × height."""
        if self.others:
            return ImageOps.fit(self.random.choice(self.others).convert("RGB"), (width, height))
        return self._made_up(width, height)

    def colour(self, least: int = 40, most: int = 215) -> Colour:
        """Return some colour that is neither black nor white."""
        red, green, blue = (self.random.randint(least, most) for _ in range(3))
        return red, green, blue

    def _made_up(self, width: int, height: int) -> Image.Image:
        """Return soft blobs, edges and grain: no photograph, but as busy as one."""
        numbers = self.numbers()
        found = np.zeros((height, width, 3), np.float32)
        for cells, share in ((3, 1.0), (7, 0.6), (17, 0.35), (41, 0.2)):
            coarse = Image.fromarray(numbers.integers(0, 256, (cells, cells, 3), np.uint8))
            found += share * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        image = Image.fromarray(_as_bytes(found / 2.15))
        for _ in range(4):
            side = max(2, min(width, height) // 3)
            patch = Image.new("RGB", (side, side), self.colour(0, 255))
            left, top = self.random.randint(0, max(0, width - side)), self.random.randint(0, max(0, height - side))
            mask = Image.new("L", (side, side), 110).filter(ImageFilter.GaussianBlur(1))
            image.paste(patch.rotate(self.random.randint(0, 89)), (left, top), mask)
        return image


def _as_bytes(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(array), 0, 255).astype(np.uint8)
