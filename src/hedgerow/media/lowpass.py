"""The reduced luma plane of an ordinary JPEG, by our own compiled decoder where it is loaded; else libjpeg's job.

At 1/8 nearly all of libjpeg's time goes into decoding Huffman symbols that are then thrown away. The kernels
(`hedgerow.media.lowpass_kernels`) skip them several at a time. Their plane equals libjpeg's bit for bit, and they take
only what leaves no doubt: baseline frames with luma, one whole scan, no damage. `luma_plane` declines everything else.

Loading them costs about a second (Numba, LLVM, the cached machine code), and some ten where nothing is cached. So the
bytes that libjpeg decodes are counted, and once they add up to what loading costs, a thread in the background loads
the kernels; until they are ready, and where they cannot be had, nothing changes. `prepare` loads them at once.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.media.jpeg import JpegHeader

__all__ = ["luma_plane", "prepare"]

WORTH_LOADING_BYTES = 48 * 1024**2
"""What libjpeg decodes in the second that loading takes (measured: 1.8 MB in 31 ms)."""

LARGEST_BYTES = 128 * 1024**2
"""Larger files are libjpeg's: the kernels need a second copy of the data."""

_LOADING_BYTES = 256 * 1024**2
"""Address space that Numba, LLVM and the cached kernels take (measured: 191 MiB)."""
_LEFT_BYTES = 256 * 1024**2
"""Address space that must then be left for decoding, where it is limited."""

SCALE = 8
"""The one scale that the kernels know. (At 1/4 they would take as long as libjpeg: there most symbols count.)"""

_FRAMES = (0xC0, 0xC1)
_PRECISION = 8
_START_OF_IMAGE = b"\xff\xd8"
_DHT, _SOS, _DQT, _DRI = 0xC4, 0xDA, 0xDB, 0xDD
_PASSED_OVER = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn and comments
_LONGEST = 65500  # JPEG_MAX_DIMENSION of jmorecfg.h
_MOST_BLOCKS = 10  # of an MCU: T.81, B.2.3

_log = logging.getLogger(__name__)
_lock = threading.Lock()


class _DeclinedError(Exception):
    """Raised and caught in here: this file is libjpeg's."""


class _AbandonedError(Exception):
    """Raised and caught in here: the process ends while the kernels are being compiled."""


@dataclass(slots=True)
class _Outcome:
    """What this process knows about the kernels."""

    kernels: ModuleType | None = None
    was_tried: bool = False
    caches: bool = True
    is_ending: bool = False
    decoded_bytes: int = 0
    loader: threading.Thread | None = field(default=None, repr=False)


_outcome = _Outcome()


def cache_is_usable() -> bool:
    """Tell the kernels, before each is compiled, whether to use Numba's cache on disk."""
    if _outcome.is_ending:
        raise _AbandonedError
    return _outcome.caches


def prepare() -> bool:
    """Load the kernels now (a second, some ten the first time); return whether they can be had.

    In a process whose files or memory are limited they are loaded only from a cache, and only where they fit.
    """
    return _load() is not None


def _load() -> ModuleType | None:
    with _lock:
        if not _outcome.was_tried:
            is_confined = _is_confined()
            if not is_confined or (_is_cached() and _fits()):
                _outcome.kernels = _import_kernels(caches=True)
                if _outcome.kernels is None and not is_confined:
                    _outcome.kernels = _import_kernels(caches=False)
            _outcome.was_tried = True
        return _outcome.kernels


def _import_kernels(*, caches: bool) -> ModuleType | None:
    _outcome.caches = caches
    try:
        # Every kernel is compiled or read from the cache in here, so that whatever is wrong shows now.
        return importlib.import_module("hedgerow.media.lowpass_kernels")
    except Exception as problem:  # noqa: BLE001  (a damaged cache can raise anything; what follows is slower, not wrong)
        # A process that decodes untrusted media keeps quiet, and speed is all that is lost.
        _log.debug("JPEG kernels cannot be loaded (cache: %s): %s", caches, type(problem).__name__)
        return None


def _load_in_background() -> None:
    """Start the thread that loads, once.

    Never in a sandbox: what the kernels take of its memory would be missing to some later picture, and the same file
    would be answered differently early and late in a scan. Its program calls `prepare` before it limits itself.
    """
    with _lock:
        if _outcome.was_tried or _outcome.loader is not None:
            return
        if _is_confined():
            _outcome.was_tried = True
            return
        _outcome.loader = threading.Thread(target=_load, name="hedgerow-jpeg-kernels", daemon=True)
    atexit.register(_end_loading)
    try:
        _outcome.loader.start()
    except RuntimeError:  # no thread can be had: no kernels then
        _outcome.was_tried = True


def _end_loading() -> None:
    """Wait for the kernel at hand: a thread that is inside LLVM when the process ends would crash it."""
    _outcome.is_ending = True
    if _outcome.loader is not None and _outcome.loader.ident is not None:
        _outcome.loader.join()


def _is_confined() -> bool:
    """Whether this process may not write files or has limited memory, as in our sandbox."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return False
    unlimited = resource.RLIM_INFINITY
    return any(resource.getrlimit(kind)[0] != unlimited for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_AS))


def _is_cached() -> bool:
    """Whether Numba's cache holds these kernels as they are now (where it keeps them, beside the module or as told)."""
    source = Path(__file__).with_name("lowpass_kernels.py")
    told = os.environ.get("NUMBA_CACHE_DIR")
    try:
        changed = source.stat().st_mtime
        indexes = [
            *(source.parent / "__pycache__").glob("lowpass_kernels.draw-*.nbi"),
            *(Path(told).glob("*/lowpass_kernels.draw-*.nbi") if told else ()),
        ]
        return any(each.stat().st_mtime >= changed for each in indexes)
    except OSError:
        return False


