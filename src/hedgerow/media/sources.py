"""One source for each kind of picture file: what its header says, and its frames drawn one after the other.

Only Pillow's readers for the formats that we claim are ever reached, each by its own class: Pillow is never asked to
guess, so its readers for PostScript, FlashPix, Windows metafiles and the like see no untrusted byte.
"""

from __future__ import annotations

import struct
import warnings
from contextlib import contextmanager
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Protocol, cast

from PIL import Image, ImageFile

from hedgerow.errors import DecodeMemoryExceeded, MediaDamaged, MediaError, PictureTooLarge
from hedgerow.media.containers import gif_frames, png_orientation, png_without_notes, webp_size
from hedgerow.media.jpeg import JpegPicture, read_header, reduction
from hedgerow.media.lowpass import luma_plane, without_fine_waves
from hedgerow.media.model import Look, MediaLimits
from hedgerow.media.orientation import exif_orientation, xmp_orientation
from hedgerow.media.progressive import with_seen_scans
from hedgerow.media.raster import ArrayPixels, ImagePixels, Uncopied, digest_of, looks_of, uncopied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.media.heif import HeifImage

__all__ = ["Drawn", "Source", "decoding", "open_source"]

HEADER_FACTOR = 16
"""Headers that state more than this many times the limit of pixels are refused unread (`MediaLimits.pixels`)."""


class Drawn(Protocol):
    """One frame, decoded."""

    def digest(self) -> bytes:
        """Tell equal frames."""
        ...

    def looks(self) -> tuple[Look, ...]:
        """Give the ways to see it; they outlive the frame."""
        ...


class Source(Protocol):
    """One opened picture file."""

    type: str
    size: tuple[int, int]  # width and height as stored
    orientation: int
    frames: int
    is_truncated: bool
    may_have_more: bool  # frames may exist that are not counted yet
    has_memory_for_one: bool  # and for no second frame

    def draw(self) -> Iterator[Drawn]:
        """Decode frame after frame."""
        ...


@contextmanager
def decoding(limits: MediaLimits) -> Iterator[None]:
    """Turn whatever a decoder raises into one of our errors."""
    try:
        yield
    except MediaError:
        raise
    except MemoryError:
        raise DecodeMemoryExceeded(limits.memory_bytes) from None
    except Exception as error:  # noqa: BLE001  (see below)
        # Damaged data makes decoders raise all kinds of things: SyntaxError, KeyError, struct.error, zlib.error …
        # They have no common root, and this is the one edge at which none may pass.
        if "memory" in str(error).lower():
            raise DecodeMemoryExceeded(limits.memory_bytes) from None
        raise MediaDamaged(_plain(error)) from None


def _plain(error: Exception) -> str:
    """Say in our words what a decoder found; its own words may quote the file."""
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return "its data ends early"
    return "its data does not decode"


