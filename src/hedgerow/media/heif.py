"""HEIC and HEIF by way of libheif; loaded only when such a picture arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from hedgerow.media.containers import heif_states_turning
from hedgerow.media.model import Look
from hedgerow.media.orientation import exif_orientation, xmp_orientation
from hedgerow.media.raster import ArrayPixels, looks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HeifImage", "looks_of_heif", "open_heif", "stated_orientation"]


class HeifImage(Protocol):
    """The part of pillow_heif's image that is used here."""

    size: tuple[int, int]
    mode: str
    info: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The pixels, decoded when first asked for."""
        ...

    def to_pillow(self) -> Any:  # noqa: ANN401  (a Pillow image)
        """Copy into a Pillow image."""
        ...


def open_heif(data: bytes) -> Sequence[HeifImage]:
    """Read the boxes of a file and return its pictures, the primary one first; no pixel is decoded yet."""
    import pillow_heif  # noqa: PLC0415  (a large library that few files need)

    container = pillow_heif.open_heif(data, convert_hdr_to_8bit=True, bgr_mode=False)
    pictures = list(cast("Sequence[HeifImage]", container))
    primary: int = container.primary_index
    return [*pictures[primary : primary + 1], *pictures[:primary], *pictures[primary + 1 :]]


def stated_orientation(picture: HeifImage, data: bytes) -> int:
    """Tell how a decoded picture must still be turned.

    libheif turns and mirrors as the file's own properties say; an EXIF orientation beside them says the same once more
    and must be ignored (ISO/IEC 23008-12, annex A). Without such properties viewers disagree; then we follow EXIF,
    because whoever hashes also looks at a turned picture as it is stored.
    """
    if heif_states_turning(data):
        return 1
    return exif_orientation(picture.info.get("exif")) or xmp_orientation(picture.info.get("xmp")) or 1


def looks_of_heif(picture: HeifImage, orientation: int = 1) -> tuple[Look, ...]:
    """Decode one picture."""
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    if picture.mode not in {"L", "RGB"}:
        return looks_of(picture.to_pillow(), orientation)
    pixels = np.frombuffer(picture.data, np.uint8)
    columns, rows = picture.size
    shape = (rows, columns) if picture.mode == "L" else (rows, columns, 3)
    return (Look("as is", ArrayPixels(pixels.reshape(shape), orientation)),)
