"""Read lists of signals as they circulate: plain text, tables, JSON. Streamed, bounded, nothing guessed by name.

    text    pdq <hex>    pdq,<hex>    <hex>        blank lines and lines that begin with # are skipped
    csv     a header, then rows; each row may hold several signals       comma, semicolon or tab
    jsonl   {"type": "pdq", "value": "<hex>", "quality": 90, ...}        also what ``hedgerow hash --json`` prints
    vpdq    0,100,<hex>,0.000      the frames of one video, a line for each (`hedgerow.banks.vpdq`)
    vpdq-json    ["<hex>,100,0.0", ...]      the same as one JSON list; several, a line each, are ``jsonl``
    vic     {"@odata.context": "…2.0.xml…", "value": [{"MediaID": 1, "Category": 1, "MD5": "<hex>", …}, …]}
    caid    the same with the model 1.2                                  hash sets and cases (`hedgerow.banks.vic`)
    icse    MD5;SHA1;PhotoDNA;Image ID;…;Baseline                        Interpol's table (`hedgerow.banks.icse`)

A file is UTF-8, with or without a byte order mark; a line ends with LF or CRLF. A line that cannot be read is
reported with its number and the reason, and the next one is read. What is in order and not for us, such as a PhotoDNA,
is passed over and counted. A list of known software is refused: it never goes into a bank.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from hedgerow.banks import icse, vic
from hedgerow.banks.fields import FIELDS, RowReader, field_named, read_value, type_named
from hedgerow.banks.lines import begin, cells_of, delimiter_of, read_lines, records_of, text_of
from hedgerow.banks.model import Attributes, NewEntry, PassedOver
from hedgerow.banks.vpdq import is_frame_line, read_frame_lines, read_video, vpdq_signal
from hedgerow.errors import ImportUnreadable
from hedgerow.hashing.signal import Signal, signal_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hedgerow.banks.lines import Line

__all__ = ["FORMATS", "ReadOptions", "Reading", "open_list"]

FORMATS = ("text", "csv", "jsonl", "vpdq", "vpdq-json", "vic", "caid", "icse")

# Formats of which a file is one video, and the longest name that becomes its external id (tables.py).
_ONE_VIDEO = ("vpdq", "vpdq-json")
_NAME_CHARACTERS = 200
# Formats that are one JSON document, read record by record.
_DOCUMENTS = ("vic", "caid")
# A JSON list over several lines is read whole: nine hours of every frame in the longest spelling.
_DOCUMENT_BYTES = 128 * 1024**2
# Bytes looked at to tell a document: its context and the beginning of its first record stand there.
_HEAD_BYTES = 64 * 1024
# Lines looked at to tell the format, comments aside.
_HEAD_LINES = 2
_TYPED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?: +|\t|, ?|; ?|: ?)(.*)", re.DOTALL)
_HEX_LENGTHS = frozenset({32, 40, 64})
# of a frame's first cell in a JSON list: an opening quotation mark, and a PDQ
_QUOTED_HEX_LENGTHS = frozenset({65})
_BINARY = {
    b"\xff\xd8\xff": "a picture",
    b"\x89PNG": "a picture",
    b"GIF8": "a picture",
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\x1f\x8b": "compressed: unpack it first",
    b"SQLite format 3": "a database (NSRL's is for `hedgerow known-good`, and never goes into a bank)",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
}
# Columns of NSRL's own table, the way `field_named` spells names (RDS 2, "NSRLFile.txt").
_NSRL_COLUMNS = frozenset({"sha_1", "crc32", "productcode"})

IMPORTED = Attributes(provenance="import")

_Read = tuple[int, NewEntry | str | PassedOver]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a list.

    Attributes:
        format: One of `FORMATS`; None to tell by the content.
        signal_type: The type of values that name none; None to tell by their length, 64 digits being PDQ.
        columns: What columns or keys mean that have no usual name: ``{"Fingerprint A": "pdq"}``.
        attributes: What holds for entries that do not say otherwise.
        line_bytes: Longest line that is read, and longest record of a JSON document. A line holds all frames of a
            video: two hours of 30 a second are 19 MB.
        name: What a list that is one video is called: its external id, unless `attributes` has one. An imported file's
            own name, without its ending, where that is not given.
        categories: Of lists that give each record a verdict, which are taken: ``1``, ``2`` and ``3`` of Project VIC
            and CAID, ``baseline`` of ICSE. None for all of these, and in ICSE also for what is not in the baseline.
    """

    format: str | None = None
    signal_type: str | None = None
    columns: Mapping[str, str] | None = None
    attributes: Attributes = IMPORTED
    line_bytes: int = 32 * 1024**2
    name: str | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A list that is being read.

    Attributes:
        format: What it turned out to be.
        results: For each signal its line's number and the new entry, or the reason why it is none, or what was passed
            over.
    """

    format: str
    results: Iterator[_Read]


def open_list(source: BinaryIO, options: ReadOptions) -> Reading:
    """Tell a list's format and begin to read it.

    Args:
        source: Buffered bytes; need not be seekable.
        options: How to read it.

    Raises:
        ImportUnreadable: It is in none of the formats, it is a list of known software, or there is no such category.
        UnknownSignalType: The options name a type that does not exist.
    """
    _check(options)
    start, stream = begin(source, _HEAD_BYTES)
    if options.format is None or options.format in _DOCUMENTS:
        model = vic.model_of(start, options.format)
        if model is not None:
            results = vic.read_document(
                stream,
                model,
                attributes=options.attributes,
                categories=vic.chosen(options.categories),
                record_bytes=options.line_bytes,
            )
            return Reading(model.format, results)
    return _open_lines(stream, options)


def _check(options: ReadOptions) -> None:
    if options.signal_type is not None:
        signal_type(options.signal_type)
    for field in (options.columns or {}).values():
        if field not in FIELDS:
            raise ImportUnreadable(f"{field!r} is no field; there are {', '.join(FIELDS)}")
    for category in options.categories or ():
        if category not in vic.VERDICTS and category != icse.BASELINE:
            known = ", ".join([*vic.VERDICTS, icse.BASELINE])
            raise ImportUnreadable(f"{category!r} is no category that says what is known; there are {known}")
    if options.format is not None and options.format not in FORMATS:
        raise ImportUnreadable(f"there is no format {options.format!r}; there are {', '.join(FORMATS)}")


def _open_lines(stream: BinaryIO, options: ReadOptions) -> Reading:
    lines = read_lines(stream, options.line_bytes)
    head: list[Line] = []
    content: list[str] = []
    for number, line in lines:
        head.append((number, line))
        if number == 1 and line is not None:
            _refuse_binary(line)
        text = None if line is None else line.decode("utf-8", "replace")
        if text is not None and text.strip() and not text.startswith("#"):
            content.append(text)
        if len(content) == _HEAD_LINES or len(head) == _HEAD_LINES * 1_000:
            break
    told = options.format or _sniff(content, options)
    readers: dict[str, Callable[[Iterator[Line], ReadOptions], Iterator[_Read]]] = {
        "text": _read_text,
        "csv": _read_csv,
        "icse": _read_icse,
        "jsonl": _read_jsonl,
        "vpdq": _read_vpdq,
        "vpdq-json": _read_vpdq_json,
    }
    if told in _ONE_VIDEO and options.name is not None and options.attributes.external_id is None:
        named = replace(options.attributes, external_id=options.name[:_NAME_CHARACTERS])
        options = replace(options, attributes=named)
    return Reading(told, readers[told](chain(head, lines), options))


def _refuse_binary(line: bytes) -> None:
    for magic, what in _BINARY.items():
        if line.startswith(magic):
            raise ImportUnreadable(f"it is {what}")


def _sniff(content: list[str], options: ReadOptions) -> str:
    if not content:
        return "text"
    first = content[0].strip()
    if first.startswith("{"):
        if len(content) > 1 and not content[1].lstrip().startswith("{") and not _is_json(first):
            raise ImportUnreadable(
                "it is one JSON document over several lines, and not of Project VIC or CAID; one object a line is read"
            )
        return "jsonl"
    if first.startswith("["):
        return _sniff_list(first, content[1].strip() if len(content) > 1 else "")
    if is_frame_line(first) and all(is_frame_line(line.strip()) for line in content):
        return "vpdq"
    names = cells_of(content[0], delimiter_of(content[0])) or []
    if icse.is_header(names):
        return "icse"
    if any(name in (options.columns or {}) for name in names):
        return "csv"
    if _is_signal_line(content[0], options):
        return "text"
    fields = {field_named(name) for name in names}
    is_header = bool(fields & {"value", *_signal_fields()}) and not any(len(name) in _HEX_LENGTHS for name in names)
    follows_signal = len(content) == 1 or _is_signal_line(content[1], options)
    if is_header and not (None in fields and follows_signal):  # "pdq,<mistyped hex>" is text, though pdq is a name
        return "csv"
    is_table = (
        len(names) > 1
        and not follows_signal
        and len(cells_of(content[1], delimiter_of(content[0])) or []) == len(names)
    )
    if is_table:
        raise ImportUnreadable("it seems to be a table, but no column has a name that means a signal: say which does")
    return "text"


def _sniff_list(first: str, second: str) -> str:
    """Tell a list of frames from another list; it may be one line or one of many."""
    begins = (first.removeprefix("[").strip() or second).partition(",")[0]
    if not begins.startswith('"') or len(begins) not in _QUOTED_HEX_LENGTHS:
        raise ImportUnreadable("it is a JSON list; one object a line is read")
    return "jsonl" if second and _is_json(first) else "vpdq-json"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _signal_fields() -> set[str]:
    return {field for field in FIELDS if type_named(field) is not None}


def _is_signal_line(line: str, options: ReadOptions) -> bool:
    return not isinstance(_parse_text(line, options.signal_type), str)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_text(lines: Iterable[Line], options: ReadOptions) -> Iterator[_Read]:
    attributes = options.attributes
    for number, line in lines:
        text, problem = text_of(line)
        if problem is not None:
            yield number, problem
        elif text and not text.startswith("#") and not text.isspace():
            signal = _parse_text(text, options.signal_type)
            yield number, signal if isinstance(signal, str) else NewEntry(signal, attributes)


def _parse_text(text: str, stated: str | None) -> Signal | str:
    typed = None if len(text) in _HEX_LENGTHS else _TYPED.match(text)
    name = None if typed is None else type_named(typed[1])
    if typed is not None and name is not None:
        return read_value(typed[2], name)
    bare = read_value(text, stated)
    if typed is not None and len(typed[1]) not in _HEX_LENGTHS and isinstance(bare, str):
        return "its signal type is unknown"
    return bare


# ── csv ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_csv(lines: Iterator[Line], options: ReadOptions) -> Iterator[_Read]:
    opened = _open_table(lines)
    if opened is None:
        return
    names, records = opened
    header = _header(names, options)
    reader = RowReader(options.attributes, options.signal_type)
    for number, cells in records:
        if isinstance(cells, str):
            yield number, cells
        elif len(cells) != len(header):
            if any(cells):
                yield number, "not as many cells as the header"
        else:
            row = {field: cell for field, cell in zip(header, cells, strict=True) if field is not None}
            for result in reader.read(row):
                yield number, result


def _read_icse(lines: Iterator[Line], options: ReadOptions) -> Iterator[_Read]:
    opened = _open_table(lines)
    if opened is None:
        return
    names, records = opened
    if not icse.is_header(names):
        raise ImportUnreadable("it is no table of ICSE: its header has no MD5 and no Baseline")
    is_strict = options.categories is not None and icse.BASELINE in options.categories
    yield from icse.read_rows(names, records, attributes=options.attributes, only_baseline=is_strict)


def _open_table(lines: Iterator[Line]) -> tuple[list[str], Iterator[tuple[int, list[str] | str]]] | None:
    """Return a table's header and its records; None where there is nothing.

    Raises:
        ImportUnreadable: The header cannot be read, or it is that of a list of known software.
    """
    for first in lines:
        text, problem = text_of(first[1])
        if problem is not None:
            raise ImportUnreadable(f"its header cannot be read: {problem}")
        if text.strip() and not text.startswith("#"):
            break
    else:
        return None
    records = records_of(chain([first], lines), delimiter_of(text))
    names = next(records)[1]
    if isinstance(names, str):
        raise ImportUnreadable(f"its header cannot be read: {names}")
    if {name.strip().lower().replace("-", "_") for name in names} >= _NSRL_COLUMNS:
        raise ImportUnreadable(
            "it is NSRL's list of known software, which never goes into a bank: see `hedgerow known-good`"
        )
    return names, records


def _header(names: list[str], options: ReadOptions) -> list[str | None]:
    stated = options.columns or {}
    for name in stated:
        if name not in names:
            raise ImportUnreadable(f"there is no column {name!r}")
    header: list[str | None] = []
    taken = set(stated.values())
    for name in names:
        field = stated.get(name)
        if field is None:
            field = field_named(name)
            if field in taken:
                field = None  # the first of several columns that may mean the same; a stated one before all
            elif field is not None:
                taken.add(field)
        header.append(field)
    if not set(header) & {"value", *_signal_fields()}:
        raise ImportUnreadable("no column has a name that means a signal: say which does")
    return header


# ── jsonl ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_jsonl(lines: Iterable[Line], options: ReadOptions) -> Iterator[_Read]:
    reader = RowReader(options.attributes, options.signal_type)
    for number, line in lines:
        text, problem = text_of(line)
        if problem is not None:
            yield number, problem
            continue
        if not text or text.isspace():
            continue
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):  # RecursionError: brackets nested to exhaust the parser
            yield number, "the line is no JSON"
            continue
        if isinstance(document, list):
            video = read_video(None, document)
            yield number, video if isinstance(video, str) else NewEntry(video, options.attributes)
            continue
        if not isinstance(document, dict):
            yield number, "the line is no JSON object"
            continue
        for row in _rows(document, options.columns or {}):
            if isinstance(row, str):
                yield number, row
                continue
            for result in reader.read(row):
                yield number, result


def _rows(document: dict[str, object], columns: Mapping[str, str]) -> Iterator[dict[str, object] | str]:
    """Give one row for an object, or one for each of its ``signals``."""
    row: dict[str, object] = {}
    for key, value in document.items():
        field = columns.get(key) or field_named(key)
        if field is not None and row.get(field) is None:
            row[field] = value
    signals = document.get("signals")
    if not isinstance(signals, list):
        yield row
        return
    for each in signals:
        if not isinstance(each, dict):
            yield "one of its signals is no JSON object"
            continue
        for own in _rows({key: value for key, value in each.items() if key != "signals"}, columns):
            yield own if isinstance(own, str) else {**row, **own}


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_vpdq(lines: Iterable[Line], options: ReadOptions) -> Iterator[_Read]:
    """Read one video: a frame that cannot be read is reported, and the others are its list."""
    problems: list[_Read] = []

    def readable() -> Iterator[tuple[int, str]]:
        for number, line in lines:
            text, problem = text_of(line)
            if problem is not None:
                problems.append((number, problem))
            elif text and not text.startswith("#") and not text.isspace():
                yield number, text

    for number, read in read_frame_lines(readable()):
        yield number, read if isinstance(read, str) else NewEntry(vpdq_signal(read), options.attributes)
    yield from problems


def _read_vpdq_json(lines: Iterable[Line], options: ReadOptions) -> Iterator[_Read]:
    """Read one video that is a JSON list over several lines."""
    parts: list[str] = []
    size = 0
    for number, line in lines:
        text, problem = text_of(line)
        size += len(text)
        if problem is not None or size > _DOCUMENT_BYTES:
            yield number, problem or "the list is too long"
            return
        parts.append(text)
    video = read_video(None, "\n".join(parts))
    yield 1, video if isinstance(video, str) else NewEntry(video, options.attributes)
