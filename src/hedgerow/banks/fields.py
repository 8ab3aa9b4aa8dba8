"""What a column or key of an imported table means, and how a row of them becomes new entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from hedgerow.banks.model import Attributes, NewEntry
from hedgerow.banks.vpdq import read_video
from hedgerow.hashing.signal import AS_IS, SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FIELDS", "RowReader", "field_named", "read_truth", "read_value", "type_named"]

# Where a signal type's name alone heads a column or key, its cells are signals of that type.
FIELDS = (
    "value",
    "type",
    "quality",
    "variant",
    "made_by",
    "provenance",
    "contributor",
    "external_id",
    "category",
    "note",
    "may_be_redistributed",
    "added_at",
    "withdrawn",
    "frames",
    *SIGNAL_TYPES,
)

# Names that lists in circulation use for our fields (threatexchange, HMA, Project VIC, ICSE, hash tools' reports).
_ALIASES = {
    **{name: name for name in FIELDS},
    "hash": "value",
    "hash_value": "value",
    "signal": "value",
    "signal_value": "value",
    "fingerprint": "value",
    "signal_type": "type",
    "hash_type": "type",
    "algorithm": "type",
    "pdq_quality": "quality",
    "hash_quality": "quality",
    "classification": "category",
    "label": "category",
    "notes": "note",
    "comment": "note",
    "comments": "note",
    "description": "note",
    "source": "provenance",
    "member": "contributor",
    "mediaid": "external_id",
    "media_id": "external_id",
    "image_id": "external_id",
    "may_redistribute": "may_be_redistributed",
    "redistributable": "may_be_redistributed",
    "withdrawn_at": "withdrawn",
    "is_withdrawn": "withdrawn",
    "deleted": "withdrawn",
    "is_deleted": "withdrawn",
    "pdq_hash": "pdq",
    "md5_hash": "md5",
    "sha1_hash": "sha1",
    "sha_1": "sha1",
    "sha256_hash": "sha256",
    "sha_256": "sha256",
    "video_md5": "md5",
}
_TYPE_BY_LENGTH = {32: "md5", 40: "sha1", 64: "pdq"}  # 64 digits are sha256 too; a bare one is taken for PDQ
_TRUE = frozenset({"true", "yes", "y", "1", "t"})
_FALSE = frozenset({"false", "no", "n", "0", "f", ""})
_TEXTS = ("provenance", "contributor", "external_id", "category", "note")


def field_named(name: str) -> str | None:
    """Return the field that a column or key of that name fills, if any.

    >>> field_named("SHA-256"), field_named(" Signal Type"), field_named("shoe size")
    ('sha256', 'type', None)
    """
    return _ALIASES.get(name.strip().lower().replace("-", "_").replace(" ", "_"))


@lru_cache(maxsize=256)
def type_named(name: str) -> str | None:
    """Return the signal type of that name in any usual spelling; None when there is none."""
    field = field_named(name)
    return field if field in SIGNAL_TYPES else None


def read_value(text: str, name: str | None) -> Signal | str:
    """Read a signal's hex digits, or say why they are none.

    Args:
        text: The digits in either case; a video's frames in the place of its own.
        name: Their signal type; None to tell it by their number.
    """
    if name == "vpdq":
        return read_video(text)
    size = len(text)
    if name is None:
        name = _TYPE_BY_LENGTH.get(size)
        if name is None:
            return _why_no_length(text)
    kind = SIGNAL_TYPES[name]
    wanted = kind.size_bytes * 2
    if size == wanted:
        try:
            bits = bytes.fromhex(text)
        except ValueError:
            return "a character that is no hex digit"
        # fromhex skips white space, and then the bits are too few
        return Signal(name, bits) if len(bits) == kind.size_bytes else "a character that is no hex digit"
    if size > wanted and _is_hex(text[:wanted]):
        return f"trailing characters after the {wanted} hex digits of a {name} signal"
    return f"wrong length: a {name} signal has {wanted} hex digits"


def _why_no_length(text: str) -> str:
    for size in sorted(_TYPE_BY_LENGTH, reverse=True):
        if len(text) > size and _is_hex(text[:size]) and not _is_hex(text[size]):
            return f"trailing characters after {size} hex digits"
    return "wrong length: no signal type has as many hex digits" if _is_hex(text) else "no signal"


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


class RowReader:
    """Turns rows (what field holds what) into new entries.

    Args:
        attributes: What holds for a row that does not say otherwise.
        signal_type: The type of a value without one; None to tell it by its length.
    """

    def __init__(self, attributes: Attributes, signal_type: str | None) -> None:
        self._defaults = attributes
        self._signal_type = signal_type
        self._last: tuple[tuple[object, ...], Attributes] = ((), attributes)

    def read(self, row: Mapping[str, object]) -> Iterator[NewEntry | str]:
        """Give one new entry, or the reason why not, for each signal of a row.

        Args:
            row: Text or a JSON value for each field that was stated.
        """
        attributes = self._attributes(row)
        if isinstance(attributes, str):
            yield attributes
            return
        found = False
        for name in ("value", *SIGNAL_TYPES):
            text = row.get(name)
            if text is None or text == "":
                continue
            found = True
            stated = self._signal_type if name == "value" else name
            if name == "value" and row.get("type") not in (None, ""):
                stated = type_named(str(row["type"]))
                if stated is None:
                    yield "its signal type is unknown"
                    continue
            if stated == "vpdq":
                video = read_video(text, row.get("frames"))
                yield video if isinstance(video, str) else _complete(video, row, attributes, is_sole=name == "value")
                continue
            if not isinstance(text, str):
                yield "its value is no text"
                continue
            signal = read_value(text.lstrip(" "), stated)
            yield signal if isinstance(signal, str) else _complete(signal, row, attributes, is_sole=name == "value")
        if not found and row.get("frames") not in (None, ""):
            video = read_video(None, row["frames"])
            yield video if isinstance(video, str) else _complete(video, row, attributes, is_sole=True)
        elif not found:
            yield "it holds no signal"

    def _attributes(self, row: Mapping[str, object]) -> Attributes | str:
        if read_truth(row.get("withdrawn")) is not False:  # also a date: when it was withdrawn
            return "its source has withdrawn it"
        key = (*(row.get(name) for name in _TEXTS), row.get("may_be_redistributed"), row.get("added_at"))
        if key != self._last[0]:
            made = self._make(row)
            if isinstance(made, str):
                return made
            self._last = (key, made)
        return self._last[1]

    def _make(self, row: Mapping[str, object]) -> Attributes | str:
        changes = _Stated()
        for name in _TEXTS:
            value = row.get(name)
            if value is None or value == "":
                continue
            if isinstance(value, bool | list | dict):
                return f"its {name} is no text"
            setattr(changes, name, str(value))
        may_be = row.get("may_be_redistributed")
        if may_be is not None and may_be != "":
            changes.may_be_redistributed = read_truth(may_be)
            if changes.may_be_redistributed is None:
                return "its may_be_redistributed is neither true nor false"
        added_at = row.get("added_at")
        if added_at is not None and added_at != "":
            try:
                changes.added_at = datetime.fromisoformat(str(added_at))
            except ValueError:
                return "its added_at is no ISO 8601 time"
            if changes.added_at.tzinfo is None:
                return "its added_at has no time zone"
        return replace(self._defaults, **{name: value for name, value in vars(changes).items() if value is not None})


@dataclass
class _Stated:
    """The attributes that a row states."""

    provenance: str | None = None
    contributor: str | None = None
    external_id: str | None = None
    category: str | None = None
    note: str | None = None
    may_be_redistributed: bool | None = None
    added_at: datetime | None = None


def _complete(signal: Signal, row: Mapping[str, object], attributes: Attributes, *, is_sole: bool) -> NewEntry | str:
    """Add quality, variant and hasher; a quality beside several signals is that of the perceptual one."""
    quality = None
    is_rated = signal.type != "vpdq" and (is_sole or SIGNAL_TYPES[signal.type].is_perceptual)
    if is_rated and row.get("quality") not in (None, ""):
        quality = _whole(row["quality"])
        if quality is None:
            return "its quality is no whole number from 0 to 100"
    variant = row.get("variant") or AS_IS
    made_by = row.get("made_by") or ""
    if not isinstance(variant, str) or not isinstance(made_by, str):
        return "its variant or made_by is no text"
    if quality is not None or variant != AS_IS or made_by:
        signal = Signal(signal.type, signal.bits, quality, variant, made_by, frames=signal.frames)
    return NewEntry(signal, attributes)


def _whole(value: object) -> int | None:
    """Read 0–100; ``87.0`` too, which is how spreadsheets and data frames write 87 in a column with gaps."""
    if isinstance(value, str):
        text = value.strip().removesuffix(".0")
        if not (text.isascii() and text.isdigit() and len(text) <= len("100")):
            return None
        value = int(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:  # noqa: PLR2004  (the scale of qualities)
        return None
    return value


def read_truth(value: object) -> bool | None:
    """Read a boolean as JSON, spreadsheets and people write it; None when it is something else."""
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None
