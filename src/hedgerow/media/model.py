"""The nouns of media: what a file is, its limits, and the pixels that a viewer would see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Frame", "Look", "MediaInfo", "MediaLimits", "Pixels"]


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """How much one piece of untrusted media may cost.

    Attributes:
        size_bytes: Largest file that is decoded (digests are streamed and have no such limit).
        pixels: Most pixels in one decoded raster. For JPEG the raster is the reduced one, so that a photograph far
            larger than this is still hashed; headers that state more than sixteen times this are refused unread.
        frames: Most distinct frames hashed of one animation.
        seconds: Most wall-clock seconds for one piece of media.
        memory_bytes: Most memory that a decoding process may take, beyond what it needs to start.
        video_seconds: Most wall-clock seconds for one video, of which what was seen until then is kept.
        video_duration_s: Most seconds of a video's own time that are looked at.
        video_frames: Most frames kept of one video.
    """

    size_bytes: int = 512 * 1024**2
    pixels: int = 100_000_000
    frames: int = 256
    seconds: float = 8.0
    memory_bytes: int = 768 * 1024**2
    video_seconds: float = 600.0
    video_duration_s: float = 24 * 3600.0
    video_frames: int = 200_000


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a piece of media is, as far as its bytes tell.

    Attributes:
        type: Media type by content, never by name: ``image/jpeg``, ``image/png`` …
        width: Columns that a viewer sees (orientation applied).
        height: Rows that a viewer sees.
        frames: Frames in it; 1 for a still picture.
        orientation: EXIF orientation 1–8 that was applied (1 = none).
        is_truncated: Whether the data ends early, so that only a part could be decoded.
        duration_s: Length of a video in seconds, as stated until its frames were walked; None for a picture, and where
            nothing is stated.
    """

    type: str
    width: int
    height: int
    frames: int = 1
    orientation: int = 1
    is_truncated: bool = False
    duration_s: float | None = None


class Pixels(Protocol):
    """A decoded raster that is read in strips, so that nobody needs a second copy of a large picture.

    The raster is as stored; a viewer turns it by `orientation`. A JPEG may have been decoded at 1/2, 1/4 or 1/8:
    then each raster cell stands for `scale` × `scale` pixels of the stored picture (fewer at the right and bottom
    edge), and the raster has ceil(height / scale) rows and ceil(width / scale) columns.
    """

    @property
    def height(self) -> int:
        """Rows of the stored picture at full size."""
        ...

    @property
    def width(self) -> int:
        """Columns of the stored picture at full size."""
        ...

    @property
    def scale(self) -> int:
        """Full-size pixels per raster cell and axis: 1, 2, 4 or 8."""
        ...

    @property
    def orientation(self) -> int:
        """EXIF orientation 1–8: how the stored raster must be turned to stand upright."""
        ...

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return raster rows ``start:stop``, C-contiguous: (rows, columns) luma or (rows, columns, 3) RGB."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One way in which a viewer may see a frame.

    Attributes:
        name: ``as is``; for a frame with transparency that matters also ``over black`` and
            ``transparency ignored`` (``as is`` is then over white).
        pixels: What is seen.
    """

    name: str
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Frame:
    """One distinct picture of a still or an animation.

    Attributes:
        index: Position in the file, from 0.
        looks: The ways to see it, ``as is`` first.
    """

    index: int
    looks: tuple[Look, ...]
