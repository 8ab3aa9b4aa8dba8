"""What the columns of a partner's file mean: a JSON object, written by whoever has the list, or one that is ready.

    {"format": "csv",                      csv, json, jsonl, or list: whatever `hedgerow bank import` reads
     "delimiter": ";",                     of csv; told by its first line where it is not given
     "header": true,                       of csv; false: columns are numbered, from 1
     "rows": "data.items",                 of json: where the array is; empty where the file is one
     "member": "hashes.csv",               of a zip that holds several files
     "columns": {"md5": "MD5", "sha1": "SHA-1", "pdq": "PDQ", "photodna": "PhotoDNA", "id": "ID", "tags": ["Series"]},
     "types": {"PHOTO-DNA": "photodna"},   words of a column `type`, whose row's signal is in the column `value`
     "encodings": {"pdq": "base64"},       hex, base64 or base32; hex where it is not given
     "categories": {"1": "A"},             the partner's words, and ours; others stay as they are
     "deleted_words": ["removed"],         what the column `deleted` holds where the row is withdrawn
     "live_words": ["active"],             what it holds otherwise; where it is given, a third word refuses the row
     "true_words": ["yes"],                what the column `redistributable` holds where it is
     "updated_format": "%d/%m/%Y",         of the column `updated`; ISO 8601 where it is not given, or epoch
     "constants": {"contributor": "…", "category": "…", "tags": ["…"], "redistributable": false}}

In JSON a column is a path: ``hashes.md5``. A time without a zone is UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NoReturn

from hedgerow.errors import InvalidExchange

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIGESTS", "PHOTODNA", "READY", "FileMapping", "read_mapping"]

READY: Final = ("icse-csv", "iwf-style-csv")
"""Mappings that come with Hedgerow."""

DIGESTS: Final = ("md5", "sha1", "sha256", "pdq")
"""Signal types that a column may hold, in the order in which the first names a row that has no id."""
PHOTODNA: Final = "photodna"
"""Cannot be matched here; it is kept, so that nothing that the partner said is lost."""

_FORMATS: Final = ("csv", "json", "jsonl", "list")
_ENCODINGS: Final = ("hex", "base64", "base32")
_SINGLE: Final = (
    *(*DIGESTS, PHOTODNA, "type", "value", "id"),
    *("category", "updated", "deleted", "redistributable", "contributor"),
)
_SEVERAL: Final = ("tags", "opaque")
_KEYS: Final = (
    *("about", "format", "delimiter", "header", "rows", "member", "columns", "types", "encodings", "categories"),
    *("deleted_words", "live_words", "true_words", "updated_format", "constants"),
)
_CONSTANTS: Final = ("contributor", "category", "tags", "redistributable")
_TRUE_WORDS: Final = ("true", "yes", "y", "1", "t")
_DELETED_WORDS: Final = (*_TRUE_WORDS, "deleted", "removed", "withdrawn")
_MOST_COLUMNS: Final = 1_000


@dataclass(frozen=True, slots=True)
class FileMapping:
    """What a file looks like and what is in it.

    Attributes:
        format: ``csv``, ``json``, ``jsonl`` or ``list``.
        delimiter: Of CSV; None to tell it by the first line.
        has_header: Whether the first record of CSV names the columns.
        rows: Where in a JSON document the array is: keys from the outside in.
        member: Which file of a zip; None where there is but one.
        columns: For each field the column: a name, a path, or a number from 1.
        tags: Columns that become tags, under their names.
        opaque: Columns that are kept and not matched, under their names.
        types: For each word of the column ``type`` in lower case one of our types.
        encodings: How the values of a type are written, where it is not hex.
        categories: For each of the partner's words ours.
        deleted_words: In lower case.
        live_words: In lower case; None where everything is live that is not deleted.
        true_words: In lower case.
        updated_format: As `datetime.strptime` takes it, or ``epoch``; None for ISO 8601.
        contributor: Of rows that name none.
        category: Of rows that name none.
        constant_tags: Of every row.
        is_redistributable: Of rows that say nothing of it.
    """

    format: str = "list"
    delimiter: str | None = None
    has_header: bool = True
    rows: tuple[str, ...] = ()
    member: str | None = None
    columns: Mapping[str, str | int] = field(default_factory=dict)
    tags: tuple[str | int, ...] = ()
    opaque: tuple[str | int, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    encodings: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    deleted_words: frozenset[str] = frozenset(_DELETED_WORDS)
    live_words: frozenset[str] | None = None
    true_words: frozenset[str] = frozenset(_TRUE_WORDS)
    updated_format: str | None = None
    contributor: str | None = None
    category: str | None = None
    constant_tags: tuple[str, ...] = ()
    is_redistributable: bool = False

    def used(self) -> tuple[str | int, ...]:
        """Return all columns that it names."""
        return (*self.columns.values(), *self.tags, *self.opaque)


def read_mapping(said: Mapping[str, Any] | None, ready: str | None = None) -> FileMapping:
    """Read a mapping; where there is none, the list says itself what it is.

    Args:
        said: A JSON object.
        ready: The name of one that comes with Hedgerow, in its place.

    Raises:
        InvalidExchange: There is no such mapping, or both. The message names the field.

    >>> read_mapping({"format": "csv", "columns": {"md5": "Hash"}}).columns
    {'md5': 'Hash'}
    >>> read_mapping(None, "icse-csv").columns["photodna"]
    'PhotoDNA'
    """
    if ready is not None:
        if said is not None:
            raise InvalidExchange("mapping and ready_mapping cannot both be given")
        if ready not in READY:
            raise InvalidExchange(f"ready_mapping must be one of {', '.join(READY)}")
        said = json.loads((resources.files(__package__) / "mappings" / f"{ready}.json").read_text("utf-8"))
    if said is None:
        return FileMapping()
    if not isinstance(said, dict):
        raise InvalidExchange("mapping must be a JSON object")
    return _made(said)


def _made(said: dict[str, Any]) -> FileMapping:
    for key in said:
        if key not in _KEYS:
            _refuse(key, f"is no field; there are {', '.join(_KEYS)}")
    form = said.get("format", "list")
    if form not in _FORMATS:
        _refuse("format", f"must be one of {', '.join(_FORMATS)}")
    has_header = said.get("header", True)
    if not isinstance(has_header, bool):
        _refuse("header", "must be true or false")
    constants = _object(said, "constants", _CONSTANTS)
    columns = _object(said, "columns", (*_SINGLE, *_SEVERAL))
    is_numbered = form == "csv" and not has_header
    live_words = _words(said, "live_words", None)
    mapping = FileMapping(
        format=form,
        delimiter=_delimiter(said),
        has_header=has_header,
        rows=tuple(part for part in (_text(said, "rows") or "").split(".") if part),
        member=_text(said, "member"),
        columns={
            name: _column(f"columns.{name}", value, is_numbered=is_numbered)
            for name, value in columns.items()
            if name not in _SEVERAL
        },
        tags=_columns(columns, "tags", is_numbered=is_numbered),
        opaque=_columns(columns, "opaque", is_numbered=is_numbered),
        types={word.lower(): kind for word, kind in _choices(said, "types", (*DIGESTS, PHOTODNA)).items()},
        encodings=_choices(said, "encodings", _ENCODINGS),
        categories=_choices(said, "categories", None),
        deleted_words=_words(said, "deleted_words", _DELETED_WORDS) or frozenset(),
        live_words=live_words,
        true_words=_words(said, "true_words", _TRUE_WORDS) or frozenset(),
        updated_format=_text(said, "updated_format"),
        contributor=_text(constants, "contributor", "constants."),
        category=_text(constants, "category", "constants."),
        constant_tags=tuple(_texts("constants.tags", constants.get("tags", []))),
        is_redistributable=_flag(constants, "redistributable"),
    )
    _check_together(mapping)
    return mapping


def _check_together(mapping: FileMapping) -> None:
    columns = mapping.columns
    if mapping.format == "list":
        if columns or mapping.tags or mapping.opaque:
            _refuse("columns", "are those of csv, json and jsonl; a list names its own")
        return
    if not columns.keys() & {*DIGESTS, PHOTODNA, "value"} and not mapping.opaque:
        _refuse("columns", f"must name a column with a signal: one of {', '.join((*DIGESTS, PHOTODNA, 'value'))}")
    if ("type" in columns) != ("value" in columns):
        _refuse("columns", "must name both of type and value, or neither")
    if mapping.rows and mapping.format != "json":
        _refuse("rows", "says where the array of a json document is")
    if "deleted" in columns and mapping.live_words is not None and mapping.live_words & mapping.deleted_words:
        _refuse("live_words", "must hold no word that deleted_words holds")
    for name in mapping.encodings:
        if name not in DIGESTS:
            _refuse(f"encodings.{name}", f"must be for one of {', '.join(DIGESTS)}")


def _refuse(name: str, problem: str) -> NoReturn:
    raise InvalidExchange(f"mapping.{name} {problem}")


def _object(said: Mapping[str, Any], name: str, known: tuple[str, ...]) -> dict[str, Any]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        _refuse(name, "must be an object")
    for key in value:
        if key not in known:
            _refuse(f"{name}.{key}", f"is no field; there are {', '.join(known)}")
    return value


def _text(said: Mapping[str, Any], name: str, before: str = "") -> str | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(f"{before}{name}", "must be a text")
    return value or None


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        _refuse(name, "must be a list of texts")
    return [str(each) for each in value]


def _words(said: Mapping[str, Any], name: str, default: tuple[str, ...] | None) -> frozenset[str] | None:
    if said.get(name) is None:
        return None if default is None else frozenset(default)
    words = _texts(name, said[name])
    if not words:
        _refuse(name, "must hold a word")
    return frozenset(each.strip().lower() for each in words)


def _flag(said: Mapping[str, Any], name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        _refuse(f"constants.{name}", "must be true or false")
    return value


def _choices(said: Mapping[str, Any], name: str, known: tuple[str, ...] | None) -> dict[str, str]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        _refuse(name, "must be an object")
    for key, each in value.items():
        if not isinstance(each, str) or not each or (known is not None and each not in known):
            _refuse(f"{name}.{key}", "must be a text" if known is None else f"must be one of {', '.join(known)}")
    return dict(value)


def _delimiter(said: Mapping[str, Any]) -> str | None:
    value = _text(said, "delimiter")
    if value is not None and (len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n'):
        _refuse("delimiter", "must be one character, such as a comma")
    return value


def _columns(columns: Mapping[str, Any], name: str, *, is_numbered: bool) -> tuple[str | int, ...]:
    value = columns.get(name, [])
    if not isinstance(value, list):
        _refuse(f"columns.{name}", "must be a list of columns")
    return tuple(_column(f"columns.{name}", each, is_numbered=is_numbered) for each in value)


def _column(name: str, value: object, *, is_numbered: bool) -> str | int:
    if is_numbered:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_COLUMNS:
            _refuse(name, f"must be the number of a column, from 1 to {_MOST_COLUMNS:,}")
        return value
    if not isinstance(value, str) or not value:
        _refuse(name, "must be the name of a column")
    return value
