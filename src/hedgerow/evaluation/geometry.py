"""Where the picture's parts come to lie: crops, turns, slants, collages, pictures in pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.evaluation.chance import Chance, Maker

__all__ = [
    "collage",
    "cropped",
    "cropped_on_one_side",
    "pasted_into",
    "photographed_print",
    "resized",
    "resized_to",
    "rotated",
    "straightened",
    "transposed",
]


def resized(factor: float) -> Maker:
    """Scale both sides."""

    def make(image: Image.Image, _: Chance) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.LANCZOS)

    return make


def resized_to(long_side: int) -> Maker:
    """Scale down so that the long side has at most that many pixels, as platforms do."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        if max(image.size) <= long_side:
            return image
        return resized(long_side / max(image.size))(image, chance)

    return make


def transposed(method: Image.Transpose) -> Maker:
    """Mirror, flip or turn by quarters."""
    return lambda image, _: image.transpose(method)


def cropped(share: float) -> Maker:
    """Cut that share of the width off left and right, and of the height off top and bottom."""

    def make(image: Image.Image, _: Chance) -> Image.Image:
        x, y = max(1, round(share * image.width)), max(1, round(share * image.height))
        return image.crop((x, y, image.width - x, image.height - y))

    return make


def cropped_on_one_side(share: float) -> Maker:
    """Cut that share off one side, drawn by chance."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        left, top, right, bottom = 0, 0, image.width, image.height
        side = chance.random.choice(("left", "top", "right", "bottom"))
        x, y = max(1, round(share * image.width)), max(1, round(share * image.height))
        match side:
            case "left":
                left = x
            case "right":
                right -= x
            case "top":
                top = y
            case _:
                bottom -= y
        return image.crop((left, top, right, bottom))

    return make


def rotated(degrees: float) -> Maker:
    """Turn by a few degrees either way on a canvas that holds all of it, black in the corners."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        angle = chance.random.choice((-degrees, degrees))
        return image.rotate(angle, Image.Resampling.BILINEAR, expand=True, fillcolor=(0, 0, 0))

    return make


def straightened(degrees: float) -> Maker:
    """Turn by a few degrees either way and cut to the largest upright rectangle of the same shape."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        angle = math.radians(degrees)
        ratio = max(image.width / image.height, image.height / image.width)
        scale = 1 / (math.cos(angle) + ratio * math.sin(angle))
        turned = image.rotate(chance.random.choice((-degrees, degrees)), Image.Resampling.BILINEAR)
        x, y = image.width * (1 - scale) / 2, image.height * (1 - scale) / 2
        left, top = math.ceil(x), math.ceil(y)
        return turned.crop(
            (left, top, max(left + 1, math.floor(image.width - x)), max(top + 1, math.floor(image.height - y)))
        )

    return make


def collage(pictures: int) -> Maker:
    """Put it beside another one, or among three others, at half its size, with a narrow white gap."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        cell = resized(0.5)(image, chance)
        gap = max(1, round(0.01 * max(image.size)))
        across, down = 2, pictures // 2
        width, height = cell.width * across + gap * (across - 1), cell.height * down + gap * (down - 1)
        found = Image.new("RGB", (width, height), "white")
        place = chance.random.randrange(across * down)
        for number in range(across * down):
            shown = cell if number == place else chance.companion(*cell.size)
            found.paste(shown, ((number % across) * (cell.width + gap), (number // across) * (cell.height + gap)))
        return found

    return make


def pasted_into(share: float, *, is_central: bool) -> Maker:
    """Put it into an unrelated picture of its size, where it takes that share of both sides."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        found = chance.companion(*image.size)
        inset = resized(share)(image, chance)
        spare_x, spare_y = image.width - inset.width, image.height - inset.height
        if is_central:
            left, top = spare_x // 2, spare_y // 2
        else:
            left, top = chance.random.choice((0, spare_x)), chance.random.choice((0, spare_y))
        found.paste(inset, (left, top))
        return found

    return make


def photographed_print(slant: float) -> Maker:
    """Print it, and photograph the paper: corners moved by up to that share, soft, flat, a little uneven in light."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = image.size
        moved = [
            (
                x * width + chance.random.uniform(-slant, slant) * width,
                y * height + chance.random.uniform(-slant, slant) * height,
            )
            for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
        ]
        paper = (244, 240, 230)
        corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        found = image.transform(
            image.size,
            Image.Transform.PERSPECTIVE,
            _perspective(corners, moved),
            Image.Resampling.BICUBIC,
            fillcolor=paper,
        )
        found = found.filter(ImageFilter.GaussianBlur(max(0.6, max(image.size) / 900)))
        found = (
            ImageEnhance.Contrast(found)
            .enhance(0.86)
            .point([round(255 * (value / 255) ** 0.92) for value in range(256)] * 3)
        )
        light = np.linspace(1.0, chance.random.uniform(0.86, 0.95), width, dtype=np.float32)[None, :, None]
        return Image.fromarray((np.asarray(found, np.float32) * light).astype(np.uint8))

    return make


def _perspective(seen: Sequence[tuple[float, float]], source: Sequence[tuple[float, float]]) -> list[float]:
    """Return the eight numbers by which Pillow finds, for a pixel of the result, its place in the source."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(each) for each in np.linalg.solve(np.array(rows, float), np.array(values, float))]
