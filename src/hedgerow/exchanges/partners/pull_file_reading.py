"""Read a partner's file from disk, row by row, whatever it is packed in: bounded, and never more than a row in memory.

What is wrong with a row is said of that row. What is wrong with the file (it is cut short, it is something else, it
unpacks to more than it may) ends the reading.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from contextlib import contextmanager
from itertools import chain, groupby
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, cast

from hedgerow.banks.formats import ReadOptions, open_list
from hedgerow.banks.lines import read_lines, records_of, text_of
from hedgerow.errors import ImportUnreadable
from hedgerow.exchanges.partners.pull_file_rows import Item, RowReader, listed_item, refused_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from hedgerow.exchanges.partners.pull_file_mapping import FileMapping

__all__ = ["read_items"]

_LINE_BYTES: Final = 4 * 1024**2
_CHUNK_BYTES: Final = 256 * 1024
_DELIMITERS: Final = (",", ";", "\t", "|")
_BLANK_LINES: Final = 1_000

# One row of a JSON document; an object with everything that is known of a file has some kilobytes.
_VALUE_CHARACTERS: Final = 8 * 1024**2
_MARKS: Final = re.compile(r'["\[\]{}]')
_STRING_ENDS: Final = re.compile(r'["\\]')
_SCALAR_ENDS: Final = re.compile(r"[\s,\]}]")

# The end of a zip archive (APPNOTE 4.3.16): 22 bytes, and a comment. It says how long the table of contents is.
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP_COMMENT_BYTES: Final = 65_535
_ZIP_TABLE_BYTES: Final = 1024**2
_ENCRYPTED: Final = 0x1


def read_items(path: Path, mapping: FileMapping, most_bytes: int) -> Iterator[Item]:
    """Give what each row of a file says.

    Args:
        path: The file, whole.
        mapping: What it looks like.
        most_bytes: The most that it may unpack to.

    Raises:
        ImportUnreadable: It is not what it should be, or ends early.
    """
    readers = {"csv": _read_csv, "json": _read_json, "jsonl": _read_jsonl, "list": _read_list}
    with _opened(path, mapping.member, most_bytes) as stream:
        yield from readers[mapping.format](stream, mapping)


# ── what it is packed in ─────────────────────────────────────────────────────────────────────────────────────────


class _Unpacked(io.RawIOBase):
    """What a file unpacks to, up to a limit."""

    def __init__(self, source: IO[bytes], most_bytes: int) -> None:
        self._source = source
        self._left = most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        try:
            data = self._source.read(len(view))
        except EOFError:
            raise ImportUnreadable("it is cut short") from None
        except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError):
            raise ImportUnreadable("it is damaged where it is packed") from None
        self._left -= len(data)
        if self._left < 0:
            raise ImportUnreadable("it unpacks to more than it may")
        view[: len(data)] = data
        return len(data)


@contextmanager
def _opened(path: Path, member: str | None, most_bytes: int) -> Iterator[BinaryIO]:
    """Open a file, unpacked where it is packed: its first bytes tell, and not its name."""
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file, mode="rb") as packed:
                yield _buffered(cast("IO[bytes]", packed), most_bytes)
        elif magic.startswith(b"PK"):
            with _archive(file) as archive, archive.open(_member(archive, member)) as packed:
                yield _buffered(packed, most_bytes)
        else:
            yield _buffered(file, most_bytes)


def _buffered(source: IO[bytes], most_bytes: int) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Unpacked(source, most_bytes), _CHUNK_BYTES))


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip archive; zipfile reads its whole table of contents, so its length is looked at before."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES))
    tail = file.read()
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < _ZIP_END_BYTES:
        raise ImportUnreadable("it is cut short")
    if struct.unpack_from("<I", tail, at + 12)[0] > _ZIP_TABLE_BYTES:
        raise ImportUnreadable("it is an archive of too many files")
    file.seek(0)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ImportUnreadable("it is damaged where it is packed") from None


def _member(archive: zipfile.ZipFile, name: str | None) -> zipfile.ZipInfo:
    files = [each for each in archive.infolist() if not each.is_dir() and name in {None, each.filename}]
    if len(files) != 1:
        raise ImportUnreadable(
            "it is an archive without that file" if name else "it is an archive of several files: say which is the list"
        )
    if files[0].flag_bits & _ENCRYPTED:
        raise ImportUnreadable("it is an archive that is encrypted")
    return files[0]


# ── csv ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_csv(stream: BinaryIO, mapping: FileMapping) -> Iterator[Item]:
    lines = read_lines(stream, _LINE_BYTES)
    for first in lines:
        text, problem = text_of(first[1])
        if problem is not None or first[0] > _BLANK_LINES:
            raise ImportUnreadable(f"its first line cannot be read: {problem or 'there is none'}")
        if text.strip():
            break
    else:
        return
    delimiter = mapping.delimiter or max(_DELIMITERS, key=text.count)
    records = records_of(chain([first], lines), delimiter)
    width = None
    if mapping.has_header:
        names = next(records)[1]
        if isinstance(names, str):
            raise ImportUnreadable(f"its header cannot be read: {names}")
        width = len(names)
        reader = RowReader(mapping, names)
    else:
        reader = RowReader(mapping)
    for number, cells in records:
        if isinstance(cells, str):
            yield refused_row(number, cells)
        elif not any(cells):
            continue
        elif width is not None and len(cells) != width:
            yield refused_row(number, "not as many cells as the header")
        else:
            yield reader.read(cells, number)


# ── json ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_jsonl(stream: BinaryIO, mapping: FileMapping) -> Iterator[Item]:
    reader = RowReader(mapping)
    for number, line in read_lines(stream, _LINE_BYTES):
        text, problem = text_of(line)
        if problem is not None:
            yield refused_row(number, problem)
        elif text and not text.isspace():
            try:
                row = json.loads(text)
            except (ValueError, RecursionError):  # RecursionError: brackets nested to exhaust the parser
                yield refused_row(number, "the line is no JSON")
                continue
            yield reader.read(row, number) if isinstance(row, dict) else refused_row(number, "it is no JSON object")


def _read_json(stream: BinaryIO, mapping: FileMapping) -> Iterator[Item]:
    reader = RowReader(mapping)
    document = _Document(stream)
    for depth, wanted in enumerate(mapping.rows):
        if not document.enter_object(wanted):
            raise ImportUnreadable(f"there is no {'.'.join(mapping.rows[: depth + 1])} in it")
    if document.peek() != "[":
        raise ImportUnreadable("where its rows should be there is no array" if document.peek() else "it is cut short")
    for number, row in enumerate(document.elements(), 1):
        yield reader.read(row, number) if isinstance(row, dict) else refused_row(number, "it is no JSON object")
    for _ in mapping.rows:
        document.leave_object()
    if document.peek():
        raise ImportUnreadable("something follows its end")


class _Document:
    """A JSON document that is read from its beginning to its end, a value at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._is_over = False

    def peek(self) -> str:
        """Return the next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def enter_object(self, wanted: str) -> bool:
        """Go into an object, up to the value of a key; tell whether it has that key."""
        if self.peek() != "{":
            return False
        self._at += 1
        while self.peek() == '"':
            key = self._value()
            self._take(":")
            if key == wanted:
                return True
            self._skip()
            if self.peek() == ",":
                self._at += 1
        return False

    def leave_object(self) -> None:
        """Go on behind the end of the object that was entered last."""
        while self.peek() == ",":
            self._at += 1
            self.peek()
            self._skip()
            self._take(":")
            self._skip()
        self._take("}")

    def elements(self) -> Iterator[Any]:
        """Give the elements of an array."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self.peek() != ",":
                break
            self._at += 1
        self._take("]")

    def _take(self, wanted: str) -> None:
        found = self.peek()
        if found != wanted:
            raise ImportUnreadable("it is no JSON" if found else "it is cut short")
        self._at += 1

    def _fill(self, wanted: int = 0) -> bool:
        """Read on, and let go of what was read; tell whether there was more."""
        if self._is_over:
            return False
        data = self._stream.read(wanted or _CHUNK_BYTES)
        try:
            more = self._decode.decode(data, final=not data)
        except UnicodeDecodeError:
            raise ImportUnreadable("it is no UTF-8") from None
        self._is_over = not data
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(data)

    def _value(self) -> Any:  # noqa: ANN401  (JSON)
        """Return the next value, decoded."""
        is_scalar = self.peek() not in '[{"'
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except RecursionError:
                raise ImportUnreadable("it is nested too deeply") from None
            except ValueError:
                # Half a value is no JSON, and neither is a broken one: only its end tells.
                held = len(self._text) - self._at
                if held > _VALUE_CHARACTERS or not self._fill(max(_CHUNK_BYTES, held)):
                    raise ImportUnreadable("it is cut short, or no JSON") from None
                continue
            if is_scalar and end == len(self._text) and self._fill():
                continue  # 12 may be the beginning of 123
            self._at = end
            return value

    def _skip(self) -> None:
        """Pass over a value, however long it is."""
        first = self.peek()
        if not first:
            raise ImportUnreadable("it is cut short")
        if first not in '"[{':
            self._find(_SCALAR_ENDS)
            return
        depth = 0
        while True:
            mark = self._find(_MARKS)
            self._at += 1
            if mark == '"':
                self._skip_string()
            else:
                depth += 1 if mark in "[{" else -1
            if depth <= 0:
                return

    def _skip_string(self) -> None:
        while self._find(_STRING_ENDS) == "\\":
            self._at += 1
            if self._at >= len(self._text) and not self._fill():
                raise ImportUnreadable("it is cut short")
            self._at += 1
        self._at += 1

    def _find(self, pattern: re.Pattern[str]) -> str:
        """Go to the next character of a kind, and return it."""
        while True:
            found = pattern.search(self._text, self._at)
            if found is not None:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if not self._fill():
                raise ImportUnreadable("it is cut short")


# ── whatever says itself what it is ──────────────────────────────────────────────────────────────────────────────


def _read_list(stream: BinaryIO, mapping: FileMapping) -> Iterator[Item]:
    if not stream.peek(1):  # type: ignore[attr-defined]  # a BufferedReader, which the type of streams does not say
        return
    for number, results in groupby(open_list(stream, ReadOptions()).results, key=lambda each: each[0]):
        item = listed_item(number, [result for _, result in results], mapping)
        if item is not None:
            yield item
