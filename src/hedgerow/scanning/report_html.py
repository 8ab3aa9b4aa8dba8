"""The report as one HTML page that needs nothing else: no script, no font, no request, and no picture unless asked.

File names and whatever partners wrote are hostile text: everything is escaped, and a content security policy in the
page forbids all but its own style sheet (and, where tiles were asked for, pictures that stand in the page itself).
Rows wait in temporary files until the counts above them are known, so the memory used does not grow with them.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from html import escape
from importlib import resources
from typing import IO, TYPE_CHECKING, Self

from hedgerow.scanning.charts import distance_bars, in_words, rates, throughput_line
from hedgerow.scanning.report import PartialFile, shown, unwritable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from hedgerow.scanning.model import FileResult, ScanStatistics
    from hedgerow.scanning.report import ReportHeader

__all__ = ["HtmlReport"]

# What stands over each group of files that were not checked, by the `reason` of the errors in hedgerow.errors, the
# more worrying first. A reason that is missing here stands last, as it is.
_REASONS = {
    "crashed": "The decoder crashed",
    "timeout": "Decoding took too long",
    "memory": "Decoding needed too much memory",
    "too_many_pixels": "More pixels than the limit",
    "too_large": "Larger than the limit",
    "archive": "An archive that was not read to its end",
    "unreadable": "Could not be opened",
    "damaged": "Damaged: nothing of the picture decodes",
    "truncated": "Checked only in part: the file ends early",
    "frame_limit": "Checked only in part: more frames than the limit",
    "time_limit": "Checked only in part: there was no time for every frame",
    "empty": "Empty files",
    "unsupported": "Not a picture that Hedgerow can hash",
}

# A group with more rows than this is folded, so that the next one is not far away.
_OPEN_UP_TO = 50

# The usual threshold in bits: the scale of distances reaches at least this far, so that reports can be compared.
_USUAL_THRESHOLD = 31


class _Rows:
    """Rows of one table, waiting on the disk; those beyond the limit are only counted."""

    def __init__(self, folder: str, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (`close` closes it)

    @property
    def left_out(self) -> int:
        return max(0, self.count - self._limit)

    @property
    def is_full(self) -> bool:
        return self.count >= self._limit

    def add(self, *rows: str) -> None:
        for row in rows:
            if not self.is_full:
                self._file.write(row.encode())
            self.count += 1

    def copy_to(self, target: IO[bytes]) -> None:
        self._file.seek(0)
        while portion := self._file.read(1 << 16):
            target.write(portion)

    def close(self) -> None:
        self._file.close()


class HtmlReport:
    """One self-contained page.

    Args:
        path: Where it is to stand.
        row_limit: Most rows of each table; the rest is counted, and the page says where to find it.
        make_tile: What makes the address (``data:``) of a small blurred picture of a result; None shows no picture.

    Raises:
        ReportUnwritable: The folder cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        row_limit: int = 10_000,
        make_tile: Callable[[FileResult], str | None] | None = None,
    ) -> None:
        self._partial = PartialFile(path)
        self._row_limit = row_limit
        self._make_tile = make_tile
        self._matches = self._rows()
        self._cautions = self._rows()
        self._unchecked: dict[str, _Rows] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for rows in (self._matches, self._cautions, *self._unchecked.values()):
            rows.close()
        self._partial.abandon()

    def add(self, result: FileResult) -> None:
        """Take one result in."""
        try:
            if result.matches:
                self._add_matches(result)
            if result.unchecked is not None:
                reason = result.unchecked.reason
                if reason not in self._unchecked:
                    self._unchecked[reason] = self._rows()
                self._unchecked[reason].add(_row(_path(result), _cell(result.unchecked.detail, "word")))
            if result.caution is not None:
                self._cautions.add(_row(_path(result), _cell(_what(result), "word")))
        except OSError as error:
            raise unwritable(error) from error

    def finish(self, header: ReportHeader) -> None:
        """Write the page around the rows and move it to its place."""
        target = self._partial.file
        try:
            for part in self._page(header):
                if isinstance(part, _Rows):
                    part.copy_to(target)
                else:
                    target.write(part.encode())
        except OSError as error:
            raise unwritable(error) from error
        self._partial.commit()

    def _rows(self) -> _Rows:
        return _Rows(str(self._partial.folder), self._row_limit)

    def _add_matches(self, result: FileResult) -> None:
        is_shown = not self._matches.is_full
        tile = self._make_tile(result) if self._make_tile is not None and is_shown else None
        for match in result.matches:
            picture = "" if self._make_tile is None else _tile(tile)
            self._matches.add(
                _row(
                    picture,
                    _path(result),
                    _cell(match.bank, "word"),
                    _cell(match.entry, "number"),
                    f'<td class="number"><span class="near">{match.distance}</span></td>',
                    _cell(match.variant, "word"),
                    _cell(match.category, "word"),
                    _cell(match.provenance, "word"),
                )
            )

    def _page(self, header: ReportHeader) -> Iterator[str | _Rows]:
        style = resources.files("hedgerow.scanning").joinpath("report.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        pictures = "" if self._make_tile is None else " img-src data:;"
        statistics = header.statistics
        headline = _headline(statistics)
        yield (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}';"
            f"{pictures} base-uri 'none'; form-action 'none'\">\n"
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex, noarchive">\n'
            f"<title>{escape(headline)} · Hedgerow</title>\n<style>{style}</style>\n</head>\n<body>\n"
            '<a class="skip" href="#matches">Skip to the matches</a>\n'
        )
        yield _head(header, headline)
        yield "<main>\n"
        yield from self._matches_section(header)
        yield from _distances_section(header)
        yield from self._unchecked_section(statistics)
        yield from self._cautions_section()
        yield from _throughput_section(statistics)
        yield _banks_section(header)
        yield _reading_section()
        yield (
            f"</main>\n<footer><p>Hedgerow {escape(header.version)}. Hedgerow is independent of every organisation "
            "whose lists it searches. This page loads nothing from anywhere, and is no legal advice.</p></footer>\n"
            "</body>\n</html>\n"
        )

    def _matches_section(self, header: ReportHeader) -> Iterator[str | _Rows]:
        yield '<section aria-labelledby="matches">\n<h2 id="matches" tabindex="-1">Matches</h2>\n'
        if not self._matches.count:
            banks = f"{len(header.banks)} bank{'s' * (len(header.banks) != 1)}"
            yield f"<p>No file lies within the threshold of any entry of the {banks} searched.</p>\n</section>\n"
            return
        yield (
            '<p class="quiet">One row for each bank entry that a file lies near. The distance is the number of bits, '
            "of 256, in which the two signals differ. “Seen” says how the file was looked at when it came "
            "nearest.</p>\n"
        )
        heads = ["Path", "Bank", "#Entry", "#Distance", "Seen", "Category", "Provenance"]
        yield from _table("Matches", [*(["Picture"] if self._make_tile else []), *heads], self._matches)
        yield "</section>\n"

    def _unchecked_section(self, statistics: ScanStatistics) -> Iterator[str | _Rows]:
        yield '<section aria-labelledby="unchecked">\n<h2 id="unchecked">Not checked, or only in part</h2>\n'
        if not self._unchecked:
            yield "<p>Every file was checked in full.</p>\n"
        else:
            total = statistics.unchecked_results
            them = "it" if total == 1 else "them"
            yield (
                f"<p>{_files(total)} could not be looked at as a viewer would see {them}. "
                f"A match in {them} would have been missed: look at the reasons.</p>\n"
            )
        order = {reason: place for place, reason in enumerate(_REASONS)}
        for reason in sorted(self._unchecked, key=lambda each: (order.get(each, len(order)), each)):
            rows = self._unchecked[reason]
            title = _REASONS.get(reason, reason.replace("_", " "))
            yield (
                f"<details{' open' if rows.count <= _OPEN_UP_TO else ''}><summary><h3>{escape(title)}</h3> "
                f'<span class="tally">· {_files(rows.count)}</span></summary>\n'
            )
            yield from _table(title, ["Path", "Why"], rows)
            yield "</details>\n"
        if statistics.links_skipped:
            links = statistics.links_skipped
            yield f'<p class="quiet">{links:,} link{"s" * (links != 1)} not followed.</p>\n'
        if statistics.excluded:
            yield f'<p class="quiet">{statistics.excluded:,} files or folders left out, as the request said.</p>\n'
        yield "</section>\n"

    def _cautions_section(self) -> Iterator[str | _Rows]:
        if not self._cautions.count:
            return
        yield (
            '<section aria-labelledby="plain">\n<h2 id="plain">Too plain to compare</h2>\n'
            "<p>These pictures hold so little (a flat colour, a soft gradient, a line) that unlike pictures can have "
            "like signals. They were hashed, but a match would mean little.</p>\n"
        )
        yield from _table("Too plain to compare", ["Path", "What it is"], self._cautions)
        yield "</section>\n"


