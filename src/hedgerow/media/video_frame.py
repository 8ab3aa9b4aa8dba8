"""One frame of a video: when it is shown, and its luma at the size that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np

from hedgerow.media.raster import ArrayPixels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from av import VideoFrame as DecodedFrame
    from av.sidedata.sidedata import SideData
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

__all__ = ["VideoFrame", "orientation_of"]

_MATRIX_NUMBERS: Final = 9
"""A display matrix has nine numbers (ISO/IEC 14496-12, 6.2.2): a b u, c d v, x y w."""

_PROBE_ROWS, _PROBE_COLUMNS = 48, 64
"""`VideoFrame.probe` looks at about so many cells: 0.01 ms."""


class VideoFrame:
    """One frame as it is shown.

    Attributes:
        number: Its place in the video, from 0, counting every frame that is shown.
        time_s: When it is shown, in seconds after the first.
        orientation: How to turn it upright, 1-8 as EXIF numbers it.
    """

    __slots__ = ("_decoded", "_reformatter", "number", "orientation", "time_s")

    def __init__(
        self, decoded: DecodedFrame, reformatter: VideoReformatter, number: int, time_s: float, orientation: int
    ) -> None:
        self._decoded = decoded
        self._reformatter = reformatter
        self.number = number
        self.time_s = time_s
        self.orientation = orientation

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows as stored."""
        return self._decoded.width, self._decoded.height

    def luma(self, most_rows: int | None = None, most_columns: int | None = None) -> NDArray[np.uint8]:
        """Return the luma as stored, full range, by FFmpeg's area scaler from what the decoder gave (its Y plane).

        Args:
            most_rows: Reduce to so many rows, if there are more.
            most_columns: Likewise.

        Returns:
            uint8 (rows, columns); a view, whose rows may lie apart.
        """
        columns, rows = self.size
        rows, columns = min(rows, most_rows or rows), min(columns, most_columns or columns)
        grey = self._reformatter.reformat(self._decoded, columns, rows, "gray", interpolation="AREA")
        return _lines(grey)[:rows, :columns]

    def pixels(self) -> ArrayPixels:
        """Return the luma at full size as `hedgerow.media.Pixels`."""
        return ArrayPixels(self.luma(), self.orientation)

    def probe(self) -> NDArray[np.int16]:
        """Return a few cells of the first plane as the decoder gave it: enough to notice that the picture changes."""
        lines = _lines(self._decoded)
        return lines[:: max(1, len(lines) // _PROBE_ROWS), :: max(1, lines.shape[1] // _PROBE_COLUMNS)].astype(np.int16)


def _lines(decoded: DecodedFrame) -> NDArray[np.uint8]:
    """Return the first plane's bytes, (rows, bytes of a line)."""
    plane = decoded.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, abs(plane.line_size))


def orientation_of(decoded: DecodedFrame) -> int:
    """Read how a frame is to be turned from its display matrix, as EXIF numbers it; 1 where it has none.

    A point (p, q) of the stored picture is shown at (a·p + c·q, b·p + d·q). Turns that are no quarter turns (nobody
    makes them) count as the nearest.
    """
    # PyAV's types know one kind of side data only, and no other than by a literal name.
    for each in cast("Iterable[SideData]", decoded.side_data):
        if each.type.name == "DISPLAYMATRIX":
            matrix = np.frombuffer(memoryview(each), np.int32)
            if len(matrix) >= _MATRIX_NUMBERS:
                return _orientation(*(int(matrix[at]) for at in (0, 1, 3, 4)))
    return 1


def _orientation(a: int, b: int, c: int, d: int) -> int:
    """Return the EXIF orientation of the matrix (a b; c d).

    >>> one = 1 << 16
    >>> _orientation(one, 0, 0, one), _orientation(0, one, -one, 0), _orientation(0, -one, one, 0)
    (1, 6, 8)
    """
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}[a < 0, d < 0]
    return {(False, False): 5, (False, True): 6, (True, True): 7, (True, False): 8}[b < 0, c < 0]
