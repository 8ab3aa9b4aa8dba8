"""The hashed frames of a video: the signal that the field calls vPDQ.

A frame list holds one PDQ for each frame that was looked at and kept. Neighbours that look the same are kept once; the
times say for how long. It is written as one packed text of bytes, which is what banks store and workers send.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.errors import InvalidSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FrameList"]

_MAGIC: Final = b"HFL1"
_HEADER: Final = struct.Struct("<4sId")  # magic, frames, duration in seconds
_FRAME: Final = np.dtype(
    [("bits", "u1", 32), ("quality", "u1"), ("number", "<u4"), ("time_s", "<f8"), ("until_s", "<f8")]
)


@dataclass(frozen=True, slots=True, eq=False)
class FrameList:
    """The frames of one video, in order of presentation.

    Attributes:
        bits: uint8 (n, 32): the PDQ of each frame.
        qualities: uint8 (n,): 0–100.
        numbers: uint32 (n,): the frame's place in the video, from 0, counting every frame shown.
        times_s: float64 (n,): when it is shown, in seconds from the first frame.
        until_s: float64 (n,): until when the picture stayed (nearly) the same; at least its own time.
        duration_s: Length of the part that was looked at, in seconds.
    """

    bits: NDArray[np.uint8]
    qualities: NDArray[np.uint8]
    numbers: NDArray[np.uint32]
    times_s: NDArray[np.float64]
    until_s: NDArray[np.float64]
    duration_s: float

    def __len__(self) -> int:
        return len(self.bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameList) and self.packed() == other.packed()

    def __hash__(self) -> int:
        return hash(self.packed())

    def packed(self) -> bytes:
        """Return the list as bytes, from which `unpack` gives it back; 53 bytes a frame."""
        frames = np.empty(len(self), _FRAME)
        frames["bits"], frames["quality"], frames["number"] = self.bits, self.qualities, self.numbers
        frames["time_s"], frames["until_s"] = self.times_s, self.until_s
        return _HEADER.pack(_MAGIC, len(self), self.duration_s) + frames.tobytes()

    def digest(self) -> bytes:
        """Return the SHA-256 of the packed list: the ``bits`` of its signal."""
        return hashlib.sha256(self.packed()).digest()

    @classmethod
    def unpack(cls, packed: bytes) -> FrameList:
        """Read a packed list.

        Raises:
            InvalidSignal: These bytes are none.

        >>> empty = FrameList.of([], [], [], [], [], 0.0)
        >>> FrameList.unpack(empty.packed()) == empty
        True
        """
        if len(packed) < _HEADER.size:
            raise InvalidSignal("vpdq", "too few bytes for a list of frames")
        magic, count, duration_s = _HEADER.unpack_from(packed)
        if magic != _MAGIC or len(packed) != _HEADER.size + count * _FRAME.itemsize:
            raise InvalidSignal("vpdq", "no packed list of frames")
        frames = np.frombuffer(packed, _FRAME, offset=_HEADER.size)
        return cls.of(
            frames["bits"], frames["quality"], frames["number"], frames["time_s"], frames["until_s"], duration_s
        )

    @classmethod
    def of(
        cls,
        bits: object,
        qualities: object,
        numbers: object,
        times_s: object,
        until_s: object,
        duration_s: float,
    ) -> FrameList:
        """Make a list of anything array-like; each column becomes its own contiguous array."""
        return cls(
            np.ascontiguousarray(bits, np.uint8).reshape(-1, 32),
            np.ascontiguousarray(qualities, np.uint8),
            np.ascontiguousarray(numbers, np.uint32),
            np.ascontiguousarray(times_s, np.float64),
            np.ascontiguousarray(until_s, np.float64),
            float(duration_s),
        )
