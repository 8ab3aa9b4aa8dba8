"""The report as one HTML page that needs nothing else: no script, no font, no request, and no picture unless asked.

File names and whatever partners wrote are hostile text: everything is escaped, and a content security policy in the
page forbids all but its own style sheet (and, where tiles were asked for, pictures that stand in the page itself).
Rows wait in temporary files until the counts above them are known, so the memory used does not grow with them.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Self

from hedgerow.scanning.charts import distance_bars, in_words, rates, throughput_line
from hedgerow.scanning.report import PartialFile, shown, unwritable
from hedgerow.scanning.report_parts import (
    Rows,
    cell,
    figures,
    files,
    left_out,
    path_cell,
    place,
    plain_table,
    row,
    table,
    tile_cell,
)
from hedgerow.scanning.timeline import segment_rows, segment_timeline
from hedgerow.scanning.words import briefly_where, chance_in_words, how_in_words, where_in_words

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from hedgerow.banks.model import Match
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
    "duration_limit": "Checked only in part: longer than the limit",
    "time_limit": "Checked only in part: there was no time for every frame",
    "empty": "Empty files",
    "unsupported": "Nothing that Hedgerow can hash",
}

# A group with more rows than this is folded, so that the next one is not far away.
_OPEN_UP_TO = 50

# A timeline is some 3 kB of page; with more of them than this the page grows slow, and nobody looks at them all.
_MOST_TIMELINES = 200

_SEGMENT_HEADS = ["Stretch", "In this file", "In the known clip", "#Frames", "#Mean distance", "Speed"]

# The usual threshold in bits: the scale of distances reaches at least this far, so that reports can be compared.
_USUAL_THRESHOLD = 31


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
        self._clips = Rows(str(self._partial.folder), min(row_limit, _MOST_TIMELINES))
        self._cautions = self._rows()
        self._unchecked: dict[str, Rows] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for rows in (self._matches, self._clips, self._cautions, *self._unchecked.values()):
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
                self._unchecked[reason].add(row(path_cell(result), cell(result.unchecked.detail, "word")))
            if result.caution is not None and not result.is_known_good:
                self._cautions.add(row(path_cell(result), cell(_what(result), "word")))
        except OSError as error:
            raise unwritable(error) from error

    def finish(self, header: ReportHeader) -> None:
        """Write the page around the rows and move it to its place."""
        target = self._partial.file
        try:
            for part in self._page(header):
                if isinstance(part, Rows):
                    part.copy_to(target)
                else:
                    target.write(part.encode())
        except OSError as error:
            raise unwritable(error) from error
        self._partial.commit()

    def _rows(self) -> Rows:
        return Rows(str(self._partial.folder), self._row_limit)

    def _add_matches(self, result: FileResult) -> None:
        is_shown = not self._matches.is_full
        tile = self._make_tile(result) if self._make_tile is not None and is_shown else None
        for match in result.matches:
            picture = "" if self._make_tile is None else tile_cell(tile)
            self._matches.add(
                row(
                    picture,
                    path_cell(result),
                    cell(match.bank, "word"),
                    cell(match.entry, "number"),
                    f'<td class="number"><span class="near">{match.distance}</span></td>',
                    self._seen(result, match),
                    cell(_chance(match), "word"),
                    cell(match.category, "word"),
                    cell(match.provenance, "word"),
                )
            )

    def _seen(self, result: FileResult, match: Match) -> str:
        """Say how the file was looked at, and where in it a video matches; a known clip also gets its timeline."""
        where = escape(briefly_where(match))
        if match.segments:
            name = f"clip-{self._clips.count + 1}"
            if not self._clips.is_full and not self._matches.is_full:
                where = f'<a href="#{name}">{where}</a>'
            self._clips.add(_clip(name, result, match))
        variant = escape(shown(match.variant))
        return f'<td class="seen">{variant}{where and f"<br>{where}"}</td>'

    def _page(self, header: ReportHeader) -> Iterator[str | Rows]:
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
        yield _head(header, headline, has_clips=self._clips.count > 0)
        yield "<main>\n"
        yield from self._matches_section(header)
        yield from self._clips_section()
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

    def _matches_section(self, header: ReportHeader) -> Iterator[str | Rows]:
        yield '<section aria-labelledby="matches">\n<h2 id="matches" tabindex="-1">Matches</h2>\n'
        if not self._matches.count:
            banks = f"{len(header.banks)} bank{'s' * (len(header.banks) != 1)}"
            yield f"<p>No file lies within the threshold of any entry of the {banks} searched.</p>\n</section>\n"
            return
        yield (
            '<p class="quiet">One row for each bank entry that a file lies near. The distance is the number of bits, '
            "of 256, in which the two signals differ. “Seen” says how the file was looked at when it came "
            "nearest. “By chance” says how many unrelated files would come as near as this.</p>\n"
        )
        heads = ["Path", "Bank", "#Entry", "#Distance", "Seen", "By chance", "Category", "Provenance"]
        yield from table("Matches", [*(["Picture"] if self._make_tile else []), *heads], self._matches)
        yield "</section>\n"

    def _clips_section(self) -> Iterator[str | Rows]:
        if not self._clips.count:
            return
        yield (
            '<section aria-labelledby="clips">\n<h2 id="clips">Where the known clips are</h2>\n'
            '<p class="quiet">Above the time of the file, below that of the known clip, each on a scale of its own. '
            "What is filled and numbered matches; what is empty does not.</p>\n"
        )
        yield self._clips
        yield from left_out(self._clips)
        yield "</section>\n"

    def _unchecked_section(self, statistics: ScanStatistics) -> Iterator[str | Rows]:
        yield '<section aria-labelledby="unchecked">\n<h2 id="unchecked">Not checked, or only in part</h2>\n'
        if not self._unchecked:
            yield "<p>Every file was checked in full.</p>\n"
        else:
            total = statistics.unchecked_results
            them = "it" if total == 1 else "them"
            yield (
                f"<p>{files(total)} could not be looked at as a viewer would see {them}. "
                f"A match in {them} would have been missed: look at the reasons.</p>\n"
            )
        order = {reason: place for place, reason in enumerate(_REASONS)}
        for reason in sorted(self._unchecked, key=lambda each: (order.get(each, len(order)), each)):
            rows = self._unchecked[reason]
            title = _REASONS.get(reason, reason.replace("_", " "))
            yield (
                f"<details{' open' if rows.count <= _OPEN_UP_TO else ''}><summary><h3>{escape(title)}</h3> "
                f'<span class="tally">· {files(rows.count)}</span></summary>\n'
            )
            yield from table(title, ["Path", "Why"], rows)
            yield "</details>\n"
        if statistics.links_skipped:
            links = statistics.links_skipped
            yield f'<p class="quiet">{links:,} link{"s" * (links != 1)} not followed.</p>\n'
        if statistics.excluded:
            yield f'<p class="quiet">{statistics.excluded:,} files or folders left out, as the request said.</p>\n'
        yield "</section>\n"

    def _cautions_section(self) -> Iterator[str | Rows]:
        if not self._cautions.count:
            return
        yield (
            '<section aria-labelledby="plain">\n<h2 id="plain">Too plain to compare</h2>\n'
            "<p>These pictures hold so little (a flat colour, a soft gradient, a line) that unlike pictures can have "
            "like signals. They were hashed, but a match would mean little.</p>\n"
        )
        yield from table("Too plain to compare", ["Path", "What it is"], self._cautions)
        yield "</section>\n"


def _chance(match: Match) -> str | None:
    probability = match.false_match_probability
    return None if probability is None else chance_in_words(probability)


def _clip(name: str, result: FileResult, match: Match) -> str:
    """Write where a known clip lies in a file: a sentence or two, the timeline, its figures."""
    duration_s = (result.media.duration_s if result.media is not None else None) or 0.0
    about = ", ".join(escape(shown(part)) for part in (match.category, match.provenance) if part)
    segments = sorted(match.segments, key=lambda segment: segment.query_from_s)
    said = [where_in_words(match), *how_in_words(match), f"By chance: {_chance(match) or 'not known'}"]
    return (
        f'<article class="clip" id="{name}" aria-labelledby="{name}-path">\n'
        f'<h3 class="path" id="{name}-path">{place(result)}</h3>\n'
        f"<p>{escape(shown(match.bank))} entry {match.entry} ({about}), {match.distance} bits, "
        f"{escape(shown(match.variant))}.<br>{escape('. '.join(said))}.</p>\n"
        + segment_timeline(name, segments, duration_s, match.known_duration_s or 0.0)
        + figures(_SEGMENT_HEADS, segment_rows(segments))
        + "</article>\n"
    )


def _head(header: ReportHeader, headline: str, *, has_clips: bool) -> str:
    statistics = header.statistics
    resumed = (
        f"; {files(statistics.resumed)} had been answered by an earlier, interrupted run" if statistics.resumed else ""
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
        *([("", "videos compared", statistics.videos)] if statistics.videos else []),
        ("found" if statistics.matched else "", "matched", statistics.matched),
        (
            "part" if statistics.unchecked_results else "",
            "not checked, or only in part",
            statistics.unchecked_results,
        ),
        ("", "too plain to compare", statistics.cautions),
        *([("", "known software, not decoded", statistics.known_good)] if statistics.known_good else []),
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
        + _contents(statistics, has_clips=has_clips)
        + "</header>\n"
    )


def _contents(statistics: ScanStatistics, *, has_clips: bool) -> str:
    """Return links to the sections: the matches alone may be thousands of rows long."""
    sections = [
        ("matches", "Matches"),
        *([("clips", "Where in videos")] if has_clips else []),
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
        return f"1 of {files(statistics.results)} matches a known entry"
    if statistics.matched:
        return f"{statistics.matched:,} of {files(statistics.results)} match known entries"
    return f"Nothing known among {files(statistics.results)}"


def _distances_section(header: ReportHeader) -> Iterator[str]:
    distances = header.statistics.distances
    if not distances:
        return
    largest = max(_USUAL_THRESHOLD, *distances, *(bank.threshold for bank in header.banks))
    yield '<section aria-labelledby="distances">\n<h2 id="distances">How near the matches are</h2>\n'
    yield distance_bars(distances, largest)
    yield figures(
        ["#Distance in bits", "#Matches"],
        [(f"{distance}", f"{count:,}") for distance, count in sorted(distances.items())],
    )
    yield "</section>\n"


def _throughput_section(statistics: ScanStatistics) -> Iterator[str]:
    yield '<section aria-labelledby="throughput">\n<h2 id="throughput">Throughput</h2>\n'
    fresh = statistics.files - statistics.resumed
    yield (
        f"<p>{files(fresh)} in {escape(in_words(statistics.duration_s))}: "
        f"{statistics.files_per_s:,.1f} files a second.</p>\n"
    )
    points = rates(statistics.samples)
    if len(points) > 1:
        yield throughput_line(statistics.samples)
        yield figures(["#Up to", "#Files a second"], [(in_words(at_s), f"{rate:,.1f}") for at_s, rate in points])
    yield "</section>\n"


def _banks_section(header: ReportHeader) -> str:
    if not header.banks:
        body = "<p>There was no bank to search: nothing could have matched.</p>\n"
    else:
        rows = [(bank.name, f"{bank.threshold} bits", f"{bank.entries:,}") for bank in header.banks]
        body = plain_table("Banks searched", ["Bank", "#Threshold", "#Entries"], rows)
    return f'<section aria-labelledby="banks">\n<h2 id="banks">Banks searched</h2>\n{body}</section>\n'


def _reading_section() -> str:
    return (
        '<section aria-labelledby="reading">\n<h2 id="reading">How to read this page</h2>\n<ul>\n'
        "<li>A match means that two signals are alike, not that a person has seen the file. People decide.</li>\n"
        "<li>Distance 0 is the same signal. Resizing or saving a picture again moves it a few bits; unrelated pictures "
        "lie about 128 bits apart.</li>\n"
        "<li>“By chance” estimates how likely a file that has nothing to do with the bank comes as near to it, the "
        "size of the bank and the ways in which the file was looked at included. With 1 in 40 million, expect one such "
        "match among 40 million unrelated files.</li>\n"
        "<li>How much of a known clip is in a file is counted in seconds of the clip. Little of a long clip can be a "
        "scene that many films share; all of a short one is the clip.</li>\n"
        "<li>No match means only that nothing like the file is in the banks searched.</li>\n"
        "<li>A path with “!/” in it names a file inside an archive. Characters that could mislead the eye are written "
        "as escapes such as \\u202e.</li>\n</ul>\n</section>\n"
    )


def _what(result: FileResult) -> str:
    media = result.media
    return "" if media is None else f"{media.type}, {media.width}×{media.height}"
