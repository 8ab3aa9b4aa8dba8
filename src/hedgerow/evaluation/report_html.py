"""The report as one HTML page that needs nothing else: no script, no font, no picture, no request.

Names of pictures are hostile text: everything is escaped, and a content security policy in the page forbids all but
its own style sheet.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.evaluation.charts import distance_chart, legend_mark, recall_chart, threshold_chart
from hedgerow.evaluation.markup import (
    cell,
    in_words,
    name_cell,
    numeric,
    percent,
    rate,
    row,
    share_cell,
    short,
    shown,
    table,
)
from hedgerow.evaluation.model import BANDS
from hedgerow.evaluation.transforms import ROWS
from hedgerow.hashing.signal import LEVELS
from hedgerow.matching import MAX_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.evaluation.intervals import Share
    from hedgerow.evaluation.model import Evaluation, Hit
    from hedgerow.evaluation.recommend import Recommendation
    from hedgerow.evaluation.report import Report

__all__ = ["page"]

_MOST_IN_CHART: Final = 4  # marks under each other that the eye still tells apart
_FARTHEST_SHOWN: Final = 128  # bits: unrelated pairs lie there on average
_STEPS: Final = (15, 23, 31, 35, 39, 43, 47, 55, 63)
_MOST_HITS: Final = 25
_MOST_ALIKE: Final = 10
_MOST_SCENES: Final = 50


def page(report: Report) -> str:
    """Write the page."""
    style = resources.files("hedgerow.evaluation").joinpath("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    begin = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex, noarchive">\n'
        f"<title>{escape(_headline(report))} · Hedgerow</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#rows">Skip to the results</a>\n'
    )
    end = (
        f"</main>\n<footer><p>Hedgerow {escape(report.version)}. The pictures are ordinary ones, and none stands "
        "on this page. It loads nothing from anywhere.</p></footer>\n</body>\n</html>\n"
    )
    return "".join(
        [
            begin,
            _head(report),
            "<main>\n",
            *_rows_section(report.evaluation),
            *_threshold_section(report),
            *_false_section(report),
            *_bands_section(report.evaluation),
            *_transforms_section(report.evaluation),
            *_left_out_section(report.evaluation),
            _reading_section(),
            end,
        ]
    )


# ── the head ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _everything(evaluation: Evaluation) -> range:
    return range(len(evaluation.plan.transforms))


def _headline(report: Report) -> str:
    evaluation = report.evaluation
    share = evaluation.recall(_everything(evaluation), evaluation.levels[-1])
    wrong = evaluation.impostors[evaluation.levels[-1]].within(evaluation.plan.threshold)
    found = "–" if share.value is None else f"{share.value * 100:.0f} %"
    matches = "no false match" if not wrong else "1 false match" if wrong == 1 else f"{wrong:,} false matches"
    return f"{found} of altered copies found, {matches}"


def _head(report: Report) -> str:
    evaluation = report.evaluation
    facts = [
        ("Pictures", f"<bdi>{escape(shown(report.source))}</bdi>"),
        ("Measured", escape(f"{report.date:%d %B %Y, %H:%M} {report.date.tzname() or ''}".lstrip("0"))),
        ("Took", escape(in_words(evaluation.seconds))),
        ("Threshold", f"{evaluation.plan.threshold} bits, the same for everything"),
        ("By", f"Hedgerow {escape(report.version)}"),
    ]
    copies = int((evaluation.distance[:, :, 0] >= 0).sum())
    highest = evaluation.levels[-1]
    impostors = evaluation.impostors[highest]
    wrong = impostors.within(evaluation.plan.threshold)
    counts = [
        ("", "pictures banked", f"{len(evaluation.entries):,}"),
        ("", "altered copies looked up", f"{copies:,}"),
        *(("", f"found at {name.partition(' ')[2]}", percent(_all(evaluation, name))) for name in evaluation.levels),
        ("found" if wrong else "", f"false among {short(impostors.pairs)} unrelated pairs", f"{wrong:,}"),
    ]
    sections = [
        ("rows", "What is found"),
        ("thresholds", "Which threshold"),
        ("unrelated", "Unrelated pictures"),
        ("bands", "Plain and busy pictures"),
        ("transforms", "Every transform"),
        ("reading", "How to read this page"),
    ]
    return (
        f'<header>\n<p class="brand">Hedgerow · evaluation</p>\n<h1>{escape(_headline(report))}</h1>\n'
        '<dl class="facts">'
        + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
        + '</dl>\n<dl class="counts">'
        + "".join(
            f"<div{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}><dt>{escape(name)}</dt><dd>{value}</dd></div>"
            for kind, name, value in counts
        )
        + '</dl>\n<nav aria-label="On this page"><ul>'
        + "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in sections)
        + "</ul></nav>\n</header>\n"
    )


def _heads(evaluation: Evaluation) -> list[str]:
    """Return the names of the methods, short enough to stand over a column."""
    return [name.removeprefix("hedgerow ") for name in evaluation.methods]


def _all(evaluation: Evaluation, method: str) -> Share:
    return evaluation.recall(_everything(evaluation), method)


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows_section(evaluation: Evaluation) -> Iterator[str]:
    rows = [(each, places) for each in ROWS.values() if (places := evaluation.transforms_of(each.name))]
    charted = _charted(evaluation)
    yield '<section aria-labelledby="rows">\n<h2 id="rows" tabindex="-1">What is found</h2>\n'
    yield (
        '<p class="quiet">Every picture was altered in many ways, and each copy looked up. A copy counts as found '
        f"where it lies within {evaluation.plan.threshold} bits of its original’s plain signal, which is all that a "
        "partner’s list holds. Transforms of a kind stand in one row.</p>\n"
    )
    yield _legend(charted)
    yield recall_chart(
        [(each.name, [evaluation.recall(places, method) for method in charted], each.wanted) for each, places in rows],
        charted,
    )
    cells = []
    for each, places in rows:
        wanted = "–" if each.wanted is None else f"{each.wanted * 100:g} % at {each.level}"
        shares = [evaluation.recall(places, method) for method in evaluation.methods]
        cells.append(
            row(
                f'<th scope="row">{escape(each.name)}</th>',
                cell(wanted, "word"),
                *(
                    share_cell(share, is_missed=_is_missed(each.wanted, each.level, method, share))
                    for share, method in zip(shares, evaluation.methods, strict=True)
                ),
            )
        )
    yield table("Share of copies found, by row", ["What happened", "Wanted", *numeric(_heads(evaluation))], cells)
    yield (
        '<p class="quiet">Small figures: the range in which the true share lies, 95 % of times (Wilson). '
        "A figure marked with ▾ stays below what is wanted.</p>\n</section>\n"
    )


def _charted(evaluation: Evaluation) -> list[str]:
    """Choose the methods of the charts: Hedgerow's levels, the plainest left out for a peer where there is one."""
    levels = list(evaluation.levels)
    peers = [name for name in evaluation.methods if name not in levels]
    return [*(levels[1:] if peers and len(levels) > 1 else levels), *peers][:_MOST_IN_CHART]


