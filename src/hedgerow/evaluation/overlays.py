"""What people and sites draw onto a picture: watermarks, text, stickers, captions."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from hedgerow.evaluation.chance import Chance, Maker

__all__ = [
    "caption_band",
    "corner_logo",
    "impact_text",
    "stickers",
    "text_lines",
    "tiled_watermark",
    "watermark",
    "word_list",
]

_WORDS = (
    "when you see it the best day ever look at this one my brother said no way please share and follow for more "
    "summer holiday at the lake nobody asked but here we are again still thinking about that second coffee"
)


def word_list(chance: Chance, count: int) -> str:
    """Return that many everyday words."""
    words = _WORDS.split()
    return " ".join(chance.random.choice(words) for _ in range(count))


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which needs no file."""
    return ImageFont.load_default(max(6, size))


def text_layer(text: str, size: int, fill: tuple[int, ...], stroke: int = 0) -> Image.Image:
    """Return one line of text on nothing, as RGBA, cut close."""
    box = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font=font(size), stroke_width=stroke)
    layer = Image.new("RGBA", (max(1, math.ceil(box[2] - box[0])), max(1, math.ceil(box[3] - box[1]))), (*fill[:3], 0))
    ImageDraw.Draw(layer).text(
        (-box[0], -box[1]), text, fill=fill, font=font(size), stroke_width=stroke, stroke_fill=(0, 0, 0, fill[-1])
    )
    return layer


def _fitted(text: str, width: float, fill: tuple[int, ...], most: int, stroke: int = 0) -> Image.Image:
    """Return a line of text as large as fits in the width, at most that many pixels high."""
    size = most
    while size > 7:  # noqa: PLR2004  (smaller is no writing)
        layer = text_layer(text, size, fill, stroke)
        if layer.width <= width:
            return layer
        size = min(size - 1, int(size * width / layer.width))
    return text_layer(text, 7, fill, stroke)


def _laid_on(image: Image.Image, layer: Image.Image, left: float, top: float) -> None:
    image.paste(layer.convert("RGB"), (round(left), round(top)), layer.getchannel("A"))


