"""What every report has in common: what it is told, and how it comes to stand on the disk.

A report is told one result after another and then how the whole went. It is written beside its place and moved there
when it is whole, so that nobody ever reads half of one. The rows are the same for the same files and banks, however
often the scan was interrupted; what belongs to one run (when, how long) stands only in an HTML report's head.
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, Self

from hedgerow.errors import ReportUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from hedgerow.scanning.model import FileResult, ScanStatistics

__all__ = ["FORMATS", "BankLine", "Report", "ReportHeader", "open_report", "report_format", "shown", "written_paths"]

# What a name ends in, and the report that it asks for.
FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
}


# The characters that turn the direction of text (Unicode, UAX #9, section 2).
_SURROGATE_OF_ZERO = 0xDC00  # PEP 383
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class BankLine:
    """What a report says of a bank that was searched.

    Attributes:
        name: Its name.
        threshold: Largest distance in bits, inclusive, that counts as a match.
        entries: Live entries when the scan began.
    """

    name: str
    threshold: int
    entries: int


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """What a report says of the scan as a whole.

    Attributes:
        paths: What was scanned, as it was asked for.
        started: When this run began, with its time zone.
        version: The version of Hedgerow.
        banks: The banks that were searched.
        statistics: How it went.
    """

    paths: tuple[str, ...]
    started: datetime
    version: str
    banks: tuple[BankLine, ...]
    statistics: ScanStatistics


class Report(Protocol):
    """One report being written. As a context manager it is given up unless it was finished."""

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind if it was not finished."""
        ...

    def add(self, result: FileResult) -> None:
        """Take one result in. Results come in the order of the walk.

        Raises:
            ReportUnwritable: The disk is full, or the like.
        """
        ...

    def finish(self, header: ReportHeader) -> None:
        """Write the rest and move the report to its place.

        Raises:
            ReportUnwritable: As `add`.
        """
        ...


def report_format(path: str | os.PathLike[str]) -> str:
    """Tell the format of a report from the end of its name.

    Raises:
        ReportUnwritable: No format has such an end.

    >>> report_format("matches.HTML")
    'html'
    """
    end = Path(path).suffix.lower()
    try:
        return FORMATS[end]
    except KeyError:
        raise ReportUnwritable(f"its name must end in {', '.join(FORMATS)}") from None


def open_report(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002  (the field's word; nothing here formats)
    row_limit: int = 10_000,
    make_tile: Callable[[FileResult], str | None] | None = None,
) -> Report:
    """Begin a report. Nothing appears at its place before `Report.finish`.

    Args:
        path: Where it is to stand; its end names the format where none is given.
        format: ``jsonl``, ``csv``, ``parquet`` or ``html``.
        row_limit: Most rows of each table on an HTML page; the other formats carry every row.
        make_tile: What makes a small blurred picture of a result (see `hedgerow.scanning.tiles`) for an HTML page.
            Without it no picture is shown.

    Raises:
        ReportUnwritable: The folder cannot be written, the format is unknown or not installed.
    """
    chosen = format or report_format(path)
    # Imported here: a scan that writes CSV need not load the page, nor any scan pyarrow
    if chosen == "html":
        from hedgerow.scanning.report_html import HtmlReport  # noqa: PLC0415  (see above)

        return HtmlReport(path, row_limit=row_limit, make_tile=make_tile)
    from hedgerow.scanning import report_rows  # noqa: PLC0415  (see above)

    writers: dict[str, Callable[[str | os.PathLike[str]], Report]] = {
        "jsonl": report_rows.JsonLinesReport,
        "csv": report_rows.CsvReport,
        "parquet": report_rows.ParquetReport,
    }
    if chosen not in writers:
        raise ReportUnwritable(f"{chosen!r} is no format; there are {', '.join(dict.fromkeys(FORMATS.values()))}")
    return writers[chosen](path)


def written_paths(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Name the two paths that a report takes, so that a scan of their folder can pass them by: final and partial."""
    place = Path(path)
    return place, place.with_name(f".{place.name}.partial")


class PartialFile:
    """A file that appears at its place whole, or not at all.

    Its partial has a fixed name: what a killed run left is overwritten by the next one, and never piles up.

    Args:
        path: Where it is to stand.

    Raises:
        ReportUnwritable: The folder cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path, self._partial = written_paths(path)
        self.folder = self._path.parent
        try:
            if self._path.is_dir():
                raise ReportUnwritable("there is a folder of that name")
            # Private while it grows, and for good: a list of matches is nobody else's business
            descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(error) from error
        self.file: IO[bytes] = os.fdopen(descriptor, "wb", buffering=1 << 16)

    def commit(self) -> None:
        """Move the file to its place, on the disk to stay.

        Raises:
            ReportUnwritable: The disk is full, or the like.
        """
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            self._partial.replace(self._path)
        except OSError as error:
            self.abandon()
            raise unwritable(error) from error

    def abandon(self) -> None:
        """Leave nothing behind; after `commit` this does nothing."""
        if self.file.closed and not self._partial.exists():
            return
        with contextlib.suppress(OSError):  # a full disk: what could not be written is to be thrown away
            self.file.close()
        self._partial.unlink(missing_ok=True)


def unwritable(error: OSError) -> ReportUnwritable:
    """Say in a person's words what the system said."""
    return ReportUnwritable((error.strerror or "unknown reason").lower())


def shown(text: str) -> str:
    r"""Write a file's name so that it can be stored and read safely anywhere.

    Bytes that are no UTF-8, control characters and marks that turn the direction of text (by which ``gpj.exe`` can
    be made to read ``exe.jpg``) appear as escapes. What is left is valid Unicode.

    >>> print(shown("a\nb\udcff\u202egpj.exe"))
    a\nb\xff\u202egpj.exe
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":  # os.fsdecode writes a byte that it cannot read as the surrogate 0xDC00 + byte
        byte = ord(character) - _SURROGATE_OF_ZERO
        return f"\\x{byte:02x}" if byte in range(256) else f"\\u{ord(character):04x}"
    if category in {"Cc", "Zl", "Zp"} or character in _DIRECTION:
        return character.encode("unicode_escape").decode("ascii")
    return character