class _Quiet:
    """Silence Pillow's warnings, and nobody else's, while any thread decodes.

    The filters of `warnings` belong to the whole process. So the first thread to enter adds one filter that matches
    modules of Pillow alone, and the last to leave takes it away.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._saved: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._saved is not None:
                self._saved.__exit__(None, None, None)
                self._saved = None


_quiet = _Quiet()


def open_source(data: bytes, media_type: str, limits: MediaLimits, *, exact: bool) -> Source:
    """Open a picture of a type in `READERS`, read its header, and hold it against the limits.

    Raises:
        PictureTooLarge: The header states more pixels than the limits allow.
        DecodeMemoryExceeded: Decoding would take more memory than they allow.
        MediaDamaged: The header cannot be read.
        MediaUnsupported: A kind of it that no viewer shows.
    """
    with decoding(limits):
        return READERS[media_type](data, media_type, limits, exact)


def check(size: tuple[int, int], limits: MediaLimits, memory_bytes: int, cells: int | None = None) -> None:
    """Hold a header against the limits.

    Args:
        size: Width and height as stated.
        limits: The limits.
        memory_bytes: What decoding is estimated to take.
        cells: Cells of the raster that would be decoded, where it is reduced.
    """
    width, height = size
    pixels = width * height
    limit_pixels = limits.pixels
    if cells is None and Image.MAX_IMAGE_PIXELS is not None:
        # Some of Pillow's readers refuse more than twice this by themselves, so we never promise it.
        limit_pixels = min(limit_pixels, 2 * Image.MAX_IMAGE_PIXELS)
    if pixels > HEADER_FACTOR * limit_pixels or (pixels if cells is None else cells) > limit_pixels:
        raise PictureTooLarge(width, height, limit_pixels)
    if memory_bytes > limits.memory_bytes:
        raise DecodeMemoryExceeded(limits.memory_bytes)


class _JpegSource:
    """A JPEG: one frame, at full size or reduced."""

    type = "image/jpeg"
    frames = 1
    may_have_more = False
    has_memory_for_one = False

    def __init__(self, data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> None:  # noqa: FBT001  (as every reader)
        del media_type
        header = read_header(data)
        self.size = (header.width, header.height)
        self.orientation = header.orientation
        self.is_truncated = False
        self._scale, mode = reduction(header, exact=exact)
        cells = -(-header.width // self._scale) * -(-header.height // self._scale)
        check(self.size, limits, header.memory_bytes(self._scale, mode), cells)
        seen = data
        if mode == "L":
            seen = without_fine_waves(with_seen_scans(data, header, self._scale), header, self._scale)
        self._image = JpegPicture(seen, header, self._scale, mode)
        self._data: bytes | None = data
        self._header = header
        self._plane: NDArray[np.uint8] | None = None

    def draw(self) -> Iterator[Drawn]:
        data, self._data = self._data, None
        if data is not None and self._image.mode == "L":
            self._plane = luma_plane(data, self._header, self._scale)
        if self._plane is not None:  # as libjpeg would draw it, and whole
            yield self
            return
        self.is_truncated = _load(self._image) or self._image.is_truncated
        if self.is_truncated:
            _require_something(self._image)
        yield self

    def digest(self) -> bytes:
        return b""

    def looks(self) -> tuple[Look, ...]:
        if self._plane is not None:
            drawn = ArrayPixels(self._plane, self.orientation)
            (drawn.width, drawn.height), drawn.scale = self.size, self._scale
            return (Look("as is", drawn),)
        pixels = ImagePixels(self._image, size=self.size, scale=self._scale, orientation=self.orientation)
        return (Look("as is", pixels),)


class _Still:
    """One frame of a `_PillowSource`."""

    def __init__(self, image: Image.Image, orientation: int, shift: int, *, is_shared: bool) -> None:
        self._image = image
        self._orientation = orientation
        self._shift = shift
        self._is_shared = is_shared

    def digest(self) -> bytes:
        return digest_of(self._image)

    def looks(self) -> tuple[Look, ...]:
        # The next frame of an animation is drawn over this one.
        image = self._image.copy() if self._is_shared else self._image
        return looks_of(image, self._orientation, self._shift)


class _PillowSource:
    """A picture that Pillow opens, with as many frames as it has."""

    def __init__(self, image: ImageFile.ImageFile, media_type: str, frames: int, orientation: int) -> None:
        self._image = image
        self.type = media_type
        self.size = image.size
        self.frames = frames
        self.orientation = orientation
        self.is_truncated = False
        self.may_have_more = False
        self.has_memory_for_one = False

    def draw(self) -> Iterator[Drawn]:
        image = self._image
        with _quiet:
            self.is_truncated = _load(image)
        if self.is_truncated:
            _require_something(image)
        is_shared = (self.frames > 1 or self.may_have_more) and not self.has_memory_for_one
        yield _Still(image, self.orientation, self._shift(), is_shared=is_shared)
        index, drawn = 0, 1
        while not self.is_truncated and (self.may_have_more or index + 1 < self.frames):
            index += 1
            try:
                with _quiet:
                    image.seek(index)
                    if self._is_left_out():
                        continue
                    image.load()
            except EOFError:
                if not self.may_have_more:
                    self.is_truncated = True
                return
            drawn += 1
            self.frames = max(self.frames, drawn)
            yield _Still(image, self.orientation, self._shift(), is_shared=True)

    def _is_left_out(self) -> bool:
        """Whether the frame at hand is none that a viewer would show."""
        return False

    def _shift(self) -> int:
        """How many low bits of 16-bit pixels are dropped."""
        return 8


class _UncopiedSource(_PillowSource):
    """A WebP or AVIF: a still one is looked at in the bytes that its decoder gave."""

    def draw(self) -> Iterator[Drawn]:
        if self.frames == 1 and isinstance(self._image, Uncopied):
            with _quiet:
                decoded = self._image.decoded()
            if isinstance(decoded, ArrayPixels):
                decoded.orientation = self.orientation
                yield _Ready((Look("as is", decoded),))
                return
            if decoded is not None:
                yield _Still(decoded, self.orientation, 8, is_shared=False)
                return
        yield from super().draw()


class _Ready:
    """The only frame of a file, ready to be looked at."""

    def __init__(self, looks: tuple[Look, ...]) -> None:
        self._looks = looks

    def digest(self) -> bytes:
        return b""

    def looks(self) -> tuple[Look, ...]:
        return self._looks


class _TiffSource(_PillowSource):
    """A TIFF: its pages are its frames; how many there are is known only when all were visited."""

    _REDUCED_OR_MASK = 0b101  # TIFF 6.0, NewSubfileType: a smaller copy, a transparency mask
    _TWELVE_BITS = 1 << 12

    def __init__(self, data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> None:  # noqa: FBT001  (as every reader)
        del exact
        from PIL import TiffImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

        with _quiet:
            image = TiffImagePlugin.TiffImageFile(BytesIO(data), "")
        check(image.size, limits, _raster_bytes(image) * 2)  # libtiff's strips, and turning it upright
        # Pillow turns a TIFF upright itself, so nothing is left to be turned.
        super().__init__(image, media_type, 1, 1)
        self._tiff = image
        self._limits = limits
        self.may_have_more = bool(image.is_animated)

    def _is_left_out(self) -> bool:
        kind = self._tiff.tag_v2.get(254, 0)
        if isinstance(kind, int) and kind & self._REDUCED_OR_MASK:
            return True
        check(self._tiff.size, self._limits, _raster_bytes(self._tiff) * 2)
        return False

    def _shift(self) -> int:
        """Drop fewer bits where cameras and scanners left the high ones empty: 10 or 12 bits kept in 16."""
        if not self._tiff.mode.startswith("I;16"):
            return 8
        most = int(cast("tuple[float, float]", self._tiff.getextrema())[1])
        return max(most.bit_length() - 8, 0) if most < self._TWELVE_BITS else 8


def _png(data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> Source:  # noqa: FBT001  (as every reader)
    del media_type, exact
    from PIL import PngImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

    orientation = png_orientation(data)
    with _quiet:
        try:
            image = PngImagePlugin.PngImageFile(BytesIO(data), "")
        except (ValueError, SyntaxError):
            # Its notes are too large, too many or damaged, which changes nothing about what is seen.
            image = PngImagePlugin.PngImageFile(BytesIO(png_without_notes(data)), "")
    return _animation(image, "image/png", image.n_frames, orientation, limits)


def _gif(data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> Source:  # noqa: FBT001  (as every reader)
    del exact
    from PIL import GifImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

    with _quiet:
        image = GifImagePlugin.GifImageFile(BytesIO(data), "")
    return _animation(image, media_type, gif_frames(data), 1, limits)


def _animation(
    image: ImageFile.ImageFile, media_type: str, frames: int, orientation: int, limits: MediaLimits
) -> Source:
    """Hold a PNG or GIF against the limits; of an animation too large to compose, the first frame may still do."""
    check(image.size, limits, _raster_bytes(image))
    source = _PillowSource(image, media_type, frames, orientation)
    # Composing holds the last frame, this one, its copy and what to restore, of 4 bytes a pixel each.
    source.has_memory_for_one = frames > 1 and 16 * image.width * image.height > limits.memory_bytes
    return source


def _webp(data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> Source:  # noqa: FBT001  (as every reader)
    del exact
    from PIL import WebPImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

    size = webp_size(data)
    if size is None:
        raise MediaDamaged("it ends before it says how large it is")
    # libwebp's animation decoder keeps two canvases; its answer and Pillow's raster make four of 4 bytes each.
    check(size, limits, 16 * size[0] * size[1])
    image = uncopied(WebPImagePlugin.WebPImageFile)(BytesIO(data), "")
    check(image.size, limits, 16 * image.width * image.height)
    return _UncopiedSource(image, media_type, image.n_frames, _stated_orientation(image))


def _avif(data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> Source:  # noqa: FBT001  (as every reader)
    del exact
    from PIL import AvifImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

    image = uncopied(AvifImagePlugin.AvifImageFile)(BytesIO(data), "")
    # The decoder's planes (up to 16 bits), its RGB answer, and Pillow's raster.
    check(image.size, limits, 14 * image.width * image.height)
    return _UncopiedSource(image, media_type, image.n_frames, _stated_orientation(image))


def _bmp(data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> Source:  # noqa: FBT001  (as every reader)
    del exact
    from PIL import BmpImagePlugin  # noqa: PLC0415  (readers are loaded when first needed)

    image = BmpImagePlugin.BmpImageFile(BytesIO(data), "")
    check(image.size, limits, _raster_bytes(image) * 2)  # Pillow unpacks run lengths into a buffer first
    return _PillowSource(image, media_type, 1, 1)


class _HeifDrawn:
    """One picture of a HEIF file."""

    def __init__(self, picture: HeifImage, looks: tuple[Look, ...]) -> None:
        self._picture = picture
        self._looks = looks

    def digest(self) -> bytes:
        from hashlib import blake2b  # noqa: PLC0415  (only files with several pictures need it)

        return blake2b(self._picture.data, digest_size=16).digest()

    def looks(self) -> tuple[Look, ...]:
        return self._looks


class _HeifSource:
    """A HEIC or HEIF file: the primary picture, then any others of the first rank."""

    may_have_more = False
    has_memory_for_one = False

    def __init__(self, data: bytes, media_type: str, limits: MediaLimits, exact: bool) -> None:  # noqa: FBT001  (as every reader)
        del exact
        from hedgerow.media.heif import open_heif, stated_orientation  # noqa: PLC0415  (loads libheif)

        self.type = media_type
        self._limits = limits
        self._pictures = list(open_heif(data))
        self.frames = len(self._pictures)
        self.is_truncated = False
        self.size = self._pictures[0].size
        self.orientation = stated_orientation(self._pictures[0], data)
        self._check(self._pictures[0])

    def _check(self, picture: HeifImage) -> None:
        # The decoder's planes (up to 16 bits) and its RGB answer.
        check(picture.size, self._limits, 8 * picture.size[0] * picture.size[1])

    def draw(self) -> Iterator[Drawn]:
        from hedgerow.media.heif import looks_of_heif  # noqa: PLC0415  (loads libheif)

        while self._pictures:
            picture = self._pictures.pop(0)
            self._check(picture)
            looks = looks_of_heif(picture, self.orientation)
            yield _HeifDrawn(picture, looks)


READERS: dict[str, Callable[[bytes, str, MediaLimits, bool], Source]] = {
    "image/jpeg": _JpegSource,
    "image/png": _png,
    "image/apng": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/bmp": _bmp,
    "image/tiff": _TiffSource,
    "image/avif": _avif,
    "image/heic": _HeifSource,
    "image/heif": _HeifSource,
}
"""The media types that are decoded, and by what."""


def _stated_orientation(image: Image.Image) -> int:
    """Take the orientation from the metadata that a reader has found already."""
    return exif_orientation(image.info.get("exif")) or xmp_orientation(image.info.get("xmp")) or 1


def _raster_bytes(image: Image.Image) -> int:
    """Give the size of Pillow's raster of an image."""
    deep = {"I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2, "1": 1, "L": 1, "P": 1}
    return image.width * image.height * deep.get(image.mode, 4)


def _load(image: ImageFile.ImageFile) -> bool:
    """Decode an image, and return whether only a part of it could be decoded.

    A decoder that fails midway has filled the raster up to there, and Pillow still holds it.
    """
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, struct.error):
        if image._im is None:  # noqa: SLF001  (there is no public way to ask whether a raster exists)
            raise
        image.tile = []
        return True
    return False


def _require_something(image: Image.Image) -> None:
    """Refuse a partly decoded picture of which nothing was decoded: all its pixels are alike."""
    extrema = image.getextrema()
    pairs = cast("list[tuple[float, float]]", [extrema] if len(image.getbands()) == 1 else list(extrema))
    if all(low == high for low, high in pairs):
        raise MediaDamaged("nothing of it can be decoded")
