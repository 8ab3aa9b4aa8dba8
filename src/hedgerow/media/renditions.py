"""What people are shown in the place of media: grey pictures from which nothing can be got back, and a plain copy.

A *tile* and a *blurred* picture hold at most 24 cells on their longer side, one grey value each, drawn smoothly at the
size of the page: what finer detail there was is not in the file, whatever one does to it. A *strip* shows so of a video
what a tile shows of a picture. The *full* rendition is what one sees after a deliberate look: in colour, no larger than
a screen, and without anything that the file says about itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageFilter

from hedgerow.errors import MediaDamaged, MediaUnsupported
from hedgerow.media.model import MediaLimits
from hedgerow.media.picture import open_picture
from hedgerow.media.sniff import HEAD_BYTES, describe, sniff
from hedgerow.media.video import is_video
from hedgerow.media.video_samples import sample_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from hedgerow.media.model import Pixels
    from hedgerow.media.video_frame import VideoFrame

__all__ = ["CELLS", "FILTERED", "MEDIA_TYPE", "STRIP_FRAMES", "Rendition", "cells_of", "render"]

CELLS: Final = 24
"""Cells on the longer side of what is filtered. A face is told from others from about 16 to 18 cells across the
face alone (Harmon and Julesz 1973; Bachmann 1991): here the whole picture has few more, smoothed once again."""

_SMOOTHING_CELLS: Final = 0.8
"""Standard deviation of that smoothing."""

_TILE_PX, _BLURRED_PX, _FULL_PX = 320, 1280, 2048
STRIP_FRAMES: Final = 8
_STRIP_FRAME_PX: Final = 160
_FULL_FRAME_PX: Final = 480
_STRIP_COLUMNS: Final = 4
_STRIP_ROWS: Final = 64
_LEAST_PX: Final = 48
"""Of the shorter side of a very long picture: less cannot be pointed at."""

_FRAME_CELLS: Final = 256
"""Lines and columns to which FFmpeg reduces a frame before it is filtered."""

_QUALITY: Final = 80
MEDIA_TYPE: Final = "image/webp"
FILTERED: Final = ("tile", "blurred", "strip")
"""The forms that are safe to be shown without a look being recorded, and to be kept."""

_TURNS: Final = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""What turns a stored picture upright, by its EXIF orientation."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One picture to be shown.

    Attributes:
        form: ``tile``, ``blurred``, ``strip`` or ``full``.
        data: A WebP file, without metadata.
        width: Columns.
        height: Rows.
    """

    form: str
    data: bytes = field(repr=False)
    width: int
    height: int


def render(file: bytes | BinaryIO, forms: Sequence[str], limits: MediaLimits | None = None) -> Iterator[Rendition]:
    """Make renditions of one piece of media; of what does not exist for it (a picture's strip) nothing comes.

    Args:
        file: The whole file, or a file that is open for reading at any place, which is closed in the end.
        forms: Which.
        limits: How much it may cost; the defaults of `MediaLimits` where None.

    Raises:
        MediaError: It cannot be seen: see `hedgerow.media.open_picture` and `hedgerow.media.video.open_video`.

    >>> file = BytesIO()
    >>> Image.new("RGB", (640, 480), "teal").save(file, "JPEG")
    >>> [(each.form, each.width, each.height) for each in render(file.getvalue(), ["tile", "strip", "full"])]
    [('tile', 320, 240), ('full', 640, 480)]
    """
    limits = limits or MediaLimits()
    opened = BytesIO(file) if isinstance(file, bytes) else file
    with opened:
        head = opened.read(HEAD_BYTES)
        opened.seek(0)
        media_type = sniff(head)
        if is_video(media_type):
            yield from _render_video(opened, forms, limits)
        elif media_type is None:
            raise MediaUnsupported(describe(media_type))
        else:
            yield from _render_picture(file if isinstance(file, bytes) else opened.read(), forms, limits)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _render_picture(data: bytes, forms: Sequence[str], limits: MediaLimits) -> Iterator[Rendition]:
    filtered = [form for form in forms if form in ("tile", "blurred")]
    if filtered:
        image = _first_look(data, limits, exact=False)
        cells = cells_of(image)
        for form in filtered:
            yield _written(form, _drawn(cells, image.size, _TILE_PX if form == "tile" else _BLURRED_PX))
    if "full" in forms:
        yield _written("full", _fitted(_first_look(data, limits, exact=True), _FULL_PX))


