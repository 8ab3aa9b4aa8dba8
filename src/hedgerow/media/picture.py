"""Open untrusted bytes as a picture, inside limits."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from hedgerow.errors import MediaDamaged, MediaEmpty, MediaError, MediaTooLarge, MediaUnsupported
from hedgerow.media.model import Frame, MediaInfo, MediaLimits
from hedgerow.media.sniff import describe, sniff
from hedgerow.media.sources import READERS, decoding, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.media.sources import Source

__all__ = ["Picture", "open_picture"]

_FIRST_TURNED_ORIENTATION = 5  # EXIF orientations 5-8 swap rows and columns


class Picture:
    """A picture whose header was read and whose frames are decoded when asked for.

    Made by `open_picture`. `info` and `unchecked` are final once `frames` is exhausted.

    Attributes:
        info: What it is.
        unchecked: None, or why not all of it was given: ``truncated``, ``frame_limit``, ``time_limit`` or ``memory``,
            and a sentence.
    """

    def __init__(self, data: bytes, source: Source, limits: MediaLimits, *, exact: bool, until: float) -> None:
        self._data = data
        self._source: Source | None = source
        self._sniffed = source.type
        self._limits = limits
        self._is_exact = exact
        self._until = until
        self.unchecked: tuple[str, str] | None = None
        self.info = MediaInfo(source.type, *_upright(source), source.frames, source.orientation)

    def frames(self) -> Iterator[Frame]:
        """Decode the distinct frames one after the other; a still picture has one.

        JPEG pixels may be reduced (`Pixels.scale`) unless the picture was opened as exact. A frame that cannot be
        decoded ends the walk; all before it are good, and `unchecked` tells.

        Raises:
            MediaDamaged: Nothing decodes.
            DecodeMemoryExceeded: There was not enough memory.
        """
        if self._source is None:
            self._source = open_source(self._data, self._sniffed, self._limits, exact=self._is_exact)
            self._until = monotonic() + self._limits.seconds
        source, self._source = self._source, None
        seen: set[bytes] = set()
        given = 0
        drawn = source.draw()
        index = -1
        while True:
            stop = self._reason_to_stop(given, index, source)
            if stop:
                self.unchecked = stop
                break
            try:
                with decoding(self._limits):
                    each = next(drawn, None)
                    if each is None:
                        break
                    index += 1
                    if source.frames > 1 or source.may_have_more:
                        digest = each.digest()
                        if digest in seen:
                            continue
                        seen.add(digest)
                    frame = Frame(index, each.looks())
            except MediaError:
                if index < 0 or not given:
                    raise
                source.is_truncated = True
                break
            given += 1
            yield frame
        if not given:
            raise MediaDamaged("nothing of it can be decoded")
        self.info = replace(self.info, frames=max(source.frames, index + 1), is_truncated=source.is_truncated)
        if source.is_truncated and self.unchecked is None:
            self.unchecked = ("truncated", "The data ends early or is damaged: only a part could be decoded.")

    def _reason_to_stop(self, given: int, index: int, source: Source) -> tuple[str, str] | None:
        """Say why no further frame is decoded, if so; the first always is."""
        frames = source.frames
        if index < 0 or (index + 1 >= frames and not source.may_have_more):
            return None
        if source.has_memory_for_one:
            return ("memory", f"Only the first of {frames} frames was looked at: more would take too much memory.")
        known = f"{frames}" if not source.may_have_more else "all"
        if given >= self._limits.frames:
            return ("frame_limit", f"Only the first {given} distinct frames of {known} were looked at.")
        if monotonic() > self._until:
            limit = f"{self._limits.seconds:g} seconds"
            return ("time_limit", f"Only the first {index + 1} frames of {known} were looked at within {limit}.")
        return None


def open_picture(data: bytes, limits: MediaLimits | None = None, *, exact: bool = False) -> Picture:
    """Open bytes as a picture: its kind is told by content, its header read and held against the limits.

    Args:
        data: The whole file.
        limits: How much it may cost; the defaults of `MediaLimits` where None.
        exact: Decode JPEGs at full size and in colour, even where a reduced luma plane would do.

    Raises:
        MediaEmpty: There are no bytes.
        MediaTooLarge: There are more than the limit.
        MediaUnsupported: It is no picture, or of a kind that is not decoded.
        PictureTooLarge: The header states more pixels than the limit.
        DecodeMemoryExceeded: It would take more memory than the limit.
        MediaDamaged: The header cannot be read.

    >>> from io import BytesIO
    >>> from PIL import Image
    >>> file = BytesIO()
    >>> Image.new("RGB", (640, 480), "teal").save(file, "JPEG")
    >>> picture = open_picture(file.getvalue())
    >>> picture.info.type, picture.info.width, picture.info.height
    ('image/jpeg', 640, 480)
    >>> [(look.name, look.pixels.rows(0, 16).shape) for frame in picture.frames() for look in frame.looks]
    [('as is', (16, 640))]
    """
    limits = limits or MediaLimits()
    if not data:
        raise MediaEmpty
    if len(data) > limits.size_bytes:
        raise MediaTooLarge(len(data), limits.size_bytes)
    until = monotonic() + limits.seconds
    media_type = sniff(data[:4096])
    if media_type not in READERS:
        raise MediaUnsupported(describe(media_type))
    source = open_source(data, media_type, limits, exact=exact)
    return Picture(data, source, limits, exact=exact, until=until)


def _upright(source: Source) -> tuple[int, int]:
    """Give the width and height that a viewer sees."""
    width, height = source.size
    return (height, width) if source.orientation >= _FIRST_TURNED_ORIENTATION else (width, height)