def _head(header: ReportHeader, headline: str) -> str:
    statistics = header.statistics
    resumed = (
        f"; {_files(statistics.resumed)} had been answered by an earlier, interrupted run" if statistics.resumed else ""
    )
    facts = [
        ("Scanned", ", ".join(f"<bdi>{escape(shown(path))}</bdi>" for path in header.paths)),
        ("Started", escape(f"{header.started:%d %B %Y, %H:%M} {header.started.tzname() or ''}".lstrip("0"))),
        ("Took", escape(in_words(statistics.duration_s) + resumed)),
        ("By", f"Hedgerow {escape(header.version)}"),
    ]
    if statistics.journal_was_damaged:
        facts.append(("Note", "The journal of an interrupted run was damaged and set aside; this scan started afresh."))
    is_plain = statistics.results == statistics.files
    counts = [
        ("", "files" if is_plain else "files, members of archives included", statistics.results),
        ("", "pictures compared", statistics.pictures),
        ("found" if statistics.matched else "", "matched", statistics.matched),
        (
            "part" if statistics.unchecked_results else "",
            "not checked, or only in part",
            statistics.unchecked_results,
        ),
        ("", "too plain to compare", statistics.cautions),
    ]
    return (
        f'<header>\n<p class="brand">Hedgerow · scan report</p>\n<h1>{escape(headline)}</h1>\n<dl class="facts">'
        + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
        + '</dl>\n<dl class="counts">'
        + "".join(
            f"<div{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}><dt>{name}</dt><dd>{value:,}</dd></div>"
            for kind, name, value in counts
        )
        + "</dl>\n"
        + _contents(statistics)
        + "</header>\n"
    )


