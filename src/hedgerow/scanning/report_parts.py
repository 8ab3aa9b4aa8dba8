"""The pieces of a report's page: rows that wait on the disk, tables, cells. What goes in as text comes out escaped."""

from __future__ import annotations

import tempfile
from html import escape
from typing import IO, TYPE_CHECKING

from hedgerow.scanning.report import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hedgerow.scanning.model import FileResult

__all__ = ["Rows", "cell", "figures", "files", "path_cell", "place", "plain_table", "row", "table", "tile_cell"]


class Rows:
    """Pieces of a page, rows of a table mostly, waiting on the disk; those beyond the limit are only counted.

    Args:
        folder: Where the temporary file lies.
        limit: How many are kept.

    Attributes:
        count: How many there were.
    """

    def __init__(self, folder: str, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (`close` closes it)

    @property
    def left_out(self) -> int:
        """How many came after the limit."""
        return max(0, self.count - self._limit)

    @property
    def is_full(self) -> bool:
        """Whether the next one will only be counted."""
        return self.count >= self._limit

    def add(self, piece: str) -> None:
        """Keep one, or count it."""
        if not self.is_full:
            self._file.write(piece.encode())
        self.count += 1

    def copy_to(self, target: IO[bytes]) -> None:
        """Write all that was kept."""
        self._file.seek(0)
        while portion := self._file.read(1 << 16):
            target.write(portion)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def table(name: str, heads: list[str], rows: Rows) -> Iterator[str | Rows]:
    """Wrap waiting rows into a table that scrolls by itself where the page is narrow."""
    yield (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{_heads(heads)}</tr></thead>\n<tbody>\n"
    )
    yield rows
    yield "</tbody></table></div>\n"
    yield from left_out(rows)


def left_out(rows: Rows) -> Iterator[str]:
    """Say how many rows are not on the page, and where they are."""
    if rows.left_out:
        yield (
            f'<p class="more">{rows.left_out:,} more: see the JSONL, CSV or Parquet report, which hold every row.</p>\n'
        )


def plain_table(name: str, heads: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a small table; a head that begins with # stands over numbers."""
    kinds = ["number" if head.startswith("#") else "word" for head in heads]
    body = "".join(row(*map(cell, values, kinds)) for values in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{_heads(heads)}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def figures(heads: list[str], rows: Iterable[tuple[str, ...]], name: str = "The figures") -> str:
    """Give a chart's figures as a table, folded."""
    return (
        '<details class="figures"><summary>The figures as a table</summary>\n'
        f"{plain_table(name, heads, rows)}</details>\n"
    )


def _heads(heads: list[str]) -> str:
    return "".join(
        f'<th scope="col" class="number">{escape(head[1:])}</th>'
        if head.startswith("#")
        else f'<th scope="col">{escape(head)}</th>'
        for head in heads
    )


def row(*cells: str) -> str:
    """Write one row of finished cells."""
    return f"<tr>{''.join(cells)}</tr>\n"


def cell(value: object, kind: str) -> str:
    """Write one cell: ``word`` or ``number``."""
    text = "–" if value is None or value == "" else escape(shown(str(value)))
    return f'<td class="{kind}">{text}</td>'


def place(result: FileResult) -> str:
    """Write where a file lies."""
    # <bdi> keeps a name in a right-to-left script from reordering the line it stands in
    return f"<bdi>{escape(shown(result.place))}</bdi>"


def path_cell(result: FileResult) -> str:
    """Write the cell that names its row: where a file lies."""
    return f'<th scope="row" class="path">{place(result)}</th>'


def tile_cell(address: str | None) -> str:
    """Write the cell of a small blurred picture; an empty frame where there is none."""
    if address is None:
        return '<td class="picture"><span class="tile"></span></td>'
    return (
        '<td class="picture"><span class="tile">'
        f'<img src="{escape(address)}" alt="Blurred greyscale impression of the file" width="80" height="80">'
        "</span></td>"
    )


def files(count: int) -> str:
    """Count files in words.

    >>> files(1), files(1200)
    ('1 file', '1,200 files')
    """
    return "1 file" if count == 1 else f"{count:,} files"
