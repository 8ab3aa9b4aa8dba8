"""The lines and cells of a list, whatever they mean: bounded, numbered, one broken line the fault of itself alone."""

from __future__ import annotations

import csv
import io
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from hedgerow.banks.vpdq import TMK_MAGIC, about_tmk
from hedgerow.errors import ImportUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

__all__ = ["BOM", "Line", "begin", "cells_of", "delimiter_of", "read_lines", "records_of", "text_of"]

Line = tuple[int, bytes | None]
"""A line's number, and the line without its end; None in place of one that is too long."""

BOM: Final = b"\xef\xbb\xbf"
"""What some programs write before UTF-8."""

# A quoted cell of a CSV file may span this many lines; a quotation mark that nobody closes swallows no more.
_CELL_LINES: Final = 64
_CELL_BYTES: Final = 4 * 1024**2
_DELIMITERS: Final = (",", ";", "\t")
# More than what a TMK signal has left after its first line.
_TMK_BYTES: Final = 300_000
_CHUNK_BYTES: Final = 256 * 1024


class _Rejoined(io.RawIOBase):
    """A source of which the beginning was read already, from its beginning on."""

    def __init__(self, head: bytes, source: BinaryIO) -> None:
        self._head = memoryview(head)
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data: bytes | memoryview = self._head[: len(view)]
        if data:
            self._head = self._head[len(data) :]
        else:
            data = self._source.read(len(view))
        view[: len(data)] = data
        return len(data)


def begin(source: BinaryIO, size_bytes: int) -> tuple[bytes, BinaryIO]:
    """Read the beginning of a source; return it, and the whole as a buffered stream.

    Args:
        source: Buffered bytes; need not be seekable.
        size_bytes: How much to read; there may be less.
    """
    head = b""
    while len(head) < size_bytes and (piece := source.read(size_bytes - len(head))):
        head += piece
    return head, cast("BinaryIO", io.BufferedReader(_Rejoined(head, source), _CHUNK_BYTES))


def read_lines(source: BinaryIO, limit: int) -> Iterator[Line]:
    """Give lines without their ends, never holding more than `limit` bytes.

    Raises:
        ImportUnreadable: It is the TMK signal of a video.
    """
    number = 0
    readline = source.readline
    while True:
        line = readline(limit + 2)
        if not line:
            return
        number += 1
        if number == 1 and line.startswith(TMK_MAGIC):
            raise ImportUnreadable(about_tmk(line + source.read(_TMK_BYTES)))
        if number == 1:
            line = line.removeprefix(BOM)
        ended = line.endswith(b"\n")
        if ended:
            line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if len(line) <= limit:
            yield number, line
            continue
        while not ended:
            rest = readline(limit)
            ended = not rest or rest.endswith(b"\n")
        yield number, None


def text_of(line: bytes | None) -> tuple[str, str | None]:
    """Decode a line, or say why it cannot be."""
    if line is None:
        return "", "the line is too long"
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "", "the line is no UTF-8"
    return text, "a NUL byte" if "\0" in text else None


def delimiter_of(header: str) -> str:
    """Tell what separates the cells of a table by its first line."""
    return max(_DELIMITERS, key=header.count)


def cells_of(text: str, delimiter: str) -> list[str] | None:
    """Split one record; None where its quotation marks make no sense or do not close."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def records_of(lines: Iterator[Line], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Give the number of each record's first line, and its cells or what is wrong with it.

    A quotation mark that does not close within some lines is the fault of its own line alone: reading goes on with
    the next one, so that a stray mark hides no signals.
    """
    waiting: deque[Line] = deque()
    while True:
        following = waiting.popleft() if waiting else next(lines, None)
        if following is None:
            return
        number, line = following
        text, problem = text_of(line)
        if problem is not None:
            yield number, problem
            continue
        cells = cells_of(text, delimiter)
        if cells is None:
            held_bytes = sum(len(each or b"") for _, each in waiting)
            while len(waiting) < _CELL_LINES and held_bytes < _CELL_BYTES and (more := next(lines, None)) is not None:
                waiting.append(more)
                held_bytes += len(more[1] or b"")
            cells, taken = _continued(text, waiting, delimiter)
            for _ in range(taken):
                waiting.popleft()
        yield number, "quotation marks that do not fit together" if cells is None else cells


def _continued(text: str, following: Iterable[Line], delimiter: str) -> tuple[list[str] | None, int]:
    """Join a record with the lines that continue it; also tells how many these are."""
    for taken, (_, line) in enumerate(following, 1):
        addition, problem = text_of(line)
        if problem is not None:
            break
        text += "\n" + addition
        if '"' in addition and (cells := cells_of(text, delimiter)) is not None:
            return cells, taken
    return None, 0
