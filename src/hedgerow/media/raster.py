"""Pixels of a Pillow image, read strip by strip as a viewer would see them."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, TypeVar, cast

from PIL import Image, ImageFile

from hedgerow.media.model import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL._imaging import PixelAccess

__all__ = ["ArrayPixels", "ImagePixels", "Uncopied", "digest_of", "looks_of", "uncopied"]

WHITE = 255
BLACK = 0
_SIXTEEN_BITS = 0xFFFF

_STRIP_CELLS = 1 << 18
"""Cells of a strip where this file itself walks a picture: 1 MiB of RGBA, which stays in a second-level cache."""

_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_GREY_MODES = frozenset({"L", "1", "LA", "La", *_DEEP_MODES})


class ArrayPixels:
    """Pixels that a decoder gave as one array."""

    def __init__(self, array: NDArray[np.uint8], orientation: int = 1) -> None:
        self._array = array
        self.height: int = array.shape[0]
        self.width: int = array.shape[1]
        self.scale = 1
        self.orientation = orientation

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return rows ``start:stop``, without a copy."""
        return self._array[start:stop]


class ImagePixels:
    """Pixels of a Pillow image, converted to what a viewer sees while they are read.

    Args:
        image: A loaded image of any mode that Pillow has.
        ground: What shows through where the picture is transparent: `WHITE`, `BLACK`, or None to ignore transparency.
        size: Full size (width, height), where the image was decoded at a reduced scale.
        scale: That scale's denominator.
        orientation: EXIF orientation 1-8.
        shift: How many low bits of a 16-bit picture are dropped to leave 8.
    """

    def __init__(
        self,
        image: Image.Image,
        ground: int | None = None,
        *,
        size: tuple[int, int] | None = None,
        scale: int = 1,
        orientation: int = 1,
        shift: int = 8,
    ) -> None:
        self._image = image
        self._columns, self._rows = image.size
        self.width, self.height = size or image.size
        self.scale = scale
        self.orientation = orientation
        self.is_grey = image.mode in _GREY_MODES
        self._is_plain = False
        self._whole: NDArray[np.uint8] | None = None
        self._read: Callable[[Image.Image], NDArray[np.uint8]]
        if ground is not None and "transparency" not in image.info and image.mode in {"RGBA", "LA"}:
            self._read = lambda strip: _as_array(_laid_over(strip, ground))
        elif ground is not None:
            self._read = lambda strip: _as_array(_laid_over(_with_alpha(strip), ground))
        elif image.mode in _DEEP_MODES:
            self._read = _deep_reader(image, shift)
        elif image.mode in {"L", "RGB", "RGBX"}:
            self._is_plain = True
            self._read = _as_array
        else:
            self._read = lambda strip: _as_array(_without_alpha(strip))

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return raster rows ``start:stop``: (rows, columns) luma or (rows, columns, 3) RGB, read-only."""
        start, stop = max(start, 0), min(stop, self._rows)
        if self._is_plain:
            if self._rows * self._columns > _KEPT_CELLS:
                return _packed(self._image, start, stop)
            if self._whole is None:  # small: packed once, whatever the number of strips and of variants
                self._whole = _packed(self._image, 0, self._rows)
            return self._whole[start:stop]
        if start == 0 and stop == self._rows:
            return self._read(self._image)
        return self._read(self._image.crop((0, start, self._columns, stop)))

    def strips(self) -> Iterator[NDArray[np.uint8]]:
        """Walk the whole raster in strips of a size that suits the cache."""
        step = max(1, _STRIP_CELLS // self._columns)
        for start in range(0, self._rows, step):
            yield self.rows(start, min(start + step, self._rows))


_KEPT_CELLS = 1_000_000
"""Rasters up to this size are kept packed (1 MB of luma, 3 MB of RGB) beside the image."""


class Uncopied(ImageFile.ImageFile):
    """Mixed into a reader of Pillow whose decoder gives the raster as bytes (WebP, AVIF), to take these as they are.

    Such a reader ends `load` by having Pillow copy the bytes into an image. For 2 megapixels this takes 6 ms, as
    much as hashing them. Here it is put off until somebody needs that image: see `decoded`.
    """

    _is_put_off = False

    def load(self) -> PixelAccess | None:
        """Load as ever, unless `decoded` asks."""
        return None if self._is_put_off else super().load()

    def decoded(self) -> Image.Image | ArrayPixels | None:
        """Decode, and give the decoder's own bytes to be looked at; None where the reader does not work like that."""
        file = self.fp
        self._is_put_off = True
        try:
            self.load()
        finally:
            self._is_put_off = False
        if len(self.tile) != 1 or self.fp is file or not isinstance(self.fp, BytesIO):
            return None
        codec, box, offset, settings = self.tile[0]
        mode = settings if isinstance(settings, str) else ""
        columns, rows = self.size
        data = self.fp.getvalue()  # the very bytes that the reader put there
        if codec != "raw" or box != (0, 0, columns, rows) or offset or len(data) != columns * rows * len(mode):
            return None
        if mode == "RGB":
            import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

            return ArrayPixels(np.frombuffer(data, np.uint8).reshape(rows, columns, 3))
        return Image.frombuffer(mode, self.size, data, "raw", mode, 0, 1) if mode in {"RGBA", "RGBX"} else None


