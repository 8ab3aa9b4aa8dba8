"""Open one file, or read it into memory, and nothing that is not a plain file."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Self

from hedgerow.errors import MediaEmpty, MediaTooLarge, MediaUnreadable
from hedgerow.media.model import MediaLimits
from hedgerow.media.sniff import HEAD_BYTES

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["MediaFile", "open_file", "read_media"]

# O_NONBLOCK: opening a FIFO must not wait for a writer. O_BINARY exists on Windows only.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
)


def open_file(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Open a plain file and return its descriptor, which the caller closes, and its size in bytes.

    Raises:
        MediaUnreadable: The system refuses, or the path leads to no plain file.
    """
    try:
        # Asked before opening: to open a device may already do something (a tape rewinds).
        _require_plain(os.stat(path).st_mode)  # noqa: PTH116  (bytes paths and descriptors too)
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise MediaUnreadable(_problem(error)) from None
    try:
        status = os.fstat(descriptor)
        _require_plain(status.st_mode)
    except OSError as error:
        os.close(descriptor)
        raise MediaUnreadable(_problem(error)) from None
    except MediaUnreadable:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


class MediaFile:
    """A plain file that is open: what it is can be told by its head before it is read. A context manager.

    Args:
        path: Where it is.

    Raises:
        MediaUnreadable: The system refuses, or the path leads to no plain file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        descriptor, self.size_bytes = open_file(path)
        self.stream: BinaryIO = open(descriptor, "rb", buffering=0)  # noqa: PTH123, SIM115  (a descriptor; see close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stream.close()

    def head(self) -> bytes:
        """Return the first bytes, as many as `hedgerow.media.sniff.sniff` looks at.

        Raises:
            MediaUnreadable: The system refuses.
        """
        try:
            self.stream.seek(0)
            head = self.stream.read(HEAD_BYTES)
            self.stream.seek(0)
        except OSError as error:
            raise MediaUnreadable(_problem(error)) from None
        return head

    def read(self, limits: MediaLimits) -> bytes:
        """Read the whole file, unless it is larger than the limit.

        Raises:
            MediaUnreadable: The system refuses.
            MediaEmpty: The file has no bytes.
            MediaTooLarge: The file has more bytes than the limit; none were read.
        """
        limit_bytes = limits.size_bytes
        try:
            if self.size_bytes > limit_bytes:
                raise MediaTooLarge(self.size_bytes, limit_bytes)
            # A file under /proc states 0 bytes, and any file may grow while it is read: never past the limit.
            data = self.stream.read(self.size_bytes + 1) or b""
            while more := self.stream.read(min(1 << 20, limit_bytes + 1 - len(data))):
                data += more
                if len(data) > limit_bytes:
                    raise MediaTooLarge(len(data), limit_bytes)
        except OSError as error:
            raise MediaUnreadable(_problem(error)) from None
        if not data:
            raise MediaEmpty
        return data


def read_media(path: str | Path, limits: MediaLimits | None = None) -> bytes:
    """Read a whole file, unless it is larger than the limit.

    Raises:
        MediaUnreadable: The system refuses, or the path leads to no plain file.
        MediaEmpty: The file has no bytes.
        MediaTooLarge: The file has more bytes than the limit; none were read.
    """
    with MediaFile(path) as file:
        return file.read(limits or MediaLimits())


def _require_plain(mode: int) -> None:
    """Refuse everything that is no plain file."""
    if stat.S_ISREG(mode):
        return
    raise MediaUnreadable(next((words for is_kind, words in _KINDS if is_kind(mode)), "it is no plain file"))


def _problem(error: OSError | ValueError) -> str:
    """Give the system's words for an error, which hold no path, unlike ``str(error)``."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "its name is no file name"