def _is_missed(wanted: float | None, level: str, method: str, share: Share) -> bool:
    measured = method.removeprefix("hedgerow ")
    if wanted is None or share.value is None or measured not in LEVELS:
        return False
    return LEVELS.index(measured) >= LEVELS.index(level) and share.value < wanted


def _threshold_section(report: Report) -> Iterator[str]:
    evaluation = report.evaluation
    yield '<section aria-labelledby="thresholds">\n<h2 id="thresholds">Which threshold</h2>\n'
    for each in report.recommendations:
        yield _recommended(each)
    charted = _charted(evaluation)
    yield _legend(charted)
    steps = range(0, MAX_THRESHOLD + 1, 2)
    yield threshold_chart(
        [
            (
                method,
                [
                    (bits, evaluation.recall(_everything(evaluation), method, threshold=bits).value or 0.0)
                    for bits in steps
                ],
            )
            for method in charted
        ],
        evaluation.plan.threshold,
        MAX_THRESHOLD,
    )
    yield _evidence(report.recommendations, evaluation.plan.threshold)
    yield "</section>\n"


def _recommended(each: Recommendation) -> str:
    bound = f"at most {each.per_million:g} false match{'es' * (each.per_million != 1)} in a million unrelated queries"
    if each.threshold is None:
        advice = f"no threshold keeps to {bound}"
    else:
        advice = f"the largest threshold that keeps to {bound} is <strong>{each.threshold} bits</strong>"
    basis = (
        "these pictures" if each.is_own else "the background that comes with Hedgerow, as these pictures are too few"
    )
    if each.alike is not None and each.threshold == each.alike[0] - 1:
        basis += f"; beyond it lie two unlike pictures that were both altered in one way ({escape(each.alike[1])})"
    elif not each.is_counted:
        basis += "; no unrelated pair came so near, so that it is extrapolated"
    return (
        f"<p>At <strong>{each.level}</strong>, against a bank of {each.bank_entries:,} entries, {advice}. "
        f'<span class="quiet">This rests on {basis}.</span></p>\n'
    )


