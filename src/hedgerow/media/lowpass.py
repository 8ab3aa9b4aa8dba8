"""The reduced luma plane of an ordinary JPEG, by our own compiled decoder where it is loaded; else libjpeg's job.

At 1/8 nearly all of libjpeg's time goes into decoding Huffman symbols that are then thrown away. The kernels
(`hedgerow.media.lowpass_kernels`) skip them several at a time. Their plane equals libjpeg's bit for bit, and they take
only what leaves no doubt: baseline frames with luma, one whole scan, no damage. `luma_plane` declines everything else.

At 1/4 a cell of libjpeg's depends on 16 coefficients, and there are few symbols to skip. PDQ sees only the four lowest
of them. `without_fine_waves` makes libjpeg see no others (they are multiplied by a step of 0), and so the same plane is
drawn whether the kernels are loaded or not.

When they are loaded: `hedgerow.media.compiled`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hedgerow.media.compiled import CompiledKernels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.media.jpeg import JpegHeader

__all__ = ["SCALES", "luma_plane", "prepare", "without_fine_waves"]

LARGEST_BYTES = 128 * 1024**2
"""Larger files are libjpeg's: the kernels need a second copy of the data."""

SCALES = (8, 4)
"""The scales that the kernels know."""

_MEANS, _LOW_WAVES = SCALES
_LOW = (0, 1, 2, 4)
"""Which coefficients count at 1/4, in zigzag order: those of no and of half a wave across and down."""

_FRAMES = (0xC0, 0xC1)
_PRECISION = 8
_START_OF_IMAGE = b"\xff\xd8"
_DHT, _SOS, _DQT, _DRI = 0xC4, 0xDA, 0xDB, 0xDD
_PASSED_OVER = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn and comments
_BEFORE_A_SCAN = _PASSED_OVER | {_DHT, _DQT, _DRI, *_FRAMES}
_LONGEST = 65500  # JPEG_MAX_DIMENSION of jmorecfg.h
_MOST_BLOCKS = 10  # of an MCU: T.81, B.2.3
_COEFFICIENTS = 64


class _DeclinedError(Exception):
    """Raised and caught in here: this file is libjpeg's."""


KERNELS = CompiledKernels("hedgerow.media.lowpass_kernels", "draw", 48 * 1024**2)
"""Counted in bytes: what libjpeg decodes in the second that loading takes (measured: 1.8 MB in 31 ms)."""


def prepare() -> bool:
    """Load the kernels now (a second, some ten the first time); return whether they can be had."""
    return KERNELS.prepare()


def luma_plane(data: bytes, header: JpegHeader, scale: int) -> NDArray[np.uint8] | None:
    """Decode a JPEG's luma at 1/scale, exactly as libjpeg would decode what `without_fine_waves` gives.

    Args:
        data: The file.
        header: What it states; its first component must be luma.
        scale: The denominator.

    Returns:
        uint8 (ceil(height / scale), ceil(width / scale)); None where libjpeg must decode: the kernels are not loaded
        (yet), or they do not know the scale or the kind of file, or the file is damaged in any way.
    """
    if not _is_ours(data, header, scale):
        return None
    kernels = KERNELS.after(len(data))
    if kernels is None:
        return None
    try:
        scan = _read_scan(data)
        if (scan.width, scan.height) != (header.width, header.height):
            return None
        return _decode(kernels, data, scan, scale)
    except (_DeclinedError, MemoryError):
        return None


def without_fine_waves(data: bytes, header: JpegHeader, scale: int) -> bytes:
    """Return a JPEG of which libjpeg draws the same luma plane at 1/scale as the kernels do.

    At 1/4 the steps of luma's finer coefficients become 0. What is no ordinary JPEG stays as it is, and so it does at
    other scales.

    Args:
        data: The file.
        header: What it states.
        scale: The denominator.
    """
    if scale != _LOW_WAVES or not _is_ours(data, header, scale):
        return data
    pieces, taken = [], 0
    try:
        segments = list(_step_segments(data))
    except _DeclinedError:
        return data
    for start, stop in segments:
        pieces += [data[taken:start], _coarse_steps(data[start:stop], header.luma_steps)]
        taken = stop
    return b"".join([*pieces, data[taken:]])


def _is_ours(data: bytes, header: JpegHeader, scale: int) -> bool:
    return scale in SCALES and header.frame in _FRAMES and header.has_luma and len(data) <= LARGEST_BYTES


