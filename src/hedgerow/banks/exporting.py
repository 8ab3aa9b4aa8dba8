"""Write a bank out as a list, for its own house or for those who may have it.

Most lists come with an agreement about who may see them, so that an export stands under one of two rights: it holds
only what may be passed on, or it stays in the house (a backup, a move to another machine), which somebody has to say.
An export for which neither was said is refused where it would hold anything that may not be passed on.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal, TextIO

from hedgerow.banks import icse, vic
from hedgerow.banks.model import Exported
from hedgerow.banks.records import count_entries, iterate_entries
from hedgerow.banks.vpdq import packed_text, vpdq_json, vpdq_lines
from hedgerow.errors import ImportUnreadable, NotRedistributable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank, Entry

__all__ = [
    "EXPORT_FORMATS",
    "VIDEO_FORMATS",
    "Right",
    "check_right",
    "count_exported",
    "export_entries",
    "export_videos",
]

EXPORT_FORMATS: Final = ("text", "csv", "jsonl", "vic", "vic-1.3", "icse")
"""What a whole bank is written as."""

VIDEO_FORMATS: Final = {"vpdq": ".txt", "vpdq-json": ".json"}
"""What holds one video → the end of such a file's name."""

_OF_DIGESTS: Final = {"vic": vic.TYPES, "vic-1.3": vic.TYPES, "icse": icse.TYPES}

Right = Literal["unsaid", "redistributable", "own_backup"]
"""What an export stands on: nothing was said; only what may be passed on; all of it, and it stays in the house."""


def check_right(connection: Connection, bank: Bank, right: Right, form: str) -> None:
    """Refuse an export for which nothing was said, and which would hold what may not be passed on.

    Args:
        connection: Of `Database.read`.
        bank: Which bank.
        right: What the export stands on.
        form: The format: entries for which it has no place do not count.

    Raises:
        NotRedistributable: It would.
    """
    if right == "unsaid":
        everything = count_exported(connection, bank, form, only_redistributable=False)
        allowed = count_exported(connection, bank, form, only_redistributable=True)
        forbidden = everything.entries - allowed.entries
        if forbidden:
            raise NotRedistributable(bank.name, forbidden)


def count_exported(connection: Connection, bank: Bank, form: str, *, only_redistributable: bool) -> Exported:
    """Count what an export in a format would hold, and for what the format has no place."""
    counts = count_entries(connection, bank, only_redistributable=only_redistributable)
    types = _OF_DIGESTS.get(form) or (("vpdq",) if form in VIDEO_FORMATS else None)
    if types is None:
        return Exported(counts)
    return Exported(
        {name: count for name, count in counts.items() if name in types},
        {name: count for name, count in counts.items() if name not in types},
    )


# The fields of an exported entry, in the order of the CSV columns; an import reads every one of them back.
_FIELDS: Final = (
    "type",
    "value",
    "quality",
    "variant",
    "made_by",
    "frames",
    "provenance",
    "contributor",
    "external_id",
    "category",
    "note",
    "may_be_redistributed",
    "added_at",
)


def export_entries(
    connection: Connection,
    bank: Bank,
    target: TextIO,
    *,
    format: str = "jsonl",  # noqa: A002  (the word that users type)
    right: Right = "unsaid",
    category: int | None = None,
) -> Exported:
    """Write a bank's live entries, oldest first, a few thousand in memory at a time, and return how many.

    CSV and JSON lines carry everything, so that an import of it gives the same bank. Text carries type and value alone,
    of a video its frames in the spelling of python-threatexchange, whose ``local_file`` reads it. Project VIC's and
    ICSE's carry MD5 and SHA-1 with the source's own number and category, of a picture or video together where they
    stand together in the bank. See `export_videos` for a file a video.

    Args:
        connection: Of `Database.read`: the export is the bank of one moment.
        bank: Which bank.
        target: Where to; open it with ``newline=""``.
        format: One of `EXPORT_FORMATS`.
        right: What it stands on.
        category: For Project VIC: of entries whose own category is none of its, 1 to 3; None to state none, and then
            who reads it does not take them for known material.

    Raises:
        ImportUnreadable: There is no such format.
        NotRedistributable: It would hold what may not be passed on, and nobody said that it stays in the house.
    """
    if format not in EXPORT_FORMATS:
        raise ImportUnreadable(f"there is no format {format!r}; there are {', '.join(EXPORT_FORMATS)}")
    check_right(connection, bank, right, format)
    tally = _Tally(_OF_DIGESTS.get(format))
    found = iterate_entries(connection, bank, only_redistributable=right == "redistributable", with_frames=True)
    writers: dict[str, Callable[[TextIO, Iterable[Entry]], None]] = {
        "text": _write_text,
        "csv": _write_csv,
        "jsonl": _write_jsonl,
        "icse": _write_icse,
    }
    if format in writers:
        writers[format](target, tally.of(found))
    else:
        _write_vic(target, tally.of(found), format, category)
    return tally.exported()


