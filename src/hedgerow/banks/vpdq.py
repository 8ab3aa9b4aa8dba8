"""Read and write lists of frames as they circulate, and tell a TMK signal.

    vPDQ's tool               0,100,<hex>,0.000      frame number, quality, PDQ, seconds: a line a frame, a file a video
    python-threatexchange     ["<hex>,100,0.0", …]   PDQ, quality, seconds; also seconds before quality
    ours                      base64 of the packed list (`hedgerow.hashing.frame_list`)

Columns are told by what they hold, since every order of them is about: the PDQ is what has 64 hex digits; frame
numbers rise; a quality is a whole number up to 100; times do not fall. A list made once a second knows each frame at
one moment only, so a frame read from these ends when it begins; see `hedgerow.matching.videos.standing_s`.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from base64 import b64decode, b64encode
from itertools import permutations
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hedgerow.banks.rules import MOST_FRAMES
from hedgerow.errors import InvalidSignal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "TMK_MAGIC",
    "about_tmk",
    "is_frame_line",
    "packed_text",
    "read_frame_lines",
    "read_video",
    "vpdq_json",
    "vpdq_lines",
    "vpdq_signal",
]

_HASH = re.compile(r"[0-9a-fA-F]{64}")
_WHOLE = re.compile(r"[0-9]{1,10}")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_FRAME_LINE = re.compile(rf" *(?:[0-9.eE+]+ *, *){{0,3}}{_HASH.pattern}(?: *, *[0-9.eE+-]+)+ *")
_NAMES: Final = {
    "frame": "frame",
    "frame_number": "frame",
    "frame_no": "frame",
    "quality": "quality",
    "hash": "hash",
    "hex": "hash",
    "hash_hex": "hash",
    "pdq": "hash",
    "pdq_hash": "hash",
    "time": "time",
    "timestamp": "time",
    "time_s": "time",
}
# Lines by which the order of the columns is told.
_SAMPLE: Final = 1_000
_ORDERS: Final[dict[int, list[tuple[str, ...]]]] = {
    3: [("quality", "time"), ("time", "quality")],
    4: [("frame", "quality", "time"), *permutations(("frame", "quality", "time"))],
}
"""For so many columns, the orders of those beside the hash, the usual one first."""

# ``f"{seconds:.3}"``: python-threatexchange writes three significant digits, 754 as 754.0 but 1234.5 as 1.23e+03.
_DIGITS: Final = 3

_LARGEST_QUALITY: Final = 100
_LONGEST_S: Final = 1e6
"""Eleven days: what is more is no time in a video but a date, in seconds since 1970."""


class _Frame(NamedTuple):
    bits: bytes
    quality: int
    number: int | None
    time_s: float


def vpdq_signal(frames: FrameList, made_by: str = "") -> Signal:
    """Return a list of frames as a signal."""
    return Signal("vpdq", frames.digest(), made_by=made_by, frames=frames)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_frame_line(line: str) -> bool:
    """Tell whether a line looks like one of a vPDQ text file, or like its header.

    >>> is_frame_line("0,100," + "0f" * 32 + ",0.000"), is_frame_line("frame,quality,hash,timestamp")
    (True, True)
    >>> is_frame_line("pdq," + "0f" * 32)
    False
    """
    # without frame numbers the same names head tables of pictures
    return _FRAME_LINE.fullmatch(line) is not None or "frame" in (_header(line) or ())


def _header(line: str) -> list[str] | None:
    names = [_NAMES.get(cell.strip().strip('"').lower().replace(" ", "_"), "") for cell in line.split(",")]
    return names if len(names) == len(set(names)) and {"quality", "hash", "time"} <= set(names) else None


def read_frame_lines(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str | FrameList]]:
    """Read the lines of a vPDQ text file: give what is wrong with a line, and at last the list of the others.

    Args:
        lines: Each with its number; comments and blank lines left out.
    """
    rows: list[tuple[int, list[str]]] = []
    order: list[str] | None = None
    for number, line in lines:
        if order is None and not rows and (order := _header(line)) is not None:
            continue
        if len(rows) == MOST_FRAMES:
            yield number, f"it has more than {MOST_FRAMES:,} frames"
            return
        rows.append((number, [cell.strip() for cell in line.split(",")]))
    if not rows:
        return
    order = order or _order([cells for _, cells in rows[:_SAMPLE]])
    if order is None:
        yield from ((number, "it is no frame of a video") for number, _ in rows)
        return
    frames: list[_Frame] = []
    texts: list[str] = []
    for number, cells in rows:
        frame = _frame(cells, order)
        if isinstance(frame, str):
            yield number, frame
        elif frames and frame.time_s < frames[-1].time_s:
            yield number, "its time is before that of the frame above it"
        else:
            frames.append(frame)
            texts.append(cells[order.index("time")])
    if frames:
        yield rows[0][0], _listed(frames, texts)


def _order(rows: Sequence[list[str]]) -> list[str] | None:
    """Return the order of the columns in which the most rows make sense, of equals the usual one."""
    best: list[str] | None = None
    most = (0, 0)
    for columns, orders in _ORDERS.items():
        for at in range(columns):
            for each in orders:
                order = [*each[:at], "hash", *each[at:]]
                fitting = _fitting(rows, order)
                if fitting[0] and fitting > most:
                    best, most = order, fitting
    return best


def _fitting(rows: Sequence[list[str]], order: list[str]) -> tuple[int, int]:
    """Count the rows that make sense after the one before (a number rises, a time does not fall), and rising times."""
    fitting, rising, last_number, last_time = 0, 0, -1, -1.0
    for cells in rows:
        frame = _frame(cells, order)
        if isinstance(frame, str):
            continue
        is_after = frame.time_s >= last_time and (frame.number is None or frame.number > last_number)
        fitting += is_after
        rising += frame.time_s > last_time
        last_time = frame.time_s
        last_number = -1 if frame.number is None else frame.number
    return fitting, rising


def _frame(cells: Sequence[str], order: Sequence[str]) -> _Frame | str:
    if len(cells) != len(order):
        return f"it has not the {len(order)} cells that a frame has"
    row = dict(zip(order, cells, strict=True))
    if not _HASH.fullmatch(row["hash"]):
        return "its hash has not 64 hex digits"
    if not _WHOLE.fullmatch(row["quality"]) or int(row["quality"]) > _LARGEST_QUALITY:
        return "its quality is no whole number from 0 to 100"
    if not _NUMBER.fullmatch(row["time"]) or float(row["time"]) > _LONGEST_S:
        return "its time is no number of seconds"
    number = None
    if "frame" in row:
        if not _WHOLE.fullmatch(row["frame"]) or int(row["frame"]) >= 1 << 32:
            return "its frame number is none"
        number = int(row["frame"])
    return _Frame(bytes.fromhex(row["hash"]), int(row["quality"]), number, float(row["time"]))


def _listed(frames: Sequence[_Frame], times: Sequence[str]) -> FrameList:
    times_s = _unrounded(np.array([frame.time_s for frame in frames]), times)
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    numbers = [place if frame.number is None else frame.number for place, frame in enumerate(frames)]
    bits = np.frombuffer(b"".join(frame.bits for frame in frames), np.uint8)
    qualities = [frame.quality for frame in frames]
    return FrameList.of(bits, qualities, numbers, times_s, times_s, float(times_s[-1]) + step)


def _unrounded(times_s: NDArray[np.float64], texts: Sequence[str]) -> NDArray[np.float64]:
    """Undo three significant digits where the times are those of a steady step: 1.23e+03 is any of ten seconds."""
    precise = np.flatnonzero(times_s < 10.0 ** (_DIGITS - 1))
    is_rounded = any("e" in text or "E" in text for text in texts) and len(precise) > 1
    if not is_rounded:
        return times_s
    step = (times_s[precise[-1]] - times_s[precise[0]]) / (len(precise) - 1)
    steady = times_s[0] + step * np.arange(len(times_s))
    grain = 10.0 ** (np.floor(np.log10(np.maximum(times_s, 1.0))) - (_DIGITS - 1))
    is_steady = step > 0 and bool((np.abs(steady - times_s) <= grain).all())
    return steady if is_steady else times_s


def vpdq_lines(frames: FrameList) -> Iterator[str]:
    r"""Write a list as vPDQ's tool does: a line for each frame, with its end.

    >>> frames = FrameList.of([15] * 32, [100], [30], [1.0], [1.0], 2.0)
    >>> next(vpdq_lines(frames)).replace("0f" * 32, "<64 digits>")
    '30,100,<64 digits>,1.000\n'
    """
    for bits, quality, number, time_s in zip(
        frames.bits, frames.qualities.tolist(), frames.numbers.tolist(), frames.times_s.tolist(), strict=True
    ):
        yield f"{number},{quality},{bits.tobytes().hex()},{time_s:.3f}\n"


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def vpdq_json(frames: FrameList) -> str:
    """Write a list as python-threatexchange does, but with milliseconds."""
    rows = zip(frames.bits, frames.qualities.tolist(), frames.times_s.tolist(), strict=True)
    return json.dumps([f"{bits.tobytes().hex()},{quality},{time_s:.3f}" for bits, quality, time_s in rows])


def packed_text(frames: FrameList) -> str:
    """Write a list so that nothing is lost: base64 of the packed list."""
    return b64encode(frames.packed()).decode("ascii")


def read_video(value: object, frames: object = None) -> Signal | str:
    """Read a video from a row of a table or a JSON object, or say why it is none.

    Args:
        value: Its digest, or in its place the frames; may be missing.
        frames: A list of frames in python-threatexchange's spelling, or of objects, or our packed text.
    """
    is_digest = isinstance(value, str) and _HASH.fullmatch(value.strip()) is not None
    if frames in (None, ""):
        frames = None if is_digest else value
    if frames in (None, ""):
        return "a vpdq signal without frames"
    if isinstance(frames, str) and not frames.lstrip().startswith("["):
        listed = _unpacked(frames)
        if not isinstance(listed, str) and is_digest and bytes.fromhex(str(value)) != listed.digest():
            return "its value is not the digest of its frames"
    else:
        listed = _read_frames(frames)
    return listed if isinstance(listed, str) else vpdq_signal(listed)


def _read_frames(frames: object) -> FrameList | str:
    if isinstance(frames, str):
        try:
            frames = json.loads(frames)
        except (ValueError, RecursionError):
            return "its frames are no JSON"
    if not isinstance(frames, list) or not frames:
        return "its frames are no list"
    if len(frames) > MOST_FRAMES:
        return f"it has more than {MOST_FRAMES:,} frames"
    lines = [_line(frame) for frame in frames]
    rows = [line for line in lines if line is not None]
    if len(rows) != len(lines):
        return "one of its frames is none"
    for _, read in read_frame_lines(enumerate(rows)):
        if isinstance(read, str):
            return f"one of its frames is none: {read}"
        return read
    return "its frames are no list"


def _line(frame: object) -> str | None:
    """Return a frame of a JSON list as a line of cells."""
    if isinstance(frame, str):
        return frame
    if isinstance(frame, dict):
        named = {_NAMES[key]: value for key, value in frame.items() if key in _NAMES}
        frame = [named[name] for name in ("frame", "quality", "hash", "time") if name in named]
    if isinstance(frame, list) and all(isinstance(cell, str | int | float) for cell in frame):
        return ",".join(str(cell) for cell in frame)
    return None


def _unpacked(text: str) -> FrameList | str:
    try:
        return FrameList.unpack(b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError, InvalidSignal):
        return "its frames are no packed list"


# ── TMK ──────────────────────────────────────────────────────────────────────────────────────────────────────────

TMK_MAGIC: Final = b"TMK1FVECPDQF"
_TMK_HEADER: Final = struct.Struct("<12s5i")  # magic; frames a second, periods, coefficients, numbers in each, frames
_TMK_BYTES: Final = 263_344
"""4 periods, 32 coefficients, 256 numbers a feature (ThreatExchange, ``tmk/cpp/io/tmkio.h``)."""


def about_tmk(data: bytes) -> str:
    """Say what a file is that begins as a TMK signal does, and what to do.

    Args:
        data: All of it, or a byte more than it may have.
    """
    if len(data) != _TMK_BYTES:
        return f"it begins as a TMK signal of a video does, but has not its {_TMK_BYTES:,} bytes"
    _, rate, _, _, _, frames = _TMK_HEADER.unpack_from(data)
    length_s = frames / rate if rate > 0 else 0
    return (
        f"it is the TMK signal of a video of {length_s:.0f} seconds, by which Hedgerow does not match: ask "
        "whoever made it for the video's vPDQ list"
    )
