"""The program that makes tiles: ``python -m hedgerow.scanning.tiles_worker OPTIONS`` (`hedgerow.media.sandbox`).

It decodes one file and answers with at most 16 × 16 grey values; nothing finer ever leaves it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.errors import MediaError
from hedgerow.media import MediaLimits, open_picture, read_media
from hedgerow.media.sandbox_worker import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hedgerow.media import Pixels
    from hedgerow.media.sandbox_worker import Request

__all__ = ["TILE_SIZE", "main", "tile_luma"]

# Pixels on the longer side: enough to tell a landscape from a portrait. A face needs about 16 pixels of its
# own (Bachmann, "Identification of spatially quantised tachistoscopic images of faces", 1991); the page blurs on top.
TILE_SIZE = 16

# Rec. 601 luma in 256ths, as PDQ's.
_LUMA = np.array([77, 150, 29], np.uint16)


def tile_luma(pixels: Pixels) -> NDArray[np.uint8]:
    """Average a picture down to a tile: (rows, columns) grey values, upright, 16 on the longer side at most."""
    rows, columns = -(-pixels.height // pixels.scale), -(-pixels.width // pixels.scale)
    largest = max(rows, columns)
    high = max(1, min(rows, round(rows * TILE_SIZE / largest)))
    wide = max(1, min(columns, round(columns * TILE_SIZE / largest)))
    starts = np.arange(wide) * columns // wide
    widths = np.diff(starts, append=columns)
    tile = np.empty((high, wide), np.uint8)
    for row in range(high):
        start, stop = row * rows // high, (row + 1) * rows // high
        total = np.zeros(wide)
        for top in range(start, stop, 64):  # in strips: a picture of any height costs a few rows of memory
            strip = pixels.rows(top, min(stop, top + 64))
            is_colour = strip.ndim == 3  # noqa: PLR2004  (rows, columns, colours)
            grey = (strip @ _LUMA) >> 8 if is_colour else strip
            total += np.add.reduceat(grey.sum(axis=0, dtype=np.uint32), starts)
        tile[row] = total / widths / (stop - start)
    return _upright(tile, pixels.orientation)


def _upright(tile: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn a tile by its EXIF orientation (CIPA DC-008, 4.6.4): 5 to 8 swap the axes, the rest is mirroring."""
    if orientation >= 5:  # noqa: PLR2004  (see above)
        tile = tile.T
    if orientation in {3, 4, 7, 8}:
        tile = tile[::-1]
    if orientation in {2, 3, 6, 7}:
        tile = tile[:, ::-1]
    return np.ascontiguousarray(tile)


def _answer(limits: MediaLimits, request: Request) -> Iterator[dict[str, Any]]:
    try:
        picture = open_picture(read_media(request.body["path"], limits), limits)
        frame = next(iter(picture.frames()))
        tile = tile_luma(frame.looks[0].pixels)
    except (MediaError, StopIteration):
        yield {"done": True}  # no tile: the report says elsewhere what is wrong with the file
        return
    yield {"height": tile.shape[0], "width": tile.shape[1], "luma": tile.tobytes().hex(), "done": True}


def main() -> None:
    """Serve until the parent goes away."""
    limits = MediaLimits(**json.loads(sys.argv[1]))
    serve(lambda request: _answer(limits, request))


if __name__ == "__main__":
    main()