def _evidence(recommendations: Sequence[Recommendation], used: int) -> str:
    """Lay thresholds under each other, and for each level what they find and what they cost."""
    chosen = {*_STEPS, used, *(each.threshold for each in recommendations if each.threshold is not None)}
    rows = []
    for bits in sorted(chosen):
        cells = []
        for each in recommendations:
            step = each.evidence[bits]
            guessed = "" if step.is_counted else "~ "
            cells += [cell(percent(step.recall), "number"), cell(guessed + rate(step.false_matches), "number")]
        rows.append(row(f'<th scope="row" class="number">{bits}</th>', *cells))
    heads = [head for each in recommendations for head in (f"#{each.level}: found", f"#{each.level}: false*")]
    size = recommendations[0].bank_entries if recommendations else 0
    name = f"Thresholds against a bank of {size:,} entries"
    return (
        f"<h3>{name}</h3>\n"
        + table(name, ["#Bits", *heads], rows)
        + '<p class="quiet">* Matches expected in a million unrelated queries; ~ marks what is extrapolated.</p>\n'
    )


def _false_section(report: Report) -> Iterator[str]:
    evaluation, threshold = report.evaluation, report.evaluation.plan.threshold
    yield '<section aria-labelledby="unrelated">\n<h2 id="unrelated">Unrelated pictures</h2>\n'
    rows = []
    for number, method in enumerate(evaluation.methods):
        found = evaluation.impostors[method]
        total, count = evaluation.looks[number].tolist()
        rows.append(
            row(
                f'<th scope="row">{escape(method)}</th>',
                cell(f"{total / max(1, count):.1f}", "number"),
                cell(f"{found.pairs:,}", "number"),
                cell(f"{found.within(threshold):,}", "number"),
                cell(rate(found.rate_per_million_entries(threshold)), "number"),
                cell(rate(found.highest_rate_per_million_entries(threshold)), "number"),
            )
        )
    heads = [
        "Method",
        "#Signals a query",
        "#Unrelated pairs",
        "#Within the threshold",
        "#Rate*",
        "#Rate at most*",
    ]
    yield table("False matches", heads, rows)
    yield (
        '<p class="quiet">* False matches for a query and a million bank entries: as counted, and the upper end of the '
        "95 % interval. Copies of one picture are alike, so that pairs are not as independent as that takes them to be."
        "</p>\n"
    )
    levels = [
        level for level in LEVELS if f"hedgerow {level}" in evaluation.levels and level in report.background.nearest
    ]
    if levels:
        yield _legend([f"hedgerow {level}" for level in levels])
        lines = []
        for level in levels:
            held = report.background.nearest[level]
            counted = (held.counts.sum(axis=0).cumsum() / held.pairs)[: _FARTHEST_SHOWN + 1].tolist()
            lines.append((level, counted, [held.share_within(bits) for bits in range(_FARTHEST_SHOWN + 1)]))
        yield distance_chart(lines, threshold, _FARTHEST_SHOWN)
        yield f'<p class="quiet">Counted on: {escape(shown(report.background.source))}.</p>\n'
        yield _chances(report, levels)
    yield from _alike(evaluation)
    highest = evaluation.impostors[evaluation.levels[-1]].hits
    yield from _hits(highest, threshold)
    yield from _scenes(evaluation)
    yield "</section>\n"


