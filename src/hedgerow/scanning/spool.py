"""Byte strings that wait on the disk until they are read back by number."""

from __future__ import annotations

import os
import tempfile
from array import array
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Spool"]


class Spool:
    """Byte strings of any length in a temporary file; eight bytes of memory for each.

    >>> spool = Spool()
    >>> spool.add(b"first"), spool.add(b"second")
    (0, 1)
    >>> spool.read(1)
    b'second'
    >>> spool.close()
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._ends = array("q", [0])
        self._is_written = False

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, record: bytes) -> int:
        """Keep one and return its number."""
        self._file.write(record)
        self._ends.append(self._ends[-1] + len(record))
        self._is_written = False
        return len(self) - 1

    def read(self, number: int) -> bytes:
        """Return one."""
        if not self._is_written:
            self._file.flush()
            self._is_written = True
        start = self._ends[number]
        return os.pread(self._file.fileno(), self._ends[number + 1] - start, start)

    def lengths(self) -> NDArray[np.int64]:
        """Return how long each is: (n,)."""
        ends: NDArray[np.int64] = np.frombuffer(self._ends, np.int64)
        return ends[1:] - ends[:-1]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
