"""Borders and bars around a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from hedgerow.evaluation.chance import Chance, Maker

    Ground: TypeAlias = Callable[[Image.Image, int, int, Chance], Image.Image]

__all__ = ["GROUNDS", "bars", "bordered", "rounded_border"]


def _plain(colour: str) -> Ground:
    return lambda _image, width, height, _chance: Image.new("RGB", (width, height), colour)


def _coloured(_image: Image.Image, width: int, height: int, chance: Chance) -> Image.Image:
    return Image.new("RGB", (width, height), chance.colour())


def _gradient(_image: Image.Image, width: int, height: int, chance: Chance) -> Image.Image:
    """From one colour at the top to another at the bottom."""
    ends = np.array([chance.colour(), chance.colour()], np.float32)
    way = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    ramp = ends[0] * (1 - way) + ends[1] * way
    return Image.fromarray(np.broadcast_to(np.rint(ramp).astype(np.uint8), (height, width, 3)).copy())


def _noisy(_image: Image.Image, width: int, height: int, chance: Chance) -> Image.Image:
    """Near-white grain that was already through a strong JPEG once."""
    grain = 238 + 6 * chance.numbers().standard_normal((height, width, 1), np.float32)
    array = np.clip(np.repeat(grain, 3, axis=2), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "JPEG", quality=30)
    return Image.open(stream).convert("RGB")


def _blurred(image: Image.Image, width: int, height: int, _chance: Chance) -> Image.Image:
    """The picture itself, enlarged, blurred and darkened: what story and reel formats put behind it."""
    small = ImageOps.fit(image, (max(2, width // 8), max(2, height // 8)))
    soft = small.filter(ImageFilter.GaussianBlur(max(2.0, min(width, height) / 8 / 14)))
    return soft.resize((width, height), Image.Resampling.BICUBIC).point(lambda value: value * 0.7)


GROUNDS: dict[str, Ground] = {
    "white": _plain("white"),
    "black": _plain("black"),
    "coloured": _coloured,
    "gradient": _gradient,
    "JPEG-noisy": _noisy,
    "blurred": _blurred,
}
"""What may lie behind a picture, by name."""


def bordered(share: float, ground: str) -> Maker:
    """Put a border around it, as wide on every side as that share of the long side."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        wide = max(1, round(share * max(image.size)))
        found = GROUNDS[ground](image, image.width + 2 * wide, image.height + 2 * wide, chance)
        found.paste(image, (wide, wide))
        return found

    return make


def rounded_border(share: float, ground: str) -> Maker:
    """Put a border around it and round the picture's corners by a twelfth of its short side."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        wide = max(1, round(share * max(image.size)))
        found = GROUNDS[ground](image, image.width + 2 * wide, image.height + 2 * wide, chance)
        found.paste(image, (wide, wide), rounded_mask(image.size, min(image.size) / 12))
        return found

    return make


def rounded_mask(size: tuple[int, int], radius: float) -> Image.Image:
    """Return a mask of that size with round corners, smooth at the edge."""
    large = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, size[0] * 2 - 1, size[1] * 2 - 1), radius * 2, fill=255)
    return large.resize(size, Image.Resampling.BOX)


def bars(direction: Literal["letterbox", "pillarbox"], ground: str, *, share: float = 1 / 3) -> Maker:
    """Add bars above and below, or left and right: together that share of the picture's height or width."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = image.size
        if direction == "letterbox":
            height = round(height * (1 + share))
        else:
            width = round(width * (1 + share))
        found = GROUNDS[ground](image, width, height, chance)
        found.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        return found

    return make
