"""Reports of plain rows: JSON Lines, CSV and Parquet.

They carry what follows from the files and the banks, and nothing of the run: two scans of the same files against the
same banks give the same bytes.
"""

from __future__ import annotations

import contextlib
import csv
import io
from typing import TYPE_CHECKING, Any, Self

from hedgerow.errors import ReportUnwritable
from hedgerow.scanning.report import PartialFile, shown, unwritable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from hedgerow.banks.model import Match
    from hedgerow.scanning.model import FileResult
    from hedgerow.scanning.report import ReportHeader

__all__ = ["COLUMNS", "CsvReport", "JsonLinesReport", "ParquetReport"]

# One row for each match; a file without any has one row with these fields empty.
COLUMNS = (
    "path",
    "bank",
    "entry",
    "type",
    "distance",
    "variant",
    "category",
    "provenance",
    "media_type",
    "width",
    "height",
    "frames",
    "unchecked",
    "unchecked_detail",
    "caution",
    "known_share",
    "query_share",
    "query_from_s",
    "query_to_s",
    "false_match_probability",
)

# A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection", 2023).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

# Rows in one Parquet row group: some megabytes held at a time, and still large enough to compress well.
_ROW_GROUP = 20_000


class _RowReport:
    """What the three have in common: a partial file that is given up unless it was finished."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._partial = PartialFile(path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._partial.abandon()


class JsonLinesReport(_RowReport):
    """One JSON object a line, exactly as ``scan --json`` prints them (`FileResult.to_line`)."""

    def __enter__(self) -> Self:
        return self

    def add(self, result: FileResult) -> None:
        """Write one line."""
        try:
            self._partial.file.write(result.to_line().encode("ascii") + b"\n")
        except OSError as error:
            raise unwritable(error) from error

    def finish(self, header: ReportHeader) -> None:  # noqa: ARG002  (rows carry nothing of the run)
        """Move the file to its place."""
        self._partial.commit()


class CsvReport(_RowReport):
    """Rows of `COLUMNS` in UTF-8, with a head, as RFC 4180 has it; no cell can act as a formula."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._text = io.TextIOWrapper(self._partial.file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def add(self, result: FileResult) -> None:
        """Write the rows of one result."""
        try:
            self._writer.writerows([_cell(value) for value in row] for row in rows(result))
        except OSError as error:
            raise unwritable(error) from error

    def finish(self, header: ReportHeader) -> None:  # noqa: ARG002  (rows carry nothing of the run)
        """Move the file to its place."""
        try:
            self._text.flush()
        except OSError as error:
            raise unwritable(error) from error
        self._partial.commit()


class ParquetReport(_RowReport):
    """Rows of `COLUMNS`, written in row groups as they come.

    Raises:
        ReportUnwritable: pyarrow is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import pyarrow as arrow  # noqa: ICN001, PLC0415  (a word, as everywhere here; an optional extra, and slow to load)
            import pyarrow.parquet as parquet  # noqa: PLC0415, PLR0402  (as above)
        except ImportError:
            raise ReportUnwritable("Parquet needs an extra: pip install 'hedgerow[parquet]'") from None
        super().__init__(path)
        self._arrow = arrow
        numbers = {"entry": arrow.int64()} | dict.fromkeys(("distance", "width", "height", "frames"), arrow.int32())
        numbers |= dict.fromkeys(COLUMNS[-5:], arrow.float64())
        self._schema = arrow.schema([(name, numbers.get(name, arrow.string())) for name in COLUMNS])
        self._writer = parquet.ParquetWriter(self._partial.file, self._schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._partial.file.closed:
            with contextlib.suppress(OSError):  # a full disk: the file is thrown away just below
                self._writer.close()
        super().__exit__(kind, error, trace)

    def add(self, result: FileResult) -> None:
        """Hold the rows of one result, and write a row group when there are enough."""
        self._rows.extend(rows(result))
        if len(self._rows) >= _ROW_GROUP:
            self._write()

    def finish(self, header: ReportHeader) -> None:  # noqa: ARG002  (rows carry nothing of the run)
        """Write the last row group and the footer, and move the file to its place."""
        if self._rows:
            self._write()
        try:
            self._writer.close()
        except OSError as error:
            raise unwritable(error) from error
        self._partial.commit()

    def _write(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [self._arrow.array(column, type=each.type) for column, each in zip(columns, self._schema, strict=True)]
        try:
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        except OSError as error:
            raise unwritable(error) from error
        self._rows = []


def rows(result: FileResult) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one result in the order of `COLUMNS`; names as `hedgerow.scanning.report.shown` writes them."""
    media, unchecked = result.media, result.unchecked
    place = shown(result.place)
    rest = (
        *((None,) * 4 if media is None else (media.type, media.width, media.height, media.frames)),
        None if unchecked is None else unchecked.reason,
        None if unchecked is None else unchecked.detail,
        None if result.caution is None else result.caution.reason,
    )
    if not result.matches:
        yield place, *((None,) * 7), *rest, *((None,) * 5)
    for match in result.matches:
        yield (
            place,
            match.bank,
            match.entry,
            match.type,
            match.distance,
            match.variant,
            None if match.category is None else shown(match.category),
            shown(match.provenance),
            *rest,
            match.known_share,
            match.query_share,
            *_from_and_to(match),
            match.false_match_probability,
        )


def _from_and_to(match: Match) -> tuple[float | None, float | None]:
    """Say from when to when something in a video matched; where several stretches did, all of them are between."""
    if match.segments:
        first = min(segment.query_from_s for segment in match.segments)
        return round(first, 3), round(max(segment.query_to_s for segment in match.segments), 3)
    return match.query_time_s, match.query_time_s


def _cell(value: object) -> object:
    """Keep a spreadsheet from taking text for a formula.

    >>> _cell("=HYPERLINK(1)"), _cell("a=1"), _cell(-3)
    ("'=HYPERLINK(1)", 'a=1', -3)
    """
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