def _contents(statistics: ScanStatistics) -> str:
    """Return links to the sections: the matches alone may be thousands of rows long."""
    sections = [
        ("matches", "Matches"),
        *([("distances", "How near")] if statistics.distances else []),
        ("unchecked", "Not checked"),
        *([("plain", "Too plain")] if statistics.cautions else []),
        ("throughput", "Throughput"),
        ("banks", "Banks"),
        ("reading", "How to read this page"),
    ]
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in sections)
    return f'<nav aria-label="On this page"><ul>{links}</ul></nav>\n'


def _headline(statistics: ScanStatistics) -> str:
    if statistics.matched == 1:
        return f"1 of {_files(statistics.results)} matches a known entry"
    if statistics.matched:
        return f"{statistics.matched:,} of {_files(statistics.results)} match known entries"
    return f"Nothing known among {_files(statistics.results)}"


def _distances_section(header: ReportHeader) -> Iterator[str]:
    distances = header.statistics.distances
    if not distances:
        return
    largest = max(_USUAL_THRESHOLD, *distances, *(bank.threshold for bank in header.banks))
    yield '<section aria-labelledby="distances">\n<h2 id="distances">How near the matches are</h2>\n'
    yield distance_bars(distances, largest)
    yield _figures(
        ["#Distance in bits", "#Matches"],
        [(f"{distance}", f"{count:,}") for distance, count in sorted(distances.items())],
    )
    yield "</section>\n"


