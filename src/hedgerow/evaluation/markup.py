"""The small parts of the HTML report: tables and their cells, and figures as people read them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hedgerow.evaluation.intervals import Share

__all__ = [
    "cell",
    "in_words",
    "name_cell",
    "numeric",
    "percent",
    "rate",
    "row",
    "share_cell",
    "short",
    "shown",
    "table",
]


def table(name: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    """Wrap rows into a table that scrolls by itself where the page is narrow; a head with # stands over numbers."""
    columns = "".join(
        f'<th scope="col" class="number">{escape(head[1:])}</th>'
        if head.startswith("#")
        else f'<th scope="col">{escape(head)}</th>'
        for head in heads
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>\n'
        f"<thead><tr>{columns}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def numeric(names: Iterable[str]) -> list[str]:
    """Mark heads as standing over numbers."""
    return [f"#{name}" for name in names]


def row(*cells: str) -> str:
    """Write a row of cells."""
    return f"<tr>{''.join(cells)}</tr>\n"


def cell(value: object, kind: str) -> str:
    """Write a cell of a kind that the style sheet knows: ``number``, ``word``."""
    return f'<td class="{kind}">{escape(shown(str(value)))}</td>'


def name_cell(name: str, *, is_head: bool = True) -> str:
    """Write a cell with a file's name."""
    # <bdi> keeps a name in a right-to-left script from reordering the line it stands in
    tag, scope = ("th", ' scope="row"') if is_head else ("td", "")
    return f'<{tag}{scope} class="path"><bdi>{escape(shown(name))}</bdi></{tag}>'


def share_cell(share: Share, *, is_missed: bool = False) -> str:
    """Write a cell with a share in per cent and, small, the interval in which it lies."""
    if share.value is None:
        return '<td class="number">–</td>'
    low, high = share.interval
    mark = '<span class="missed" title="below what is wanted">▾</span> ' if is_missed else ""
    return f'<td class="number">{mark}{share.value * 100:.1f}<small>{low * 100:.0f}–{high * 100:.0f}</small></td>'


def percent(share: Share) -> str:
    """Write a share in per cent."""
    return "–" if share.value is None else f"{share.value * 100:.1f} %"


def rate(value: float) -> str:
    """Write a small number as people read it.

    >>> [rate(each) for each in (0.0, 2.34, 0.0123, 3.2e-7, 1234.5)]
    ['0', '2.3', '0.012', '3·10⁻⁷', '1,234']
    """
    if value == 0:
        return "0"
    if value >= 100:  # noqa: PLR2004  (whole numbers from here)
        return f"{value:,.0f}"
    if value >= 9.5e-4:  # noqa: PLR2004  (below, zeros are hard to count)
        return f"{value:.2g}"
    mantissa, _, power = f"{value:.0e}".partition("e")
    return f"{mantissa}·10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def short(count: int) -> str:
    """Write a large count in few characters.

    >>> short(12_345_678), short(9_300), short(12)
    ('12.3 M', '9.3 k', '12')
    """
    if count >= 1_000_000:  # noqa: PLR2004  (a million)
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} k" if count >= 1_000 else str(count)  # noqa: PLR2004  (a thousand)


def in_words(seconds: float) -> str:
    """Write a stretch of time as people say it."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004  (seconds in a minute)
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def shown(text: str) -> str:
    """Write characters that could mislead the eye as escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape", "replace").decode() for each in text)