def _chances(report: Report, levels: Sequence[str]) -> str:
    """Tell how likely a match is to be chance, by distance and size of the bank."""
    sizes = (10_000, 1_000_000, 10_000_000)
    rows = [
        row(
            f'<th scope="row">{level}</th>',
            cell(bits, "number"),
            *(cell(rate(report.background.nearest_probability(bits, size, level=level)), "number") for size in sizes),  # type: ignore[arg-type]  # a level's name
        )
        for level in levels
        for bits in (15, 23, report.evaluation.plan.threshold, 39, 47)
    ]
    name = "How likely an unrelated picture lies this near to some entry"
    heads = ["Level", "#Bits", *(f"#Bank of {size:,}" for size in sizes)]
    return f"<h3>{name}</h3>\n" + table(name, heads, rows)


def _alike(evaluation: Evaluation) -> Iterator[str]:
    met = [(int(np.flatnonzero(counts)[0]), place) for place, counts in enumerate(evaluation.alike) if counts.any()]
    if not met:
        return
    name = "Unlike pictures, altered in the same way"
    yield f"<h3>{name}</h3>\n"
    yield (
        '<p class="quiet">A bank may hold screenshots, and then it meets other screenshots of the same application. So '
        "copies of different pictures were compared with each other, each as it is. The nearest of them:</p>\n"
    )
    rows = [
        row(
            f'<th scope="row">{escape(evaluation.plan.transforms[place].name)}</th>',
            cell(f"{int(evaluation.alike[place].sum()):,}", "number"),
            cell(int(evaluation.alike[place][: evaluation.plan.threshold + 1].sum()), "number"),
            cell(nearest, "number"),
        )
        for nearest, place in sorted(met)[:_MOST_ALIKE]
    ]
    yield table(name, ["What happened to both", "#Pairs", "#Within the threshold", "#Nearest, bits"], rows)


def _hits(hits: Sequence[Hit], threshold: int) -> Iterator[str]:
    if not hits:
        yield "<p>No unrelated picture came near the threshold.</p>\n"
        return
    rows = [
        row(
            name_cell(hit.picture),
            cell(hit.transform, "word"),
            name_cell(hit.entry, is_head=False),
            cell(f"{hit.distance}{' ▴' if hit.distance <= threshold else ''}", "number"),
            cell(hit.variant, "word"),
        )
        for hit in hits[:_MOST_HITS]
    ]
    name = "Unrelated pictures that came nearest"
    heads = ["Copy of", "What happened", "Entry", "#Bits", "Seen"]
    yield f"<h3>{name}</h3>\n" + table(name, heads, rows)
    yield (
        '<p class="quiet">▴ within the threshold. Look at the two pictures: where they show the same thing, the match '
        "is none of Hedgerow’s mistakes.</p>\n"
    )


def _scenes(evaluation: Evaluation) -> Iterator[str]:
    scenes = sorted(evaluation.same_scene, key=lambda each: each.distance)
    if not scenes:
        return
    rows = [
        row(name_cell(each.one), name_cell(each.other, is_head=False), cell(each.distance, "number"))
        for each in scenes[:_MOST_SCENES]
    ]
    name = "Pictures taken to show the same scene"
    yield f"<h3>{name}</h3>\n"
    yield (
        f'<p class="quiet">{len(scenes):,} pair{"s" * (len(scenes) != 1)} of originals lie within '
        f"{evaluation.plan.same_scene} bits of each other before anything was done to them. They count neither as "
        "unrelated nor as found.</p>\n"
    )
    yield table(name, ["Picture", "Picture", "#Bits"], rows)