def _throughput_section(statistics: ScanStatistics) -> Iterator[str]:
    yield '<section aria-labelledby="throughput">\n<h2 id="throughput">Throughput</h2>\n'
    fresh = statistics.files - statistics.resumed
    yield (
        f"<p>{_files(fresh)} in {escape(in_words(statistics.duration_s))}: "
        f"{statistics.files_per_s:,.1f} files a second.</p>\n"
    )
    points = rates(statistics.samples)
    if len(points) > 1:
        yield throughput_line(statistics.samples)
        yield _figures(["#Up to", "#Files a second"], [(in_words(at_s), f"{rate:,.1f}") for at_s, rate in points])
    yield "</section>\n"


def _banks_section(header: ReportHeader) -> str:
    if not header.banks:
        body = "<p>There was no bank to search: nothing could have matched.</p>\n"
    else:
        rows = [(bank.name, f"{bank.threshold} bits", f"{bank.entries:,}") for bank in header.banks]
        body = _plain_table("Banks searched", ["Bank", "#Threshold", "#Entries"], rows)
    return f'<section aria-labelledby="banks">\n<h2 id="banks">Banks searched</h2>\n{body}</section>\n'


def _reading_section() -> str:
    return (
        '<section aria-labelledby="reading">\n<h2 id="reading">How to read this page</h2>\n<ul>\n'
        "<li>A match means that two signals are alike, not that a person has seen the file. People decide.</li>\n"
        "<li>Distance 0 is the same signal. Resizing or saving a picture again moves it a few bits; unrelated pictures "
        "lie about 128 bits apart.</li>\n"
        "<li>No match means only that nothing like the file is in the banks searched.</li>\n"
        "<li>A path with “!/” in it names a file inside an archive. Characters that could mislead the eye are written "
        "as escapes such as \\u202e.</li>\n</ul>\n</section>\n"
    )


def _table(name: str, heads: list[str], rows: _Rows) -> Iterator[str | _Rows]:
    """Wrap waiting rows into a table that scrolls by itself where the page is narrow."""
    yield (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{_heads(heads)}</tr></thead>\n<tbody>\n"
    )
    yield rows
    yield "</tbody></table></div>\n"
    if rows.left_out:
        yield (
            f'<p class="more">{rows.left_out:,} more: see the JSONL, CSV or Parquet report, which hold every row.</p>\n'
        )


def _plain_table(name: str, heads: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(
        _row(
            *(
                _cell(value, "number" if head.startswith("#") else "word")
                for head, value in zip(heads, row, strict=True)
            )
        )
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{_heads(heads)}</tr></thead>\n<tbody>\n{cells}</tbody></table></div>\n"
    )


def _figures(heads: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Give a chart's figures as a table, folded."""
    return (
        '<details class="figures"><summary>The figures as a table</summary>\n'
        f"{_plain_table('The figures', heads, rows)}</details>\n"
    )


def _heads(heads: list[str]) -> str:
    """Write column heads; one that begins with # stands over numbers."""
    return "".join(
        f'<th scope="col" class="number">{escape(head[1:])}</th>'
        if head.startswith("#")
        else f'<th scope="col">{escape(head)}</th>'
        for head in heads
    )


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>\n"


def _cell(value: object, kind: str) -> str:
    text = "–" if value is None or value == "" else escape(shown(str(value)))
    return f'<td class="{kind}">{text}</td>'


def _path(result: FileResult) -> str:
    # <bdi> keeps a name in a right-to-left script from reordering the line it stands in
    return f'<th scope="row" class="path"><bdi>{escape(shown(result.place))}</bdi></th>'


def _tile(address: str | None) -> str:
    if address is None:
        return '<td class="picture"><span class="tile"></span></td>'
    return (
        '<td class="picture"><span class="tile">'
        f'<img src="{escape(address)}" alt="Blurred greyscale impression of the file" width="80" height="80">'
        "</span></td>"
    )


def _what(result: FileResult) -> str:
    media = result.media
    return "" if media is None else f"{media.type}, {media.width}×{media.height}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
