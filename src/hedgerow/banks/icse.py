"""Read and write Interpol's table of known pictures and videos (ICSE).

    MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;…;Media Type;Baseline

Each row is one picture or video. *Baseline* is the verdict: what is in the baseline is illegal everywhere. What else
stands in a row says something about people, and is not read.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from hedgerow.banks.fields import RowReader, read_truth
from hedgerow.banks.model import NewEntry, PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from hedgerow.banks.model import Attributes, Entry

__all__ = ["BASELINE", "TYPES", "begin_table", "is_header", "read_rows", "write_row"]

BASELINE: Final = "baseline"
"""The word by which its verdict is chosen."""

TYPES: Final = ("md5", "sha1")
"""Signal types that a row has a place for."""

COLUMNS: Final = (
    "MD5",
    "SHA1",
    "PhotoDNA",
    "Image ID",
    "Is distributed",
    "Victim identified",
    "Offender identified",
    "Series name",
    "Number of submissions",
    "File Available",
    "Media Type",
    "Baseline",
)
"""The header, as IPED reads it from Interpol's files."""

_IN_BASELINE: Final = "ICSE baseline"
_NOT_IN_BASELINE: Final = "ICSE"
_OPAQUE: Final = PassedOver("a PhotoDNA, by which Hedgerow does not match")
_NOT_CHOSEN: Final = PassedOver("it is not in the baseline of ICSE")


def is_header(names: Sequence[str]) -> bool:
    """Tell whether these head Interpol's table.

    >>> is_header(COLUMNS), is_header(["MD5", "SHA1", "Category"])
    (True, False)
    """
    return {_plain(name) for name in names} >= {"md5", "imageid", "baseline"}


def _plain(name: str) -> str:
    return "".join(name.split()).replace("_", "").lower()


def read_rows(
    names: Sequence[str],
    records: Iterable[tuple[int, list[str] | str]],
    *,
    attributes: Attributes,
    only_baseline: bool,
) -> Iterator[tuple[int, NewEntry | str | PassedOver]]:
    """Read the rows below a header.

    Args:
        names: The header.
        records: Each row with its number, or what is wrong with it.
        attributes: What holds for all of them.
        only_baseline: Whether to pass over what is not in the baseline.
    """
    places = {_plain(name): place for place, name in reversed(list(enumerate(names)))}
    reader = RowReader(attributes, None)

    def cell(cells: list[str], name: str) -> str:
        place = places.get(name)
        return "" if place is None else cells[place].strip()

    for number, cells in records:
        if isinstance(cells, str):
            yield number, cells
            continue
        if len(cells) != len(names):
            if any(cells):
                yield number, "not as many cells as the header"
            continue
        is_baseline = read_truth(cell(cells, "baseline"))
        if is_baseline is None:
            yield number, "its Baseline is neither true nor false"
        elif only_baseline and not is_baseline:
            yield number, _NOT_CHOSEN
        else:
            digests = {kind: cell(cells, kind) for kind in TYPES}
            has_opaque = bool(cell(cells, "photodna"))
            if any(digests.values()) or not has_opaque:
                category = _IN_BASELINE if is_baseline else _NOT_IN_BASELINE
                said = {"external_id": cell(cells, "imageid"), "category": category}
                for result in reader.read(digests | said):
                    yield number, result
            if has_opaque:
                yield number, _OPAQUE


def begin_table(target: TextIO) -> None:
    """Write the header."""
    csv.writer(target, delimiter=";", lineterminator="\r\n").writerow(COLUMNS)


def write_row(target: TextIO, entries: Sequence[Entry]) -> None:
    """Write the digests of one picture or video, of which there is at most one of each type.

    Only what Hedgerow knows is stated: digests, the source's own name, and whether it is in the baseline.
    """
    row = dict.fromkeys(COLUMNS, "")
    for entry in entries:
        row[entry.signal.type.upper()] = entry.signal.value.upper()
    said = entries[0].attributes
    row["Image ID"] = said.external_id or ""
    row["Baseline"] = "True" if said.category == _IN_BASELINE else "False"
    csv.writer(target, delimiter=";", lineterminator="\r\n").writerow(row.values())
