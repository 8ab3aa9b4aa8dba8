"""How a row of a partner's file becomes a record or a withdrawal. A row is never fatal."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.banks.fields import read_value, type_named
from hedgerow.banks.model import NewEntry
from hedgerow.errors import ImportUnreadable
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.pull_file_mapping import DIGESTS, PHOTODNA, FileMapping
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hedgerow.banks.model import PassedOver

__all__ = ["Item", "RowReader", "listed_item", "refused_row"]

Item = Record | Withdrawal

_WIDEST_ID: Final = 100
_WIDEST_TYPE: Final = 40
_KEY_DIGITS: Final = 32
# What the digests of a file look like in hex, base64 and base32: such an id may be one, and a key may be logged.
_LIKE_A_VALUE: Final = re.compile(
    r"(?:0x)?(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})"
    r"|[A-Za-z0-9+/_-]{22}(?:==)?|[A-Za-z0-9+/_-]{27}=?|[A-Za-z0-9+/_-]{43}=?|[A-Z2-7]{32}"
)
_WITHDRAWN: Final = "its source has withdrawn it"
_MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds, the year 5138


def refused_row(number: int, problem: str) -> Record:
    """Return what stands for a row that cannot be read at all."""
    return Record(f"line/{number}", refused=(("row", problem),))


def value_key(kind: str, value: str) -> str:
    """Return the key of a row without an id: no value, but one for each."""
    return f"{kind[:_WIDEST_TYPE]}/{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:_KEY_DIGITS]}"


def id_key(text: str) -> str:
    """Return the key of a row with an id; of one that looks like a signal's value, or is too long, a digest.

    >>> id_key("IMG-1")
    'IMG-1'
    >>> id_key("d41d8cd98f00b204e9800998ecf8427e")
    'id/f215faf9d88b7f0a881632ee22459ee4'
    """
    if len(text) <= _WIDEST_ID and text.isprintable() and not _LIKE_A_VALUE.fullmatch(text):
        return text
    return value_key("id", text)


class RowReader:
    """Turns rows into records and withdrawals.

    Args:
        mapping: What the columns mean.
        names: Of CSV, the names in its header; None where columns are numbered, or where rows are JSON objects.

    Raises:
        ImportUnreadable: A column is not there.
    """

    def __init__(self, mapping: FileMapping, names: Sequence[str] | None = None) -> None:
        self._mapping = mapping
        make = _path_getter if mapping.format in {"json", "jsonl"} else _cell_getter(names)
        self._get = {name: make(column) for name, column in mapping.columns.items()}
        self._signals = [
            (kind, _name_of(mapping.columns[kind], kind), self._get[kind])
            for kind in (*DIGESTS, PHOTODNA)
            if kind in self._get
        ]
        self._tags = [(str(column), make(column)) for column in mapping.tags]
        self._opaque = [(str(column)[:_WIDEST_TYPE], make(column)) for column in mapping.opaque]
        self._is_long = "value" in self._get

    def read(self, row: Any, number: int) -> Item:  # noqa: ANN401  (cells, or a JSON object)
        """Return what a row says.

        Args:
            row: Cells, or a JSON object.
            number: The row's, from 1: it names a row that holds nothing else.
        """
        signals: list[tuple[str, Signal]] = []
        opaque: list[Opaque] = []
        refused: list[tuple[str, str]] = []
        first: tuple[str, str] | None = None
        for kind, name, value in self._values(row):
            first = first or (kind or name, value.lower())
            read = self._read_value(kind, value)
            if isinstance(read, Signal):
                signals.append((name, read))
            elif read is None:
                opaque.append(Opaque(name, value))
            else:
                refused.append((name, read))
        for name, get in self._opaque:
            if text := _text(get(row)):
                opaque.append(Opaque(name, text))
                first = first or (name, text)
        key = self._key(row, first)
        if key is None:
            return refused_row(number, "it holds no signal and no id")
        is_deleted = self._is_deleted(row)
        if is_deleted:
            return Withdrawal(key, self._updated(row))
        if is_deleted is None:
            return Record(key, refused=(("row", "it says neither that it is deleted nor that it is not"),))
        if not signals and not opaque and not refused:
            refused.append(("row", "it holds no signal"))
        return self._record(row, key, signals, opaque, refused)

    def _record(
        self,
        row: Any,  # noqa: ANN401  (cells, or a JSON object)
        key: str,
        signals: list[tuple[str, Signal]],
        opaque: list[Opaque],
        refused: list[tuple[str, str]],
    ) -> Record:
        mapping = self._mapping
        category = self._said(row, "category")
        tags = [f"{name}: {text}" for name, get in self._tags if (text := _text(get(row)))]
        redistributable = self._said(row, "redistributable")
        return Record(
            key,
            tuple(signals),
            tuple(opaque),
            contributor=self._said(row, "contributor") or mapping.contributor,
            category=mapping.categories.get(category, category) if category else mapping.category,
            tags=(*mapping.constant_tags, *tags),
            updated_at=self._updated(row),
            refused=tuple(refused),
            may_be_redistributed=mapping.is_redistributable
            if redistributable is None
            else redistributable.lower() in mapping.true_words,
        )

    def _said(self, row: Any, name: str) -> str | None:  # noqa: ANN401  (cells, or a JSON object)
        get = self._get.get(name)
        return None if get is None else _text(get(row))

    def _values(self, row: Any) -> list[tuple[str | None, str, str]]:  # noqa: ANN401  (cells, or a JSON object)
        """Return our type (None for one that we do not know), the partner's name of it, and the value of each."""
        values: list[tuple[str | None, str, str]] = [
            (kind, name, text) for kind, name, get in self._signals if (text := _text(get(row)))
        ]
        if self._is_long and (text := self._said(row, "value")):
            word = self._said(row, "type") or ""
            kind = self._mapping.types.get(word.lower()) or type_named(word)
            values.append((kind if kind in (*DIGESTS, PHOTODNA) else None, word[:_WIDEST_TYPE] or "value", text))
        return values

    def _read_value(self, kind: str | None, text: str) -> Signal | str | None:
        """Return the signal, or why it is none; None where it cannot be matched here."""
        if kind is None or kind == PHOTODNA:
            return None
        encoding = self._mapping.encodings.get(kind, "hex")
        if encoding == "hex":
            return read_value(text, kind)
        try:
            if encoding == "base64":
                bits = base64.b64decode(text, validate=True)
            else:
                bits = base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)
        except (binascii.Error, ValueError):
            return f"it is no {encoding}"
        wanted = SIGNAL_TYPES[kind].size_bytes
        return Signal(kind, bits) if len(bits) == wanted else f"wrong length: a {kind} signal has {wanted} bytes"

    def _key(self, row: Any, first: tuple[str, str] | None) -> str | None:  # noqa: ANN401  (cells, or a JSON object)
        text = self._said(row, "id")
        if text is None:
            return None if first is None else value_key(*first)
        if not self._is_long:
            return id_key(text)
        # One row for each signal: several have one id.
        return f"{id_key(text)}/{(self._said(row, 'type') or 'value')[:_WIDEST_TYPE]}"

    def _is_deleted(self, row: Any) -> bool | None:  # noqa: ANN401  (cells, or a JSON object)
        if "deleted" not in self._get:
            return False
        word = (self._said(row, "deleted") or "").lower()
        if word in self._mapping.deleted_words:
            return True
        live = self._mapping.live_words
        return False if live is None or word in live else None

    def _updated(self, row: Any) -> datetime | None:  # noqa: ANN401  (cells, or a JSON object)
        text = self._said(row, "updated")
        return None if text is None else _time(text, self._mapping.updated_format)