def _step_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the segments of quantisation steps lie, up to the first scan."""
    position = 2
    while True:
        if data[position : position + 1] != b"\xff" or len(data) < position + 4:
            raise _DeclinedError
        marker = data[position + 1]
        if marker == _SOS:
            return
        stop = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker not in _BEFORE_A_SCAN or not position + 4 <= stop <= len(data):
            raise _DeclinedError
        if marker == _DQT:
            yield position + 4, stop
        position = stop


def _coarse_steps(segment: bytes, table: int) -> bytes:
    """Return a segment of quantisation steps (T.81, B.2.4.1) of which one table has only those that count at 1/4."""
    pieces = []
    while segment:
        size = 1 + (segment[0] >> 4)
        own, segment = segment[: 1 + _COEFFICIENTS * size], segment[1 + _COEFFICIENTS * size :]
        if own[0] & 15 == table:
            kept = (own[1 + size * each : 1 + size * (each + 1)] if each in _LOW else bytes(size) for each in range(5))
            own = (own[:1] + b"".join(kept)).ljust(len(own), b"\0")[: len(own)]
        pieces.append(own)
    return b"".join(pieces)


@dataclass(slots=True)
class _Scan:
    """What the markers state.

    Attributes:
        width: Columns.
        height: Rows.
        sampling: Horizontal and vertical factor of each component.
        codes: For each component its DC and its AC codes, each as 16 counts and then the symbols.
        steps: Luma's quantisation steps, those of `_LOW`.
        restart: MCUs between restart markers, or 0.
        start: Where the entropy-coded data begins.
    """

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    codes: tuple[tuple[bytes, bytes], ...]
    steps: tuple[int, ...]
    restart: int
    start: int


def _read_scan(data: bytes) -> _Scan:
    """Read the markers up to the scan, more strictly than any decoder need be."""
    huffman: dict[int, bytes] = {}
    steps: dict[int, tuple[int, ...]] = {}
    frame = b""
    restart = 0
    position = 2 if data.startswith(_START_OF_IMAGE) else len(data)
    while True:
        if data[position : position + 1] != b"\xff" or len(data) < position + 4:
            raise _DeclinedError
        marker = data[position + 1]
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : position + 2 + length]
        if length < 2 or len(segment) != length - 2:  # noqa: PLR2004  (its own two bytes)
            raise _DeclinedError
        position += 2 + length
        if marker == _SOS:
            return _scan_of(frame, segment, huffman, steps, restart, position)
        if marker == _DHT:
            _read_codes(segment, huffman)
        elif marker == _DQT:
            _read_steps(segment, steps)
        elif marker == _DRI and length == 4:  # noqa: PLR2004  (B.2.4.4)
            restart = int.from_bytes(segment, "big")
        elif marker in _FRAMES and not frame:
            frame = segment
        elif marker not in _PASSED_OVER:
            raise _DeclinedError


def _read_codes(segment: bytes, huffman: dict[int, bytes]) -> None:
    """Read Huffman codes (T.81, B.2.4.2); no code may be all ones, as libjpeg has it (jdhuff.c)."""
    while segment:
        counts = segment[1:17]
        total = sum(counts)
        symbols = segment[17 : 17 + total]
        if segment[0] & 0xEF > 3 or len(counts) != 16 or total > 256 or len(symbols) != total:  # noqa: PLR2004  (as stated there)
            raise _DeclinedError
        code = 0
        for length, count in enumerate(counts, 1):
            code += count
            if code >= 1 << length:
                raise _DeclinedError
            code <<= 1
        if not segment[0] >> 4 and total and max(symbols) > 15:  # noqa: PLR2004  (bits of a DC difference)
            raise _DeclinedError
        huffman[segment[0]] = counts + symbols.ljust(256, b"\0")
        segment = segment[17 + total :]


def _read_steps(segment: bytes, steps: dict[int, tuple[int, ...]]) -> None:
    """Read quantisation steps (T.81, B.2.4.1)."""
    while segment:
        size = 1 + (segment[0] >> 4)
        table = segment[1 : 1 + 64 * size]
        found = table if size == 1 else [int.from_bytes(table[at : at + 2], "big") for at in range(0, len(table), 2)]
        # libjpeg keeps steps in 16 bits with a sign on some machines
        if segment[0] & 0xEF > 3 or len(table) != 64 * size or not min(found) or max(found) >= 1 << 15:  # noqa: PLR2004  (as stated there)
            raise _DeclinedError
        steps[segment[0] & 15] = tuple(found[each] for each in _LOW)
        segment = segment[1 + 64 * size :]


def _scan_of(
    frame: bytes,
    scan: bytes,
    huffman: dict[int, bytes],
    steps: dict[int, tuple[int, ...]],
    restart: int,
    start: int,
) -> _Scan:
    """Put a frame header (T.81, B.2.2) and the scan header (B.2.3) together."""
    if len(frame) not in {9, 15} or frame[0] != _PRECISION:
        raise _DeclinedError
    count = frame[5]
    if len(frame) != 6 + 3 * count or len(scan) != 4 + 2 * count or scan[0] != count or scan[-3:] != b"\0\x3f\0":
        raise _DeclinedError
    ids = frame[6::3]
    sampling = tuple((each >> 4, each & 15) for each in frame[7::3])
    choices = scan[2 : 2 + 2 * count : 2]
    if len(set(ids)) != count or scan[1 : 1 + 2 * count : 2] != ids:
        raise _DeclinedError
    if any(not 1 <= each <= 4 for pair in sampling for each in pair):  # noqa: PLR2004  (B.2.2)
        raise _DeclinedError
    if sampling[0] != (max(pair[0] for pair in sampling), max(pair[1] for pair in sampling)):
        raise _DeclinedError
    if count == 1:
        sampling = ((1, 1),)  # a lone component is not interleaved (A.2.2)
    if sum(across * down for across, down in sampling) > _MOST_BLOCKS:
        raise _DeclinedError
    try:
        codes = tuple((huffman[each >> 4], huffman[16 + (each & 15)]) for each in choices)
        luma_steps = steps[frame[8]]
        for each in frame[8::3]:
            steps[each]  # libjpeg wants every table to be there
    except KeyError:
        raise _DeclinedError from None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if not 0 < height <= _LONGEST or not 0 < width <= _LONGEST:
        raise _DeclinedError
    return _Scan(width, height, sampling, codes, luma_steps, restart, start)


@lru_cache(maxsize=8)
def _tables(
    codes: tuple[tuple[bytes, bytes], ...], *, is_low: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int32], tuple[int, ...]]:
    """Build the tables of all components, equal ones once; most cameras always write the same codes.

    Returns:
        The codes, one row each; the tables, one after the other; where those of each component begin.
    """
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    kernels = importlib.import_module("hedgerow.media.lowpass_kernels")  # loaded, or nobody would ask
    rows = np.frombuffer(b"".join(part for pair in codes for part in pair), np.uint8).reshape(-1, 272)
    places: list[int] = []
    tables: list[NDArray[np.int32]] = []
    for component in range(len(codes)):
        if component == 2 and codes[2] == codes[1]:  # noqa: PLR2004  (the second chroma component)
            places.append(places[1])
            continue
        places.append(sum(len(each) for each in tables))
        dc, ac = 2 * component, 2 * component + 1
        if is_low and component == 0:
            tables.append(np.zeros(3 * kernels.ENTRIES, np.int32))
            kernels.build_low_tables(rows, dc, ac, tables[-1])
        else:
            tables.append(np.zeros(2 * kernels.ENTRIES, np.int32))
            kernels.build_tables(rows, dc, ac, component == 0, tables[-1])
    joined = np.concatenate(tables)
    joined.flags.writeable = False
    return rows, joined, tuple(places)


def _decode(kernels: ModuleType, data: bytes, scan: _Scan, scale: int) -> NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    across, down = scan.sampling[0]
    mcu_rows, mcu_columns = -(-scan.height // (8 * down)), -(-scan.width // (8 * across))
    mcus = mcu_rows * mcu_columns
    # Every block takes two bits or more, so that a small file cannot ask for a large plane.
    blocks = sum(pair[0] * pair[1] for pair in scan.sampling)
    if mcus * blocks > 4 * (len(data) - scan.start):
        raise _DeclinedError
    bounds = np.zeros(1 + (-(-mcus // scan.restart) if scan.restart else 1), np.int64)
    octets = np.frombuffer(data, np.uint8)
    bits = np.empty(len(data) - scan.start + kernels.PADDING, np.uint8)
    if kernels.unstuff(octets, scan.start, bits, bounds) < 0:
        raise _DeclinedError
    is_low = scale == _LOW_WAVES
    rows, tables, places = _tables(scan.codes, is_low=is_low)
    pattern = [blocks]
    for component, (columns_of_mcu, rows_of_mcu) in enumerate(scan.sampling):
        pattern += [places[component], 2 * component, 2 * component + 1] * (columns_of_mcu * rows_of_mcu)
    cells = 8 // scale
    plane = np.empty((mcu_rows * down * cells, mcu_columns * across * cells), np.uint8)
    shape = np.array([mcu_rows, mcu_columns, across, down, scan.restart])
    if is_low:
        steps = np.array(scan.steps)
        status = kernels.draw_low(bits, bounds, tables, np.array(pattern), rows, shape, steps, plane)
    else:
        status = kernels.draw(bits, bounds, tables, np.array(pattern), rows, shape, scan.steps[0], plane)
    if status:
        raise _DeclinedError
    return np.ascontiguousarray(plane[: -(-scan.height // scale), : -(-scan.width // scale)])
