"""Measure what PDQ survives, for the table in docs/concepts/pdq.md: ``python docs/survival.py FOLDER [COUNT]``.

Prints for each change the median distance of the plain signal, the share of copies that the plain signal finds within
31 bits, and the share that a query under all its variants finds. The folder may be any folder of photographs.
"""

# ruff: noqa: INP001, T201  (a script beside the pages, which prints)

from __future__ import annotations

import io
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter, ImageOps

import hedgerow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_THRESHOLD = 31
_SIDE = 1024  # every photograph is first brought to this longer side, so that large ones do not take all the time


def _jpeg(image: Image.Image, quality: int = 85) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    def crop(image: Image.Image) -> Image.Image:
        across, down = round(image.width * share), round(image.height * share)
        return image.crop((across, down, image.width - across, image.height - down))

    return crop


def _bordered(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageOps.expand(image, round(max(image.size) * share), "white")


def _with_text(image: Image.Image) -> Image.Image:
    altered = image.copy()
    size = image.height // 12
    ImageDraw.Draw(altered).text((size, image.height - 2 * size), "seen on the web", "white", font_size=size)
    return altered


def _rotated(degrees: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again, JPEG quality 85": lambda image: image,
    "greyscale": lambda image: image.convert("L"),
    "half size": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "an eighth of the size": lambda image: image.resize(
        (image.width // 8, image.height // 8), Image.Resampling.LANCZOS
    ),
    "blurred, radius 4": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "gamma 2": lambda image: image.point([round(255 * (value / 255) ** 2) for value in range(256)] * 3),
    "line of text": _with_text,
    "turned by 1°": _rotated(1),
    "turned by 4°": _rotated(4),
    "mirrored": ImageOps.mirror,
    "turned by 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "white border, 2 %": _bordered(0.02),
    "white border, 5 %": _bordered(0.05),
    "cropped, 1 % on each side": _cropped(0.01),
    "cropped, 2 % on each side": _cropped(0.02),
    "cropped, 5 % on each side": _cropped(0.05),
    "colours inverted": ImageOps.invert,
}


def photographs(folder: Path, count: int) -> Iterator[tuple[bytes, Image.Image]]:
    """Give some photographs that are not too plain, each with its signal, evenly spread over the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    given = 0
    for path in paths[:: max(1, len(paths) // (2 * count))]:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        image.thumbnail((_SIDE, _SIDE))
        known = hedgerow.hash_bytes(_jpeg(image, 95), exact=True).signals[0]
        if given < count and (known.quality or 0) >= 50:  # noqa: PLR2004  (PDQ's own advice)
            given += 1
            yield known.bits, image


def main() -> None:
    """Print the table."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60  # noqa: PLR2004  (two arguments)
    known = list(photographs(folder, count))
    print(f"{len(known)} photographs")
    for name, change in CHANGES.items():
        plain, best = [], []
        for bits, image in known:
            result = hedgerow.hash_bytes(_jpeg(change(image)), level="standard")
            distances = [(int.from_bytes(bits) ^ int.from_bytes(each.bits)).bit_count() for each in result.signals]
            plain.append(distances[0])
            best.append(min(distances))
        within, found = (sum(each <= _THRESHOLD for each in some) / len(known) for some in (plain, best))
        print(f"| {name} | {statistics.median(plain):.0f} | {within:.0%} | {found:.0%} |")


if __name__ == "__main__":
    main()