def _fits() -> bool:
    """Whether the address space allowed leaves room for decoding once the kernels are loaded."""
    import resource  # noqa: PLC0415  (not on Windows, where nothing is confined)

    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed == resource.RLIM_INFINITY:
        return True
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (no path object needed)
            held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return False
    return allowed - held >= _LOADING_BYTES + _LEFT_BYTES


def luma_plane(data: bytes, header: JpegHeader, scale: int) -> NDArray[np.uint8] | None:
    """Decode a JPEG's luma at 1/scale, exactly as libjpeg would.

    Args:
        data: The file.
        header: What it states; its first component must be luma.
        scale: The denominator.

    Returns:
        uint8 (ceil(height / scale), ceil(width / scale)); None where libjpeg must decode: the kernels are not loaded
        (yet), or they do not know the scale or the kind of file, or the file is damaged in any way.
    """
    if scale != SCALE or header.frame not in _FRAMES or not header.has_luma or len(data) > LARGEST_BYTES:
        return None
    kernels = _outcome.kernels
    if kernels is None:
        if not _outcome.was_tried:
            _outcome.decoded_bytes += len(data)  # a lost update between threads only delays loading
            if _outcome.decoded_bytes >= WORTH_LOADING_BYTES:
                _load_in_background()
        return None
    try:
        scan = _read_scan(data)
        if (scan.width, scan.height) != (header.width, header.height):
            return None
        return _decode(kernels, data, scan)
    except (_DeclinedError, MemoryError):
        return None


@dataclass(slots=True)
class _Scan:
    """What the markers state.

    Attributes:
        width: Columns.
        height: Rows.
        sampling: Horizontal and vertical factor of each component.
        codes: For each component its DC and its AC codes, each as 16 counts and then the symbols.
        step: Luma's quantisation step for DC.
        restart: MCUs between restart markers, or 0.
        start: Where the entropy-coded data begins.
    """

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    codes: tuple[tuple[bytes, bytes], ...]
    step: int
    restart: int
    start: int


def _read_scan(data: bytes) -> _Scan:
    """Read the markers up to the scan, more strictly than any decoder need be."""
    huffman: dict[int, bytes] = {}
    steps: dict[int, int] = {}
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


def _read_steps(segment: bytes, steps: dict[int, int]) -> None:
    """Read quantisation steps (T.81, B.2.4.1)."""
    while segment:
        size = 1 + (segment[0] >> 4)
        table = segment[1 : 1 + 64 * size]
        found = tuple(int.from_bytes(table[at : at + size], "big") for at in range(0, len(table), size))
        # libjpeg keeps steps in 16 bits with a sign on some machines
        if segment[0] & 0xEF > 3 or len(table) != 64 * size or not all(0 < each < 1 << 15 for each in found):  # noqa: PLR2004  (as stated there)
            raise _DeclinedError
        steps[segment[0] & 15] = found[0]
        segment = segment[1 + 64 * size :]


def _scan_of(
    frame: bytes,
    scan: bytes,
    huffman: dict[int, bytes],
    steps: dict[int, int],
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
        step = steps[frame[8]]
        for each in frame[8::3]:
            steps[each]  # libjpeg wants every table to be there
    except KeyError:
        raise _DeclinedError from None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if not 0 < height <= _LONGEST or not 0 < width <= _LONGEST:
        raise _DeclinedError
    return _Scan(width, height, sampling, codes, step, restart, start)


@lru_cache(maxsize=8)
def _tables(codes: tuple[tuple[bytes, bytes], ...]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Build the tables of all components, equal ones once; most cameras always write the same codes."""
    import numpy as np  # noqa: PLC0415  (keeps the import of this room light)

    kernels = importlib.import_module("hedgerow.media.lowpass_kernels")  # loaded, or nobody would ask
    rows = np.frombuffer(b"".join(part for pair in codes for part in pair), np.uint8).reshape(-1, 272)
    tables = np.zeros((len(codes), 2 * kernels.ENTRIES), np.int32)
    for component in range(len(codes)):
        if component < 2 or codes[component] != codes[1]:  # noqa: PLR2004  (the second chroma component)
            kernels.build_tables(rows, 2 * component, 2 * component + 1, component == 0, tables[component])
    tables = tables.reshape(-1)
    tables.flags.writeable = False
    return rows, tables


def _decode(kernels: ModuleType, data: bytes, scan: _Scan) -> NDArray[np.uint8]:
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
    rows, tables = _tables(scan.codes)
    pattern = [blocks]
    for component, (columns_of_mcu, rows_of_mcu) in enumerate(scan.sampling):
        table = 1 if component == 2 and scan.codes[2] == scan.codes[1] else component  # noqa: PLR2004  (as in _tables)
        pattern += [table * 2 * kernels.ENTRIES, 2 * component, 2 * component + 1] * (columns_of_mcu * rows_of_mcu)
    plane = np.empty((mcu_rows * down, mcu_columns * across), np.uint8)
    shape = np.array([mcu_rows, mcu_columns, across, down, scan.restart])
    status = kernels.draw(bits, bounds, tables, np.array(pattern), rows, shape, scan.step, plane)
    if status:
        raise _DeclinedError
    return np.ascontiguousarray(plane[: -(-scan.height // SCALE), : -(-scan.width // SCALE)])
