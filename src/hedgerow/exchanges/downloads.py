"""The beginning of a large answer on disk: what was cut off goes on from there; what is not whole is never taken."""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING, Final

from hedgerow.errors import PartnerUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Part"]

_WHOLE: Final = 200
_PARTIAL: Final = 206
_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_LONGEST_VERSION: Final = 1_000


class Part:
    """A file that is being downloaded.

    Beside it lies the partner's word for the version of which it is the beginning (a strong ``ETag``: RFC 9110, section
    8.8.1, since only such a one promises equal bytes). Without that word a beginning is worth nothing.

    Args:
        target: Where it is written; only its owner can read it.
        size_bytes: The most.
    """

    def __init__(self, target: Path, size_bytes: int) -> None:
        self._target = target
        self._version = target.with_name(f"{target.name}.version")
        self._most = size_bytes
        self._stream: IO[bytes] | None = None
        self._asked_from = 0
        self._size = 0
        self._total: int | None = None

    def asking(self) -> dict[str, str]:
        """Return the headers that ask for the rest; none where there is no beginning."""
        self._asked_from = 0
        try:
            version = self._version.read_text("ascii")
            size = self._target.stat().st_size
        except (OSError, UnicodeDecodeError):
            return {}
        if not version or not 0 < size <= self._most:
            return {}
        self._asked_from = size
        return {"range": f"bytes={size}-", "if-range": version}

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Take the head of an answer.

        Raises:
            PartnerUnavailable: What follows is not what was asked for, is too long, or nobody could tell its end.
        """
        at = 0
        if status == _PARTIAL:
            told = _RANGE.fullmatch(headers.get("content-range", ""))
            numbers = () if told is None else tuple(int(each) for each in told.groups())
            if not numbers or not self._asked_from or numbers[0] != self._asked_from or numbers[1] + 1 != numbers[2]:
                self.forget()
                raise PartnerUnavailable("it answered a part that was not asked for")
            at, self._total = numbers[0], numbers[2]
        else:
            length = headers.get("content-length", "")
            if not length.isdecimal() and "chunked" not in headers.get("transfer-encoding", "").lower():
                # HTTP/1.0 ends an answer by hanging up, and so does a line that is cut.
                raise PartnerUnavailable("it does not say where its answer ends")
            self._total = int(length) if length.isdecimal() else None
        if self._total is not None and self._total > self._most:
            self.forget()
            raise PartnerUnavailable("its answer is too long")
        self._open(at, headers)

    def _open(self, at: int, headers: Mapping[str, str]) -> None:
        version = headers.get("etag", "")
        is_strong = version.startswith('"') and version.isascii() and len(version) <= _LONGEST_VERSION
        with _written():
            if not at:
                self.forget()
                if is_strong:
                    self._version.write_text(version, "ascii")
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if at else os.O_TRUNC)
            self._stream = os.fdopen(os.open(self._target, flags, 0o600), "wb")
        self._size = at

    def write(self, piece: bytes) -> None:
        """Write what follows.

        Raises:
            PartnerUnavailable: It is more than it may be, or cannot be written.
        """
        self._size += len(piece)
        if self._size > self._most:
            self.close()
            self.forget()
            raise PartnerUnavailable("its answer is too long")
        if self._stream is not None:
            with _written():
                self._stream.write(piece)

    def complete(self) -> int:
        """Say that the answer has ended; return the file's size in bytes.

        Raises:
            PartnerUnavailable: It ended early.
        """
        self.close()
        if self._total is not None and self._size != self._total:
            raise PartnerUnavailable("its answer was cut short")
        self._version.unlink(missing_ok=True)
        return self._size

    def close(self) -> None:
        """Close the file; what was written stays."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with _written():
                stream.close()

    def forget(self) -> None:
        """Remove what was written."""
        self._version.unlink(missing_ok=True)
        self._target.unlink(missing_ok=True)


class _written:  # noqa: N801  (reads as a clause)
    """Translate what our own disk refuses: it is no fault of the partner's, and a later fetch may find room."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise PartnerUnavailable(f"what it sends cannot be written here ({error.strerror})") from None
