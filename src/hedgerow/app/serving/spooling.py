"""Write something out whole before it is sent, so that a slow reader holds no connection to the database."""

from __future__ import annotations

import hashlib
import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["DigestingFile", "Spooled", "spool"]

_PIECE_BYTES: Final = 256 * 1024


class Spooled:
    """Bytes in a file without a name: nothing is left of it, whatever happens to the process. Read it once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = file.tell()
        file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        """Give the bytes, piece by piece, and let go of the file."""
        with self._file as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


def spool(folder: Path) -> BinaryIO:
    """Open a file without a name in a folder that only its owner reads."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


class DigestingFile(io.RawIOBase):
    """Writes into a file and digests what is written, so that it need not be read again for that.

    Args:
        file: Where to.

    Attributes:
        file: The same.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._digest = hashlib.sha256()

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write bytes."""
        self._digest.update(data)
        return self.file.write(data)

    def sha256(self) -> str:
        """Return the SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()