def listed_item(number: int, results: Sequence[NewEntry | str | PassedOver], mapping: FileMapping) -> Item | None:
    """Return what one line of a list says that `open_list` read; None where that is nothing for a bank.

    Args:
        number: The line's.
        results: What it held. What its source has withdrawn, or what is not for us, is nothing.
        mapping: Its constants and categories hold here too.
    """
    entries = [each for each in results if isinstance(each, NewEntry)]
    problems = [each for each in results if isinstance(each, str)]
    if not entries:
        return refused_row(number, problems[0]) if problems and problems != [_WITHDRAWN] else None
    said = entries[0].attributes
    first = entries[0].signal
    return Record(
        id_key(said.external_id) if said.external_id else value_key(first.type, first.value),
        tuple((each.signal.type, each.signal) for each in entries),
        contributor=said.contributor or mapping.contributor,
        category=mapping.categories.get(said.category, said.category) if said.category else mapping.category,
        tags=mapping.constant_tags,
        updated_at=said.added_at,
        refused=tuple(("row", each) for each in problems),
        may_be_redistributed=said.may_be_redistributed or mapping.is_redistributable,
    )


def _name_of(column: str | int, kind: str) -> str:
    """Return the partner's name of a type: its column's, where that has one."""
    return kind.upper() if isinstance(column, int) else column[:_WIDEST_TYPE]


def _cell_getter(names: Sequence[str] | None) -> Callable[[str | int], Callable[[Any], Any]]:
    positions: dict[str, int] = {}
    for at, name in enumerate(names or ()):
        positions.setdefault(name.strip(), at)  # the first of several of one name

    def made(column: str | int) -> Callable[[Any], Any]:
        if isinstance(column, int):
            at = column - 1
            return lambda row: row[at] if at < len(row) else None
        if column.strip() not in positions:
            raise ImportUnreadable(f"there is no column {column!r}")
        at = positions[column.strip()]
        return lambda row: row[at]

    return made


def _path_getter(column: str | int) -> Callable[[Any], Any]:
    whole = str(column)
    parts = whole.split(".")

    def got(row: Any) -> Any:  # noqa: ANN401  (JSON)
        if whole in row or len(parts) == 1:
            return row.get(whole)
        value: Any = row
        for part in parts:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return None
        return value

    return got


def _text(value: Any) -> str | None:  # noqa: ANN401  (a cell, or JSON)
    """Return a cell as text; None where it says nothing. A list's texts are joined."""
    if isinstance(value, str):  # nearly all are
        return value.strip() or None
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(text for each in value if not isinstance(each, list) and (text := _text(each))) or None
    return str(value).strip() or None


def _time(text: str, form: str | None) -> datetime | None:
    """Read a time; None where it is none: a row is not refused for that."""
    try:
        if form == "epoch":
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
        at = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007  (below)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