def watermark(opacity: float) -> Maker:
    """Write one large word across the middle, slanted, white and see-through."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        found = image.copy()
        text = chance.random.choice(("SAMPLE", "PREVIEW", "@user_2041", "PHOTOSITE"))
        alpha = round(255 * opacity)
        layer = _fitted(text, image.width * 0.85, (255, 255, 255, alpha), max(8, image.height // 3))
        slant = layer.rotate(
            math.degrees(math.atan2(image.height, image.width)) / 2, Image.Resampling.BILINEAR, expand=True
        )
        _laid_on(found, slant, (image.width - slant.width) / 2, (image.height - slant.height) / 2)
        return found

    return make


def tiled_watermark(opacity: float) -> Maker:
    """Repeat a small slanted word over the whole picture, as stock sites do."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        found = image.copy()
        text = chance.random.choice(("stockshots", "do not copy", "example.org"))
        size = max(8, round(math.sqrt(image.width * image.height) / 16))
        word = text_layer(text, size, (255, 255, 255, round(255 * opacity))).rotate(
            30, Image.Resampling.BILINEAR, expand=True
        )
        step_x, step_y = round(word.width * 1.25), round(word.height * 1.25)
        for row, top in enumerate(range(-word.height // 2, image.height, max(1, step_y))):
            for left in range(-(row % 2) * step_x // 2, image.width, max(1, step_x)):
                _laid_on(found, word, left, top)
        return found

    return make


def corner_logo(image: Image.Image, chance: Chance) -> Image.Image:
    """Put a round mark with a name into a corner, a fifth of the width."""
    found = image.copy()
    side = max(12, image.width // 14)
    layer = Image.new("RGBA", (side * 4, side + 4), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    draw.ellipse((2, 2, side, side), fill=(*chance.colour(), 235))
    draw.ellipse((side * 0.3, side * 0.3, side * 0.72, side * 0.72), fill=(255, 255, 255, 235))
    draw.text((side * 1.2, side * 0.18), "clipsite", font=font(round(side * 0.62)), fill=(255, 255, 255, 235))
    margin = max(2, image.width // 50)
    left = chance.random.choice((margin, image.width - layer.width - margin))
    top = chance.random.choice((margin, image.height - layer.height - margin))
    _laid_on(found, layer, left, top)
    return found


def text_lines(lines: int) -> Maker:
    """Write lines of white, dark-edged text where people put them."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        found = image.copy()
        size = max(9, round(image.height / 14))
        top = image.height * chance.random.choice((0.08, 0.42, 0.92 - 0.1 * lines))
        for _ in range(lines):
            layer = _fitted(word_list(chance, 5), image.width * 0.9, (255, 255, 255, 255), size, max(1, size // 12))
            _laid_on(found, layer, (image.width - layer.width) / 2, top)
            top += size * 1.35
        return found

    return make


def stickers(count: int) -> Maker:
    """Stick yellow faces and red hearts on it, each about a seventh of the short side."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        found = image.copy()
        side = max(10, min(image.size) // 7)
        for _ in range(count):
            layer = chance.random.choice((_face, _face, _heart))(side)
            layer = layer.rotate(chance.random.uniform(-25, 25), Image.Resampling.BICUBIC)
            left, top = chance.random.uniform(0, image.width - side), chance.random.uniform(0, image.height - side)
            _laid_on(found, layer, left, top)
        return found

    return make


def _face(side: int) -> Image.Image:
    large = side * 3
    layer = Image.new("RGBA", (large, large), (255, 204, 50, 0))
    draw = ImageDraw.Draw(layer)
    draw.ellipse((0, 0, large - 1, large - 1), fill=(255, 204, 50, 255))
    for x in (0.33, 0.67):
        draw.ellipse((large * (x - 0.06), large * 0.3, large * (x + 0.06), large * 0.45), fill=(92, 60, 10, 255))
    draw.chord((large * 0.24, large * 0.38, large * 0.76, large * 0.84), 0, 180, fill=(92, 60, 10, 255))
    return layer.resize((side, side), Image.Resampling.LANCZOS)


def _heart(side: int) -> Image.Image:
    large = side * 3
    layer = Image.new("RGBA", (large, large), (222, 46, 60, 0))
    draw = ImageDraw.Draw(layer)
    red = (222, 46, 60, 255)
    draw.ellipse((0, 0, large * 0.54, large * 0.54), fill=red)
    draw.ellipse((large * 0.46, 0, large, large * 0.54), fill=red)
    draw.polygon([(large * 0.05, large * 0.38), (large * 0.95, large * 0.38), (large * 0.5, large * 0.95)], fill=red)
    return layer.resize((side, side), Image.Resampling.LANCZOS)


def caption_band(image: Image.Image, chance: Chance) -> Image.Image:
    """Add a white band above with two lines of black text, a fifth of the height."""
    band = max(24, round(image.height * 0.2))
    found = Image.new("RGB", (image.width, image.height + band), "white")
    found.paste(image, (0, band))
    for place in (0.1, 0.54):
        layer = _fitted(word_list(chance, 6), image.width * 0.92, (10, 10, 10, 255), round(band * 0.36))
        _laid_on(found, layer, image.width * 0.04, band * place)
    return found


def impact_text(image: Image.Image, chance: Chance) -> Image.Image:
    """Write capital letters at top and bottom, white with a black edge."""
    found = image.copy()
    size = max(10, round(image.height / 9))
    for where in ("top", "bottom"):
        text = word_list(chance, 3).upper()
        layer = _fitted(text, image.width * 0.94, (255, 255, 255, 255), size, max(1, size // 10))
        top = image.height * 0.03 if where == "top" else image.height * 0.97 - layer.height
        _laid_on(found, layer, (image.width - layer.width) / 2, top)
    return found
