"""Read the forms of ``/upload``, ``/finish`` and ``/retract`` as they arrive, in bounded memory: a file is digested."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from hedgerow.errors import SimulatorSupportMissing
from hedgerow.simulators.cybertipline.authority import Received

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

__all__ = ["FORM", "MULTIPART", "read_form", "read_multipart"]

MULTIPART: Final = "multipart/form-data"
FORM: Final = "application/x-www-form-urlencoded"

_MOST_FIELD_BYTES: Final = 1024
_MOST_FIELDS: Final = 16
_MOST_NAME_CHARACTERS: Final = 2056  # as the documented originalFileName


def read_form(body: bytes) -> Received:
    """Read a form that is urlencoded."""
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return Received(problem="the form cannot be read")
    return Received(ids=tuple(fields.get("id", ())))


def read_multipart(content_type: str, chunks: Iterable[bytes], keep: BinaryIO | None = None) -> Received:
    """Read a multipart form; the bytes of its file are digested as they pass.

    Args:
        content_type: The whole header.
        chunks: The body, piece by piece.
        keep: Where the bytes of the file are written too.

    Raises:
        SimulatorSupportMissing: python-multipart is not installed.
    """
    try:
        from python_multipart.exceptions import FormParserError  # noqa: PLC0415  (as all that only simulators need)
        from python_multipart.multipart import MultipartParser, parse_options_header  # noqa: PLC0415  (as above)
    except ImportError:
        raise SimulatorSupportMissing("python-multipart") from None
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        return Received(problem="the form has no boundary")
    parts = _Parts(keep)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_headers_finished": parts.headers_finished,
                "on_part_data": parts.data,
                "on_part_end": parts.end,
                "on_end": parts.finish,
            },
        )
        for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        return Received(problem="the form cannot be read")
    return parts.received()


class _Parts:
    """What the parser tells: the parts of a form, one after another."""

    def __init__(self, keep: BinaryIO | None) -> None:
        self._keep = keep
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._options: dict[bytes, bytes] = {}
        self._field = bytearray()
        self._is_file = self._is_whole = False
        self._ids: list[str] = []
        self._names: list[bytes] = []
        self._problem: str | None = None
        self._size_bytes = self._parts = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def begin(self) -> None:
        self._headers, self._options = {}, {}
        self._field.clear()
        self._is_file = False
        self._parts += 1
        if self._parts > _MOST_FIELDS:
            self._problem = "the form has too many parts"

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def headers_finished(self) -> None:
        from python_multipart.multipart import parse_options_header  # noqa: PLC0415  (imported by our caller)

        _, self._options = parse_options_header(self._headers.get(b"content-disposition"))
        self._is_file = self._options.get(b"name") == b"file"
        if self._is_file:
            self._names.append(self._options.get(b"filename", b""))

    def data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            if len(self._field) + end - start > _MOST_FIELD_BYTES:
                self._problem = "a field is too long"
                return
            self._field += data[start:end]
            return
        piece = memoryview(data)[start:end]
        self._size_bytes += len(piece)
        self._md5.update(piece)
        self._sha256.update(piece)
        if self._keep is not None:
            self._keep.write(piece)

    def end(self) -> None:
        if self._options.get(b"name") == b"id":
            self._ids.append(self._field.decode("utf-8", "replace"))

    def finish(self) -> None:
        self._is_whole = True

    def received(self) -> Received:
        problem = self._problem if self._is_whole or self._problem else "the form has no end"
        names = tuple(name.decode("utf-8", "replace")[:_MOST_NAME_CHARACTERS] for name in self._names)
        return Received(
            tuple(self._ids), names, self._size_bytes, self._md5.hexdigest(), self._sha256.hexdigest(), problem
        )
