"""What happens to a picture's colours and sharpness, its place in the frame unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

if TYPE_CHECKING:
    from hedgerow.evaluation.chance import Chance, Maker

__all__ = ["blurred", "brighter", "contrasted", "gamma", "greyscale", "inverted", "noisy", "saturated", "sepia"]


def blurred(radius: float) -> Maker:
    """Blur with a Gaussian of that radius in pixels."""
    return lambda image, _: image.filter(ImageFilter.GaussianBlur(radius))


def noisy(sigma: float) -> Maker:
    """Add independent Gaussian noise of that standard deviation (of 255) to every sample."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        array = np.asarray(image, np.float32)
        noise = chance.numbers().standard_normal(array.shape, np.float32)
        return Image.fromarray(np.clip(array + sigma * noise, 0, 255).astype(np.uint8))

    return make


def gamma(exponent: float) -> Maker:
    """Raise every sample to a power: below 1 is brighter, above 1 darker."""
    table = [round(255 * (value / 255) ** exponent) for value in range(256)] * 3
    return lambda image, _: image.point(table)


def contrasted(factor: float) -> Maker:
    """Stretch the samples around the mean grey."""
    return lambda image, _: ImageEnhance.Contrast(image).enhance(factor)


def brighter(factor: float) -> Maker:
    """Multiply the samples."""
    return lambda image, _: ImageEnhance.Brightness(image).enhance(factor)


def saturated(factor: float) -> Maker:
    """Strengthen or weaken the colours."""
    return lambda image, _: ImageEnhance.Color(image).enhance(factor)


def greyscale(image: Image.Image, _: Chance) -> Image.Image:
    """Keep luma only."""
    return image.convert("L").convert("RGB")


def sepia(image: Image.Image, _: Chance) -> Image.Image:
    """Brown it, as old prints are."""
    return ImageOps.colorize(image.convert("L"), (28, 16, 6), (255, 240, 206), mid=(150, 112, 74))


def inverted(image: Image.Image, _: Chance) -> Image.Image:
    """Make a negative."""
    return ImageOps.invert(image)
