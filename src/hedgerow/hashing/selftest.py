"""Reproduce published vectors on this machine: its NumPy, its decoders, its processor.

The vectors lie in ``hashing/vectors``; its SOURCES.md says where each comes from. Pictures for the PDQ vectors are made
by integer arithmetic, so that they are the same everywhere; the encoded files check the decoders.
"""

from __future__ import annotations

import base64
import csv
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.errors import HedgerowError
from hedgerow.hashing.digests import digest_bytes
from hedgerow.hashing.examine import hash_bytes
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.pdq import ArrayPixels, bits, coefficients, dihedral, pdq, small_picture
from hedgerow.hashing.signal import AS_IS, Signal
from hedgerow.hashing.video_grid import Grid
from hedgerow.media import MediaLimits, open_picture, read_media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hedgerow.hashing.pdq import FrontEnd

__all__ = ["VectorResult", "check_golden_file", "run_vectors", "synthetic_picture"]


@dataclass(frozen=True, slots=True)
class VectorResult:
    """What came of one vector.

    Attributes:
        name: Which vector.
        source: Who published it.
        distance: Bits between what is expected and what was computed; None when it could not be computed.
        tolerance: How many bits may differ.
        problem: Why it could not be computed, or what else differs (the quality); empty when all is well.
    """

    name: str
    source: str
    distance: int | None
    tolerance: int
    problem: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether this machine reproduces the vector."""
        return not self.problem and self.distance is not None and self.distance <= self.tolerance


def synthetic_picture(width: int, height: int, seed: int, channels: int = 3) -> NDArray[np.uint8]:
    """Make a picture of soft blobs by integer arithmetic alone, so that every machine makes the same one.

    Args:
        width: Columns.
        height: Rows.
        seed: Any non-negative number.
        channels: 3 for RGB, 1 for luma.

    Returns:
        uint8 (height, width, 3), or (height, width) for one channel.

    >>> synthetic_picture(6, 2, seed=1, channels=1).shape
    (2, 6)
    """
    planes = []
    for channel in range(channels):
        plane = np.zeros((height, width), np.int64)
        for octave, (grid, share) in enumerate(((5, 4), (13, 2), (37, 1))):
            knots = _random_knots(grid, (seed * 31 + channel) * 7 + octave)
            plane += share * _stretch(_stretch(knots, height).T, width).T
        planes.append((plane // 7).astype(np.uint8))
    return planes[0] if channels == 1 else np.stack(planes, axis=-1)


def _random_knots(grid: int, seed: int) -> NDArray[np.int64]:
    state, values = seed + 1, []
    for _ in range(grid * grid):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64  # Knuth's MMIX generator
        values.append(state >> 56)
    return np.array(values, np.int64).reshape(grid, grid)


def _stretch(knots: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Interpolate the first axis linearly to ``size`` rows, in whole numbers."""
    place = np.arange(size) * (len(knots) - 1) * 1024 // max(1, size)
    whole, part = place // 1024, (place % 1024)[:, None]
    following = np.minimum(whole + 1, len(knots) - 1)
    return (knots[whole] * (1024 - part) + knots[following] * part) // 1024


def run_vectors() -> Iterator[VectorResult]:
    """Check every vector that Hedgerow carries."""
    vectors = json.loads(files("hedgerow.hashing").joinpath("vectors", "vectors.json").read_text("utf-8"))
    for vector in vectors["pictures"]:
        yield from _picture_results(vector)
    for vector in vectors["files"]:
        yield _file_result(vector)
    for vector in vectors["reduced frames"]:
        yield _reduced_frame_result(vector)
    for vector in vectors["frame lists"]:
        yield _frame_list_result(vector)
    for vector in vectors["digests"]:
        got = digest_bytes(vector["text"].encode("ascii"), [vector["type"]])[0]
        yield _compare(f"{vector['type']} of {vector['text'][:12]!r}", vector["source"], vector["value"], got, 0)


