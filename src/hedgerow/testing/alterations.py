"""Ordinary things that happen to a picture on its way: for the demonstration, for tests, for measuring.

Each alteration is a function from a Pillow picture to an encoded file. They are deterministic.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PIL import Image, ImageDraw, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALTERATIONS", "Alteration"]


class Alteration(NamedTuple):
    """One thing that may happen to a picture.

    Attributes:
        name: What happened, in two or three words.
        suffix: File name ending of the result.
        apply: From an RGB picture to the bytes of the file.
    """

    name: str
    suffix: str
    apply: Callable[[Image.Image], bytes]


def _encode(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401  (Pillow's save options)
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _jpeg(image: Image.Image, quality: int = 85) -> bytes:
    return _encode(image, "JPEG", quality=quality)


def _half_size(image: Image.Image) -> bytes:
    return _jpeg(image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS))


def _with_border(image: Image.Image) -> bytes:
    return _jpeg(ImageOps.expand(image, border=max(image.size) // 16, fill="white"))


def _letterboxed(image: Image.Image) -> bytes:
    canvas = Image.new("RGB", (image.width, image.height + image.height // 3))
    canvas.paste(image, (0, image.height // 6))
    return _jpeg(canvas)


def _with_text(image: Image.Image) -> bytes:
    altered = image.copy()
    size = max(10, image.height // 18)
    ImageDraw.Draw(altered).text((size, image.height - 2 * size), "seen on the web", fill="white", font_size=size)
    return _jpeg(altered)


def _turned_by_exif(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side; a viewer turns it clockwise
    return _encode(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=85, exif=exif)


ALTERATIONS: Final = (
    Alteration("saved again", ".jpg", lambda image: _jpeg(image, 60)),
    Alteration("half size", ".jpg", _half_size),
    Alteration("WebP", ".webp", lambda image: _encode(image, "WEBP", quality=75)),
    Alteration("AVIF", ".avif", lambda image: _encode(image, "AVIF", quality=60)),
    Alteration("GIF", ".gif", lambda image: _encode(image.quantize(128), "GIF")),
    Alteration("palette PNG", ".png", lambda image: _encode(image.quantize(64), "PNG")),
    Alteration("CMYK JPEG", ".jpg", lambda image: _jpeg(image.convert("CMYK"))),
    Alteration("greyscale", ".jpg", lambda image: _jpeg(image.convert("L"))),
    Alteration("mirrored", ".jpg", lambda image: _jpeg(ImageOps.mirror(image))),
    Alteration("rotated 90°", ".jpg", lambda image: _jpeg(image.transpose(Image.Transpose.ROTATE_270))),
    Alteration("rotated by EXIF", ".jpg", _turned_by_exif),
    Alteration("white border", ".jpg", _with_border),
    Alteration("letterboxed", ".jpg", _letterboxed),
    Alteration("text overlay", ".jpg", _with_text),
)