class _Tally:
    """Lets those entries through for which a format has a place, and counts all of them."""

    def __init__(self, types: tuple[str, ...] | None) -> None:
        self._types = types
        self._counts: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def of(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Give the entries that are to be written."""
        types, counts, left_out = self._types, self._counts, self._left_out
        for entry in entries:
            kind = entry.signal.type
            if types is None or kind in types:
                counts[kind] += 1
                yield entry
            else:
                left_out[kind] += 1

    def exported(self) -> Exported:
        return Exported(dict(sorted(self._counts.items())), dict(sorted(self._left_out.items())))


def _write_text(target: TextIO, entries: Iterable[Entry]) -> None:
    for entry in entries:
        frames = entry.signal.frames
        value = entry.signal.value if frames is None else vpdq_json(frames)
        target.write(f"{entry.signal.type} {value}\n")


def _write_csv(target: TextIO, entries: Iterable[Entry]) -> None:
    rows = csv.writer(target, lineterminator="\n")
    rows.writerow(_FIELDS)
    for entry in entries:
        fields = _fields(entry)
        rows.writerow([_cell(fields[name]) for name in _FIELDS])


def _write_jsonl(target: TextIO, entries: Iterable[Entry]) -> None:
    for entry in entries:
        stated = {name: value for name, value in _fields(entry).items() if value is not None}
        target.write(json.dumps(stated, ensure_ascii=False) + "\n")


def _write_icse(target: TextIO, entries: Iterable[Entry]) -> None:
    icse.begin_table(target)
    for media in _by_media(entries):
        icse.write_row(target, media)


def _write_vic(target: TextIO, entries: Iterable[Entry], form: str, category: int | None) -> None:
    vic.begin_document(target, form)
    separator = ""
    for media in _by_media(entries):
        target.writelines((separator, vic.media_record(media, category)))
        separator = ",\n"
    vic.end_document(target)


def _by_media(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Put the digests of one picture or video together, which stand beside each other under one name.

    A second digest of one type under the same name is another file of that name.
    """
    for name, alike in groupby(entries, lambda entry: (entry.attributes.external_id, entry.attributes.category)):
        media: list[Entry] = []
        for entry in alike:
            if media and (name[0] is None or any(each.signal.type == entry.signal.type for each in media)):
                yield media
                media = []
            media.append(entry)
        if media:
            yield media


def export_videos(
    connection: Connection,
    bank: Bank,
    folder: Path,
    *,
    format: str = "vpdq",  # noqa: A002  (the word that users type)
    right: Right = "unsaid",
) -> list[Path]:
    """Write each of a bank's live videos to a file of its own, named by its entry, and return the files.

    Args:
        connection: Of `Database.read`.
        bank: Which bank.
        folder: Where to; made where it is missing.
        format: ``vpdq``, as vPDQ's tool writes it, or ``vpdq-json``, as python-threatexchange does.
        right: What it stands on.

    Raises:
        ImportUnreadable: There is no such format.
        NotRedistributable: It would hold what may not be passed on, and nobody said that it stays in the house.
        OSError: The folder cannot be written.
    """
    if format not in VIDEO_FORMATS:
        raise ImportUnreadable(f"there is no format {format!r} for one video; there are {', '.join(VIDEO_FORMATS)}")
    check_right(connection, bank, right, format)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for entry in iterate_entries(connection, bank, only_redistributable=right == "redistributable", with_frames=True):
        frames = entry.signal.frames
        if frames is None:
            continue
        path = folder / f"{bank.name}-{entry.id}{VIDEO_FORMATS[format]}"
        with path.open("w", encoding="ascii") as file:
            file.writelines(vpdq_lines(frames) if format == "vpdq" else [vpdq_json(frames), "\n"])
        written.append(path)
    return written


def _fields(entry: Entry) -> dict[str, str | int | bool | None]:
    signal, attributes = entry.signal, entry.attributes
    return {
        "type": signal.type,
        "value": signal.value,
        "quality": signal.quality,
        "variant": signal.variant,
        "made_by": signal.made_by or None,
        "frames": None if signal.frames is None else packed_text(signal.frames),
        "provenance": attributes.provenance,
        "contributor": attributes.contributor,
        "external_id": attributes.external_id,
        "category": attributes.category,
        "note": attributes.note,
        "may_be_redistributed": attributes.may_be_redistributed,
        "added_at": attributes.added_at.isoformat() if attributes.added_at else None,
    }


def _cell(value: str | int | bool | None) -> str | int | None:  # noqa: FBT001  (a cell's value)
    return str(value).lower() if isinstance(value, bool) else value