def _picture_results(vector: dict[str, Any]) -> Iterator[VectorResult]:
    picture = synthetic_picture(vector["width"], vector["height"], vector["seed"], vector["channels"])
    name = f"{vector['width']}×{vector['height']}×{vector['channels']}"
    source = vector["source"]
    front_end: FrontEnd
    for front_end in ("full-size", "reference"):
        expected = vector[front_end]
        got = pdq(picture, front_end=front_end)
        yield _compare(f"pdq {front_end} {name}", source, expected["value"], got, 0, expected["quality"])
    for way, value in vector["dihedral"].items():
        turned = Signal("pdq", bits(dihedral(_coefficients(picture))[way]))
        yield _compare(f"pdq {way} {name}", source, value, turned, 0)


def _reduced_frame_result(vector: dict[str, Any]) -> VectorResult:
    """Hash a frame as that of a video that is looked up: from means over equal blocks of its luma."""
    rows, columns, size = vector["rows"], vector["columns"], (vector["height"], vector["width"])
    picture = synthetic_picture(size[1], size[0], vector["seed"], 1).astype(np.int64)
    blocks = picture.reshape(rows, size[0] // rows, columns, size[1] // columns)
    raster = (blocks.sum(axis=(1, 3)) * rows * columns // picture.size).astype(np.uint8)
    small = np.empty((CELLS, CELLS), np.float32)
    Grid(size, (rows, columns), 1).small(raster, small)
    got = Signal("pdq", bits(coefficients(small)))
    name = f"vpdq frame {size[1]}×{size[0]} from {columns}×{rows} cells"
    return _compare(name, vector["source"], vector["value"], got, vector["tolerance"])


def _frame_list_result(vector: dict[str, Any]) -> VectorResult:
    """Pack a list of frames and read it back."""
    rows = [line.split(",") for line in vector["lines"]]
    numbers, measures, values, times = zip(*rows, strict=True)
    times_s = [float(each) for each in times]
    pdqs = np.frombuffer(bytes.fromhex("".join(values)), np.uint8)
    frames = FrameList.of(
        pdqs, [int(each) for each in measures], [int(each) for each in numbers], times_s, times_s, vector["duration_s"]
    )
    name, source = f"vpdq list of {len(frames)} frames", vector["source"]
    if FrameList.unpack(frames.packed()) != frames:
        return VectorResult(name, source, None, 0, "reading the packed list gives another one")
    return _compare(name, source, vector["value"], Signal("vpdq", frames.digest(), frames=frames), 0)


def _coefficients(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return coefficients(small_picture(ArrayPixels(picture)))


def _file_result(vector: dict[str, Any]) -> VectorResult:
    name, source = f"decode {vector['name']}", vector["source"]
    try:
        result = hash_bytes(base64.b64decode(vector["data"]), exact=True)
    except HedgerowError as error:
        return VectorResult(name, source, None, vector["tolerance"], str(error))
    got = next(signal for signal in result.signals if signal.variant == AS_IS)
    return _compare(name, source, vector["value"], got, vector["tolerance"])


def _compare(
    name: str, source: str, expected: str, got: Signal, tolerance: int, quality: int | None = None
) -> VectorResult:
    distance = (int(expected, 16) ^ int(got.value, 16)).bit_count()
    problem = "" if quality in (None, got.quality) else f"quality {got.quality} where {quality} is published"
    return VectorResult(name, source, distance, tolerance, problem)


def check_golden_file(golden: Path, pictures: Path) -> Iterator[VectorResult]:
    """Check hashes that Meta's C++ tool made: a CSV of ``hash,quality,file`` and the folder of its pictures.

    The tool hashes a picture as stored, without EXIF orientation.
    """
    limits = MediaLimits()
    with golden.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                picture = open_picture(read_media(pictures / row["file"], limits), limits, exact=True)
                pixels = next(iter(picture.frames())).looks[0].pixels
                got = pdq(pixels.rows(0, pixels.height), front_end="reference")
            except HedgerowError as error:
                yield VectorResult(row["file"], "Meta pdq/cpp", None, 0, str(error))
                continue
            yield _compare(row["file"], "Meta pdq/cpp", row["hash"], got, 0, int(row["quality"]))