_Reader = TypeVar("_Reader", bound=ImageFile.ImageFile)


@cache
def uncopied(reader: type[_Reader]) -> type[_Reader]:
    """Mix `Uncopied` into a reader: it comes behind the reader and before what the reader calls to copy."""
    return cast("type[_Reader]", type(f"Uncopied{reader.__name__}", (reader, Uncopied), {}))


def looks_of(image: Image.Image, orientation: int = 1, shift: int = 8) -> tuple[Look, ...]:
    """Give the ways in which a loaded image may be seen: one, or up to three where transparency matters.

    >>> [look.name for look in looks_of(Image.new("RGBA", (2, 2), (9, 8, 7, 6)))]
    ['as is', 'over black', 'transparency ignored']
    >>> [look.name for look in looks_of(Image.new("RGBA", (2, 2), (9, 8, 7, 255)))]
    ['as is']
    """

    def pixels(ground: int | None) -> ImagePixels:
        return ImagePixels(image, ground, orientation=orientation, shift=shift)

    ignored = pixels(None)
    if _is_opaque(image):
        return (Look("as is", ignored),)
    over_white, over_black = pixels(WHITE), pixels(BLACK)
    looks = [Look("as is", over_white), Look("over black", over_black)]
    if not _are_equal(ignored, over_white) and not _are_equal(ignored, over_black):
        looks.append(Look("transparency ignored", ignored))
    return tuple(looks)