def _first_look(data: bytes, limits: MediaLimits, *, exact: bool) -> Image.Image:
    """Decode the first frame as a viewer would show it, upright and no larger than anybody needs."""
    frame = next(open_picture(data, limits, exact=exact).frames(), None)
    if frame is None:
        raise MediaDamaged("nothing of it can be decoded")
    pixels = frame.looks[0].pixels
    return _upright(_as_image(pixels, _FULL_PX if exact else _TILE_PX), pixels.orientation)


def _as_image(pixels: Pixels, longest: int) -> Image.Image:
    """Copy a raster strip by strip, reduced by a whole factor where it is more than twice as large as is wanted."""
    columns, rows = (-(-side // pixels.scale) for side in (pixels.width, pixels.height))
    factor = max(1, max(columns, rows) // longest)
    if factor == 1:
        return Image.fromarray(pixels.rows(0, rows))
    reduced: Image.Image | None = None
    for start in range(0, rows, factor * _STRIP_ROWS):
        strip = Image.fromarray(pixels.rows(start, min(start + factor * _STRIP_ROWS, rows))).reduce(factor)
        if reduced is None:
            reduced = Image.new(strip.mode, (strip.width, -(-rows // factor)))
        reduced.paste(strip, (0, start // factor))
    assert reduced is not None  # noqa: S101  (a picture has rows)
    return reduced


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    for turn in _TURNS.get(orientation, ()):
        image = image.transpose(turn)
    return image


def cells_of(image: Image.Image) -> Image.Image:
    """Reduce a picture to the few grey cells that are ever shown of it unasked.

    >>> cells_of(Image.new("RGB", (640, 480))).size, cells_of(Image.new("L", (5, 4000))).size
    ((24, 18), (1, 24))
    """
    columns, rows = _scaled(image.size, CELLS, least=1)
    return image.convert("L").resize((columns, rows), Image.Resampling.BOX)


def _drawn(cells: Image.Image, size: tuple[int, int], longest: int) -> Image.Image:
    """Draw cells smoothly at the size of a page."""
    smooth = cells.filter(ImageFilter.GaussianBlur(_SMOOTHING_CELLS))
    return smooth.resize(_scaled(size, longest, least=_LEAST_PX), Image.Resampling.BICUBIC)


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) <= longest:
        return image
    return image.resize(_scaled(image.size, longest, least=1), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _scaled(size: tuple[int, int], longest: int, *, least: int) -> tuple[int, int]:
    """Scale a size so that its longer side is `longest`, and the other at least `least`."""
    factor = longest / max(size)
    columns, rows = (max(least, round(side * factor)) for side in size)
    return columns, rows


def _written(form: str, image: Image.Image) -> Rendition:
    file = BytesIO()
    plain = image if image.mode in {"L", "RGB"} else image.convert("RGB")
    plain.info.clear()  # whatever the file said about itself
    plain.save(file, "WEBP", quality=_QUALITY, method=2, exif=b"", xmp=b"", icc_profile=None)
    return Rendition(form, file.getvalue(), *image.size)


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _render_video(file: BinaryIO, forms: Sequence[str], limits: MediaLimits) -> Iterator[Rendition]:
    frames = [_frame_image(each) for each in sample_video(file, STRIP_FRAMES, limits)]
    poster = frames[len(frames) // 2]  # the first frames of many videos are black
    for form in forms:
        if form == "strip":
            cells = (_drawn(cells_of(each), each.size, _STRIP_FRAME_PX) for each in frames)
            yield _written(form, _pasted(cells, len(frames)))
        elif form == "full":
            yield _written(form, _pasted((_fitted(each, _FULL_FRAME_PX) for each in frames), len(frames)))
        else:
            longest = _TILE_PX if form == "tile" else _BLURRED_PX
            yield _written(form, _drawn(cells_of(poster), poster.size, longest))


def _frame_image(frame: VideoFrame) -> Image.Image:
    columns, rows = _scaled(frame.size, min(_FULL_FRAME_PX, max(frame.size)), least=1)
    image = Image.fromarray(frame.luma(rows, columns).copy())
    return _upright(image, frame.orientation)


def _pasted(frames: Iterable[Image.Image], count: int) -> Image.Image:
    """Lay frames side by side, four in a row, in their order."""
    laid = list(frames)
    columns, rows = laid[0].size
    across = min(count, _STRIP_COLUMNS)
    sheet = Image.new("L", (across * columns, -(-count // across) * rows))
    for place, each in enumerate(laid):
        sheet.paste(each.resize((columns, rows)), (place % across * columns, place // across * rows))
    return sheet