def _bands_section(evaluation: Evaluation) -> Iterator[str]:
    yield '<section aria-labelledby="bands">\n<h2 id="bands">Plain and busy pictures</h2>\n'
    yield (
        '<p class="quiet">Copies found over all transforms, by the quality of the original’s signal. Below '
        f"{evaluation.plan.minimum_quality} a bank takes no entry; the figures say what would be found if it did.</p>\n"
    )
    rows = []
    quality = evaluation.quality[list(evaluation.pictures)]
    for band in BANDS:
        count = int(((quality >= band.low) & (quality <= band.high)).sum())
        rows.append(
            row(
                f'<th scope="row">{escape(band.name)}</th>',
                cell(f"{count:,}", "number"),
                *(
                    share_cell(evaluation.recall(_everything(evaluation), method, band=band))
                    for method in evaluation.methods
                ),
            )
        )
    yield table("Copies found, by quality", ["Quality", "#Pictures", *numeric(_heads(evaluation))], rows)
    yield "</section>\n"


def _transforms_section(evaluation: Evaluation) -> Iterator[str]:
    yield '<section aria-labelledby="transforms">\n<h2 id="transforms">Every transform</h2>\n'
    highest = evaluation.levels[-1]
    rows = []
    for place, transform in enumerate(evaluation.plan.transforms):
        distances = evaluation.distances_of(place, highest)
        variants = evaluation.variants_of(place, highest)
        rows.append(
            row(
                f'<th scope="row">{escape(transform.name)}</th>',
                *(share_cell(evaluation.recall([place], method)) for method in evaluation.methods),
                cell(f"{np.median(distances):g}" if len(distances) else "–", "number"),
                cell(", ".join(f"{name} ({count})" for name, count in variants[:2]) or "–", "word"),
            )
        )
    heads = ["What happened", *numeric(_heads(evaluation)), "#Median bits", "Found as (the two most frequent)"]
    yield table("Copies found, by transform", heads, rows)
    yield f'<p class="quiet">Median and variants: {escape(highest)}.</p>\n</section>\n'


def _left_out_section(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.left_out and not evaluation.problems:
        return
    yield '<section aria-labelledby="left-out">\n<h2 id="left-out">Left out</h2>\n'
    if evaluation.left_out:
        rows = [row(name_cell(name), cell(why, "word")) for name, why in evaluation.left_out[:_MOST_SCENES]]
        yield table("Pictures that could not be used", ["Picture", "Why"], rows)
    if evaluation.problems:
        rows = [
            row(f'<th scope="row">{escape(name)}</th>', cell(kind, "word"), cell(times, "number"))
            for (name, kind), times in sorted(evaluation.problems.items())
        ]
        yield table("Transforms that failed", ["Transform", "How", "#Times"], rows)
    yield "</section>\n"


def _reading_section() -> str:
    return (
        '<section aria-labelledby="reading">\n<h2 id="reading">How to read this page</h2>\n<ul>\n'
        "<li>The same transforms, from the same seeds, give the same copies again: two reports on one folder can be "
        "compared.</li>\n"
        "<li>One threshold holds for everything. A tool that chooses another for each row looks better than it is.</li>"
        "\n<li>The levels: <em>exact</em> looks up the file as it is, <em>standard</em> also what ordinary alterations "
        "lead back from, <em>thorough</em> rarer ones too. More looks find more, and come nearer to unrelated "
        "pictures.</li>\n"
        "<li>False matches are counted on real pairs where there are any. Where there are none, a curve fitted to the "
        "nearest pairs is continued; such a figure is marked as extrapolated and may be wrong by powers of ten.</li>\n"
        "<li>Peers run as their own documentation calls them, with the same threshold. Not all of their 256 bits are "
        "PDQ’s; their own advice may name another threshold.</li>\n</ul>\n</section>\n"
    )


def _legend(methods: Sequence[str]) -> str:
    items = "".join(f"<li>{legend_mark(number)}{escape(name)}</li>" for number, name in enumerate(methods))
    return f'<ul class="legend">{items}</ul>\n'