def digest_of(image: Image.Image) -> bytes:
    """Digest the pixels of a loaded image, so that equal frames are told without being kept."""
    from hashlib import blake2b  # noqa: PLC0415  (only animations need it)

    columns, rows = image.size
    digest = blake2b(f"{image.mode} {columns} {rows}".encode(), digest_size=16)
    if image.mode in {"P", "PA"}:
        digest.update(bytes(image.getpalette() or ()))
        digest.update(repr(image.info.get("transparency")).encode())
    step = max(1, _STRIP_CELLS // columns)
    for start in range(0, rows, step):
        digest.update(image.crop((0, start, columns, min(start + step, rows))).tobytes())
    return digest.digest()


def _is_opaque(image: Image.Image) -> bool:
    """Whether no pixel lets anything shine through."""
    transparency = image.info.get("transparency")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        return cast("tuple[int, int]", image.getchannel(image.getbands()[-1]).getextrema())[0] == WHITE
    if transparency is None or image.mode not in {"1", "L", "P", "RGB", "I;16"}:
        return True
    if image.mode == "P":
        counts = image.histogram()
        if isinstance(transparency, bytes):
            return not any(count and alpha < WHITE for count, alpha in zip(counts, transparency, strict=False))
        return not (0 <= transparency < len(counts) and counts[transparency])
    columns, rows = image.size
    step = max(1, _STRIP_CELLS // columns)
    for start in range(0, rows, step):
        alpha = _with_alpha(image.crop((0, start, columns, min(start + step, rows)))).getchannel("A")
        if cast("tuple[int, int]", alpha.getextrema())[0] < WHITE:
            return False
    return True


def _are_equal(one: ImagePixels, other: ImagePixels) -> bool:
    """Whether two views of one image hold the same values."""
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    if one.is_grey != other.is_grey:
        return False
    return all(np.array_equal(a, b) for a, b in zip(one.strips(), other.strips(), strict=True))


def _with_alpha(strip: Image.Image) -> Image.Image:
    """Give transparency its own channel, whichever way the format keeps it."""
    if strip.mode in {"RGBA", "LA"}:
        return strip
    if strip.mode == "La":
        return strip.convert("LA")
    if strip.mode in {"L", "1"}:
        return strip.convert("L").convert("LA") if strip.mode == "1" and not _key(strip) else _keyed(strip)
    if strip.mode == "I;16":
        return _keyed_deep(strip)
    return strip.convert("RGBA")


def _key(strip: Image.Image) -> bool:
    return "transparency" in strip.info


def _keyed(strip: Image.Image) -> Image.Image:
    """Turn one grey level that stands for transparent (PNG's tRNS) into an alpha channel."""
    level = strip.info.get("transparency")
    grey = strip.convert("L")
    grey.info.pop("transparency", None)
    if isinstance(level, bytes):
        level = int.from_bytes(level[:2], "big")
    if strip.mode == "1" and level == 1:
        level = WHITE
    alpha = grey.point([BLACK if value == level else WHITE for value in range(256)])
    return Image.merge("LA", (grey, alpha))


def _keyed_deep(strip: Image.Image) -> Image.Image:
    """Do the same for a 16-bit grey picture, whose key has 16 bits."""
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    deep = np.asarray(strip)
    grey = Image.fromarray((deep >> 8).astype(np.uint8))
    alpha = Image.fromarray(np.where(deep == strip.info["transparency"], BLACK, WHITE).astype(np.uint8))
    return Image.merge("LA", (grey, alpha))


def _laid_over(strip: Image.Image, ground: int) -> Image.Image:
    """Lay a strip with alpha over a plain ground."""
    mode = strip.mode.rstrip("A") or "L"
    base = Image.new(mode, strip.size, ground if mode == "L" else (ground, ground, ground))
    base.paste(strip.getchannel("L") if mode == "L" else strip.convert("RGB"), mask=strip.getchannel("A"))
    return base


def _without_alpha(strip: Image.Image) -> Image.Image:
    """Convert any mode to L or RGB, colours as stored wherever they are transparent."""
    if strip.mode in {"1", "LA", "La"}:
        return strip.convert("L") if strip.mode == "1" else strip.getchannel("L")
    if strip.mode == "P":
        plain = strip.copy() if "transparency" in strip.info else strip
        plain.info.pop("transparency", None)  # Pillow warns of transparency that gets lost
        return plain.convert("RGB")
    if strip.mode == "RGBa":
        strip = strip.convert("RGBA")
    return strip.convert("RGB")


def _as_array(strip: Image.Image) -> NDArray[np.uint8]:
    """Copy an L or RGB image into an array."""
    return _packed(strip, 0, strip.height)


def _packed(image: Image.Image, start: int, stop: int) -> NDArray[np.uint8]:
    """Copy rows of a loaded L, RGB or RGBX image into an array, as `crop` and `tobytes` do together.

    Pillow's raw encoder, given the rows, packs them in one go: 9 ms for 12 megapixels, where cropping (which copies)
    and `tobytes` (which joins pieces of 64 KiB) take 25 to 70.
    """
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    columns = image.width
    packing = "L" if image.mode == "L" else "RGB"
    shape = (stop - start, columns) if packing == "L" else (stop - start, columns, 3)
    if stop <= start:
        return np.empty(shape, np.uint8)
    size_bytes = (stop - start) * columns * len(packing)
    encoder = Image._getencoder(image.mode, "raw", (packing,))  # noqa: SLF001  (as tobytes itself does)
    encoder.setimage(image.im, (0, start, columns, stop))
    _, status, packed = encoder.encode(size_bytes)
    if status < 0 or len(packed) != size_bytes:
        packed = image.crop((0, start, columns, stop)).tobytes("raw", packing)
    return np.frombuffer(packed, np.uint8).reshape(shape)


def _deep_reader(image: Image.Image, shift: int) -> Callable[[Image.Image], NDArray[np.uint8]]:
    """Choose how the values of a 16-bit, 32-bit or floating-point picture become 8 bits.

    16 bits lose their low byte, as viewers do it. 32-bit whole numbers and floats have no agreed white: values that
    fit 8 or 16 bits are taken as such, floats from 0 to 1 as that range, anything else from its least to its greatest.
    """
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    if image.mode.startswith("I;16"):

        def read(strip: Image.Image) -> NDArray[np.uint8]:
            values: NDArray[np.uint8] = np.minimum(np.asarray(strip) >> shift, WHITE).astype(np.uint8)
            return values

        return read
    low, high = (float(value) for value in cast("tuple[float, float]", image.getextrema()))
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= WHITE:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= _SIXTEEN_BITS and image.mode == "I":
        low, high = 0.0, float(_SIXTEEN_BITS)
    factor = WHITE / (high - low) if np.isfinite(high - low) and high > low else 0.0

    def read_scaled(strip: Image.Image) -> NDArray[np.uint8]:
        values = np.nan_to_num(np.asarray(strip, dtype=np.float64), posinf=high, neginf=low)
        return np.clip((values - low) * factor, 0, WHITE).astype(np.uint8)

    return read_scaled
