"""Tar archives, plain or compressed, read front to back with bounded memory.

The standard library's tarfile decodes the headers; the walk is our own, because tarfile keeps every member it has seen
and reads extended headers of any size into memory.
"""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zlib
from typing import IO, TYPE_CHECKING, Protocol

from hedgerow.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Inflated", "Stream", "walk_tar"]

_BLOCK_BYTES = 512
_CHUNK_BYTES = 1 << 16
_LARGEST_HEADER_BYTES = 1 << 20
"""Of an extended header: a path and a few times; a megabyte is far beyond any."""
_XZ_MEMORY_BYTES = 128 * 1024**2
"""xz -9 needs 65 MiB to unpack (xz(1))."""
_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_NO_CONTENT = frozenset(
    {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
)


class Stream(Protocol):
    """Bytes from front to back."""

    def read(self, size: int, /) -> bytes:
        """Give up to so many bytes; fewer only at the end."""
        ...


class _Decompressor(Protocol):
    """What `bz2` and `lzma` offer."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gunzip:
    """A gzip decompressor of the same shape as those of `bz2` and `lzma`."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)  # 16 + 15: a gzip wrapper and the largest window

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


class Inflated:
    """The unpacked bytes of a gzip, bzip2 or xz file.

    Args:
        file: The packed file.
        kind: Its media type.
        packed_bytes: Its length.
        ratio: How many times more bytes may come out.
        small_bytes: So many may come out in any case.
    """

    def __init__(self, file: IO[bytes], kind: str, packed_bytes: int, ratio: int, small_bytes: int) -> None:
        self._file = file
        self._kind = kind
        self._limit_bytes = max(small_bytes, packed_bytes * ratio)
        self._given_bytes = 0
        self._decompressor = self._start()
        self._is_at_end = False

    def _start(self) -> _Decompressor:
        if self._kind == "application/gzip":
            return _Gunzip()
        if self._kind == "application/x-bzip2":
            return bz2.BZ2Decompressor()
        return lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)

    def read(self, size: int, /) -> bytes:
        """Give up to so many bytes; fewer only at the end.

        Raises:
            ArchiveRefused: It is damaged, ends early, or out of all proportion.
        """
        pieces: list[bytes] = []
        wanted = size
        while wanted > 0 and not self._is_at_end:
            try:
                piece = self._some(wanted)
            except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError):
                raise ArchiveRefused("its packed data is damaged") from None
            pieces.append(piece)
            wanted -= len(piece)
            self._given_bytes += len(piece)
            if self._given_bytes > self._limit_bytes:
                raise ArchiveRefused("it unpacks to many times its size")
        return b"".join(pieces)

    def _some(self, wanted: int) -> bytes:
        """Give some bytes, perhaps none."""
        inner = self._decompressor
        if inner.eof:
            rest = inner.unused_data.lstrip(b"\0") or self._file.read(_CHUNK_BYTES).lstrip(b"\0")
            if not rest:
                self._is_at_end = True
                return b""
            self._decompressor = inner = self._start()
            return inner.decompress(rest, wanted)
        if inner.needs_input:
            packed = self._file.read(_CHUNK_BYTES)
            if not packed:
                raise ArchiveRefused("it ends early")
            return inner.decompress(packed, wanted)
        return inner.decompress(b"", wanted)


def walk_tar(stream: Stream, member_limit_bytes: int) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Walk the plain files in a tar: name, size in bytes, and a function that reads it before the next is asked for.

    A compressed stream that is no tar is walked as one file without a name.

    Raises:
        ArchiveRefused: A header is damaged, or the stream ends early.
    """
    head = stream.read(_BLOCK_BYTES)
    if isinstance(stream, Inflated) and not _is_header(head):
        yield _lone(head, stream, member_limit_bytes)
        return
    long_name: str | None = None
    long_size: int | None = None
    while len(head) == _BLOCK_BYTES and head.count(0) != _BLOCK_BYTES:
        try:
            info = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise ArchiveRefused("a member's header is damaged") from None
        size_bytes = 0 if info.type in _NO_CONTENT else info.size
        if size_bytes < 0:
            raise ArchiveRefused("a member's header is damaged")
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long_name = _header(stream, size_bytes).split(b"\0")[0].decode("utf-8", "surrogateescape")
        elif info.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
            fields = _pax_fields(_header(stream, size_bytes))
            if b"path" in fields:
                long_name = fields[b"path"].decode("utf-8", "surrogateescape")
            if fields.get(b"size", b"").isdigit():
                long_size = int(fields[b"size"])
        else:
            size_bytes = size_bytes if long_size is None or info.type in _NO_CONTENT else long_size
            content = _Content(stream, size_bytes)
            if info.type in _FILES and not (info.type == tarfile.AREGTYPE and info.name.endswith("/")):
                yield long_name or info.name, size_bytes, content.read
            content.skip()
            long_name = long_size = None
        head = stream.read(_BLOCK_BYTES)
    if len(head) not in {0, _BLOCK_BYTES}:
        raise ArchiveRefused("it ends early")


def _is_header(block: bytes) -> bool:
    """Whether a block is a tar header, by its check sum."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _lone(head: bytes, stream: Stream, limit_bytes: int) -> tuple[str, int, Callable[[], bytes]]:
    """Take a compressed file that is no tar for an archive of one file, as far as the limit."""
    data = head + stream.read(limit_bytes + 1 - len(head))
    return "", len(data), lambda: data


class _Content:
    """The bytes of one member, read at most once."""

    def __init__(self, stream: Stream, size_bytes: int) -> None:
        self._stream = stream
        self._size_bytes = size_bytes
        self._left_bytes = -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES

    def read(self) -> bytes:
        data = self._stream.read(self._size_bytes)
        self._left_bytes -= len(data)
        if len(data) < self._size_bytes:
            raise ArchiveRefused("it ends early")
        return data

    def skip(self) -> None:
        """Go on to the next header."""
        seek = getattr(self._stream, "seek", None)
        if seek is not None and self._left_bytes > _CHUNK_BYTES:
            seek(self._left_bytes - 1, 1)
            self._left_bytes = 1
        while self._left_bytes > 0:
            piece = self._stream.read(min(self._left_bytes, _CHUNK_BYTES))
            if not piece:
                raise ArchiveRefused("it ends early")
            self._left_bytes -= len(piece)


def _header(stream: Stream, size_bytes: int) -> bytes:
    """Read an extended header."""
    if size_bytes > _LARGEST_HEADER_BYTES:
        raise ArchiveRefused("a member's header is far too large")
    content = _Content(stream, size_bytes)
    data = content.read()
    content.skip()
    return data


def _pax_fields(data: bytes) -> dict[bytes, bytes]:
    """Split a pax header into its fields: ``length keyword=value newline`` (POSIX.1-2001, pax)."""
    fields: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        length, space, _ = data[position : position + 20].partition(b" ")
        if not space or not length.isdigit() or int(length) <= len(length) + 1:
            break
        keyword, _, value = data[position + len(length) + 1 : position + int(length) - 1].partition(b"=")
        fields[keyword] = value
        position += int(length)
    return fields
