"""Read and write hash sets of Project VIC (models 1.3 and 2.0) and CAID (1.2); read the media of cases.

    {"@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media",
     "value": [{"MediaID": 1, "Category": 1, "MD5": "<HEX>", "SHA1": "<HEX>", "PhotoDNA": "<base64>", …}, …]}

Until 1.3 the first key is ``odata.metadata``. A case has the same records one level deeper, in the ``Media`` of each
``value``. Such a document may have gigabytes, so that it is read record by record, in bounded memory.

Of a record its digests, its MediaID and its Category are read, and nothing else: neither names, paths, properties and
comments, which say something about people and their machines, nor AlternativeHashes. Only Category is a verdict, and
only 1, 2 and 3 say that something is known material. 0 (not pertinent), 4 (comparison), 5 (not categorised) and null
say that it is not, or that nobody has looked; NSRL publishes known software in CAID's shape, as 8. ``IsPrecategorized``
is no verdict: there are sets in which it is true throughout, and every category null.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from hedgerow.banks.fields import read_value
from hedgerow.banks.lines import BOM
from hedgerow.banks.model import Attributes, NewEntry, PassedOver

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import TextIO

    from hedgerow.banks.model import Entry

__all__ = [
    "TYPES",
    "VERDICTS",
    "Model",
    "begin_document",
    "category_of",
    "chosen",
    "end_document",
    "media_record",
    "model_of",
    "read_digests",
    "read_document",
]

VERDICTS: Final = ("1", "2", "3")
"""Categories that say that something is known material, as users type them."""

TYPES: Final = ("md5", "sha1")
"""Signal types that a record has a place for."""

_CAID_VERSION: Final = "1.2"
_CONTEXT: Final = re.compile(rb'"(?:@odata\.context|odata\.metadata)"\s*:\s*"((?:[^"\\]|\\.){1,500})"')
_MODEL: Final = re.compile(r"ProjectVic/DataModels/([0-9.]+?)\.xml", re.IGNORECASE)
_READ_BYTES: Final = 256 * 1024
_DEEPEST: Final = 64  # nothing in the models lies deeper than seven
_LARGEST_ID: Final = 2**63 - 1
_LARGEST_NAMED: Final = 9
_LONGEST_DIGITS: Final = 3
_LARGEST_CATEGORY: Final = 10**_LONGEST_DIGITS

_CONTEXTS: Final = {
    "vic": ("@odata.context", "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"),
    "vic-1.3": ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"),
}
"""How a set that we write begins: its first key and value."""

_OPAQUE: Final = PassedOver("a PhotoDNA, by which Hedgerow does not match")
_UNCATEGORISED: Final = PassedOver("it has no category, which is no verdict")


@dataclass(frozen=True, slots=True)
class Model:
    """Which kind of document it is.

    Attributes:
        format: ``vic`` or ``caid``.
    """

    format: str

    @property
    def word(self) -> str:
        """What stands before the number of a category.

        >>> Model("caid").word
        'CAID'
        """
        return self.format.upper()


def chosen(categories: Collection[str] | None) -> frozenset[int]:
    """Return the numbers of the categories that are taken.

    >>> sorted(chosen(None)), sorted(chosen(("2", "baseline")))
    ([1, 2, 3], [2])
    """
    return frozenset(int(each) for each in (VERDICTS if categories is None else categories) if each in VERDICTS)


# ── telling what it is ───────────────────────────────────────────────────────────────────────────────────────────


def model_of(head: bytes, stated: str | None = None) -> Model | None:
    """Tell by its beginning whether a file is such a document, and of which model.

    Whether it is a set or cases is not told here: tools are not exact about that in the context. It is seen in each
    record (`_Walk`).

    Args:
        head: The file's first bytes.
        stated: ``vic`` or ``caid``, where that is known: then a context is not asked for.

    >>> model_of(b'{"odata.metadata": "http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media", "value": [')
    Model(format='caid')
    >>> model_of(b'{"value": [') is None
    True
    """
    if stated is not None:
        return Model(stated)
    if not head.removeprefix(BOM).lstrip().startswith(b"{"):
        return None
    found = _CONTEXT.search(head)
    context = "" if found is None else found[1].decode("utf-8", "replace").replace("\\/", "/")
    model = _MODEL.search(context)
    return None if model is None else Model("caid" if model[1] == _CAID_VERSION else "vic")


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _RecordTooLong(Exception):
    """It ends a reading, and leaves this file by no door."""


class _TooDeep(Exception):
    """As above."""


class _Pieces:
    """Gives a parser its bytes, without a byte order mark, and never too many without a record among them.

    Bytes that are no UTF-8 are replaced: tools write names and paths in the encoding of their machine, and these are
    not read anyway. In a digest such a byte is still no hex digit.
    """

    def __init__(self, stream: BinaryIO, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._unbroken = 0
        self._is_begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._is_split = False

    def read(self, size: int = -1) -> bytes:
        """Return some bytes; none at the end."""
        if size == 0:  # by which a parser learns that these are bytes
            return b""
        if self._unbroken > self._most_bytes:
            raise _RecordTooLong
        piece = self._stream.read(size)
        self._unbroken += len(piece)
        if not self._is_begun:
            self._is_begun = True
            piece = piece.removeprefix(BOM)
        if piece.isascii() and piece and not self._is_split:
            return piece
        text = self._decoder.decode(piece, final=not piece)
        self._is_split = bool(self._decoder.getstate()[0])
        while piece and not text:  # nothing but the first half of a character is not the end
            piece = self._stream.read(size)
            text = self._decoder.decode(piece, final=not piece)
            self._is_split = bool(self._decoder.getstate()[0])
        return text.encode()

    def record_found(self) -> None:
        """Begin to count anew."""
        self._unbroken = 0


_KEYS: Final = {"MediaID": "mediaid", "Category": "category", "MD5": "md5", "SHA1": "sha1", "PhotoDNA": "photodna"}
"""What is read of a record, and what we call it."""

_OTHER_KEYS: Final = {**{name: name for name in _KEYS.values()}, "sha-1": "sha1", "media_id": "mediaid"}
"""The same in lower case: some tools write keys so."""

_NESTED: Final[list[object]] = []
"""In place of a list or object where a text or number belongs."""

_NO_OBJECT: Final[dict[str, object]] = {}
"""In place of a record that is none; told by identity."""

_UNREAD: Final = frozenset(
    {
        *("MediaSize", "DateUpdated", "IsPrecategorized", "Series", "Tags", "VictimIdentified", "OffenderIdentified"),
        *("IsDistributed", "IsSuspected", "MimeType", "RelativeFilePath", "MediaFiles", "Exifs", "AlternativeHashes"),
        *("Comments", "FileName", "FilePath", "odata.id", "odata.editLink", "Miniature"),
    }
)
"""Usual keys that are not read: they need not be looked at twice."""

_OPENING: Final = frozenset({"start_map", "start_array"})
_BRACKETS: Final = _OPENING | {"end_map", "end_array"}

# What lies in what: the document, its list `value`, a record or a case, the case's list `Media`, a record.
_DOCUMENT, _LIST, _OUTER, _MEDIA_LIST = 1, 2, 3, 4


class _Walk:
    """Knows where in a document a parser is, and keeps the fields of the record that is open and nothing else.

    An object within ``value`` is a case where it has a list ``Media`` or a CaseID, and a record otherwise.

    Attributes:
        depth: How many brackets are open.
        record_depth: How deep the fields of the open record lie; 0 while none is open.
        key: The latest key of the document itself, or of the open record.
        fields: What is kept of the open record.
        is_case: Whether the open object within ``value`` is a case.
    """

    def __init__(self) -> None:
        self.depth = self.record_depth = 0
        self.key = ""
        self.fields: dict[str, object] = {}
        self.is_case = self._is_within = self._is_in_media = False

    def is_among_records(self) -> bool:
        """Tell whether what comes now belongs where records are."""
        return (self.depth == _LIST and self._is_within) or (self.depth == _MEDIA_LIST and self._is_in_media)

    def opened(self, *, is_list: bool) -> dict[str, object] | None:
        """Go into a list or object; return `_NO_OBJECT` where a record should be one and is none."""
        depth = self.depth
        is_record = self.is_among_records()
        self.depth += 1
        if is_record:
            if is_list:
                return _NO_OBJECT
            self.record_depth, self.fields = depth + 1, {}
            if depth == _LIST:
                self.is_case = False
        elif depth == _DOCUMENT:
            self._is_within = is_list and self.key == "value"
        elif depth == self.record_depth == _OUTER and is_list and self.key == "Media":
            self.is_case = self._is_in_media = True
            self.record_depth = 0
        return None

    def closed(self) -> dict[str, object] | None:
        """Go out of a list or object; return the record that ends with it, if one does."""
        self.depth -= 1
        depth = self.depth
        if self.record_depth == depth + 1:
            self.record_depth = 0
            return None if depth == _LIST and self.is_case else self.fields
        if self._is_in_media and depth == _OUTER:
            self._is_in_media, self.record_depth = False, _OUTER
        return None


def _follow(events: Iterable[tuple[str, object]]) -> Iterator[dict[str, object]]:
    """Give the records of a document from the events of a parser, `_NO_OBJECT` for one that is none.

    Raises:
        _TooDeep: Brackets lie within brackets as in no document of these.
    """
    walk = _Walk()
    name: str | None = None
    depth = own = 0
    for event, value in events:
        if event == "map_key":
            if depth == own:
                walk.key = key = str(value)
                name = _KEYS.get(key)
                if name is None and key not in _UNREAD:
                    name = _unusual(walk, key)
            elif depth == _DOCUMENT:
                walk.key = str(value)
        elif event in _BRACKETS:
            if depth == own and name is not None and event in _OPENING:
                walk.fields[name] = _NESTED
            record = walk.opened(is_list=event == "start_array") if event in _OPENING else walk.closed()
            depth, own, name = walk.depth, walk.record_depth, None
            if record is not None:
                yield record
            if depth > _DEEPEST:
                raise _TooDeep
        elif depth == own:
            if name is not None:
                walk.fields[name] = value
        elif walk.is_among_records():
            yield _NO_OBJECT


def _unusual(walk: _Walk, key: str) -> str | None:
    """Return what we call a key in an unusual spelling, unless the usual one was there before it."""
    if key == "CaseID" and walk.record_depth == _OUTER:
        walk.is_case = True
    name = _OTHER_KEYS.get(key.strip().lower())
    return None if name in walk.fields else name


def _records(stream: BinaryIO, record_bytes: int) -> Iterator[tuple[int, dict[str, object] | str]]:
    """Give each record with its number, and its fields or why it is none; in the last place why there are no more.

    The events of the parser are followed, and not the objects that it could make: it names the place of each by a path,
    so that brackets within brackets would take memory with the square of their number. Numbers are read as C's: of one
    with thousands of digits ijson 3.6 would make a Python number, and end the process with it.
    """
    import ijson  # noqa: PLC0415  (only such documents need it)

    pieces = _Pieces(stream, record_bytes)
    number = 0
    try:
        for record in _follow(ijson.basic_parse(pieces, use_float=True, buf_size=_READ_BYTES)):
            pieces.record_found()
            number += 1
            yield number, "the record is no JSON object" if record is _NO_OBJECT else record
    except _TooDeep:
        yield number + 1, "the document is nested too deeply; nothing after it was read"
    except _RecordTooLong:
        yield number + 1, "the record is too long; nothing after it was read"
    except (ijson.JSONError, ValueError):
        yield number + 1, "the document is no JSON from here on; nothing after it was read"


def read_document(
    stream: BinaryIO,
    model: Model,
    *,
    attributes: Attributes,
    categories: Collection[int],
    record_bytes: int,
) -> Iterator[tuple[int, NewEntry | str | PassedOver]]:
    """Read a document's records: for each its number, and a new entry for each digest, or why there is none.

    Args:
        stream: The whole document.
        model: Which it is.
        attributes: What holds for all of them; a record has its own external id and category.
        categories: Which are taken.
        record_bytes: About the longest record that is read.
    """
    not_taken = {each: _not_taken(model, each) for each in range(_LARGEST_NAMED + 1)}
    other = _not_taken(model, None)
    words = {each: f"{model.word} {each}" for each in categories}
    for number, fields in _records(stream, record_bytes):
        if isinstance(fields, str):
            yield number, fields
            continue
        category = category_of(fields.get("category"))
        if isinstance(category, str):
            yield number, category
            continue
        if category is None or category not in categories:
            yield number, _UNCATEGORISED if category is None else not_taken.get(category, other)
            continue
        said = Attributes(
            attributes.provenance,
            attributes.contributor,
            _external_id(fields.get("mediaid")) or attributes.external_id,
            words[category],
            attributes.note,
            attributes.may_be_redistributed,
            attributes.added_at,
        )
        has_opaque = bool(fields.get("photodna"))
        found = False
        for kind in TYPES:
            value = fields.get(kind)
            if value is not None and value != "":
                found = True
                yield number, _entry(kind, value, said)
        if has_opaque:
            yield number, _OPAQUE
        elif not found:
            yield number, "it holds no signal"


def _not_taken(model: Model, category: int | None) -> PassedOver:
    named = "" if category is None else f", {model.word} {category},"
    return PassedOver(f"its category{named} is none of those that are taken")


def _entry(kind: str, value: object, said: Attributes) -> NewEntry | str:
    if not isinstance(value, str):
        return "its value is no text"
    signal = read_value(value.strip(), kind)
    return signal if isinstance(signal, str) else NewEntry(signal, said)


def category_of(value: object) -> int | str | None:
    """Read a category as tools write it; None where there is none, a text where it is something else.

    >>> category_of(2), category_of(" 2"), category_of("2.0"), category_of(None), category_of(""), category_of(True)
    (2, 2, 2, None, None, 'its category is no number')
    """
    if type(value) is int and 0 <= value < _LARGEST_CATEGORY:  # what nearly all are; a bool is another type
        return value
    if value is None or isinstance(value, bool):
        return None if value is None else "its category is no number"
    text = str(value).strip()
    if not text:
        return None
    digits = text.removesuffix(".0")
    if isinstance(value, list | dict) or not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_DIGITS):
        return "its category is no number"
    return int(digits)


def _external_id(value: object) -> str | None:
    """Return what a source calls a record; 0 is what tools write who number nothing."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    text = str(value).strip()
    return None if text in {"", "0"} else text


def read_digests(stream: BinaryIO, *, kind: str, category: int, record_bytes: int) -> Iterator[bytes | str]:
    """Give one digest of each record of a category, or what is wrong with it.

    Args:
        stream: The whole document.
        kind: ``md5`` or ``sha1``.
        category: Of which records; the others are left out.
        record_bytes: About the longest record that is read.
    """
    for _, fields in _records(stream, record_bytes):
        if isinstance(fields, str):
            yield fields
            continue
        value = fields.get(kind)
        if category_of(fields.get("category")) != category or value is None:
            continue
        signal = read_value(str(value).strip(), kind)
        yield signal if isinstance(signal, str) else signal.bits


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def begin_document(target: TextIO, form: str) -> None:
    """Write what stands before the records; `form` is ``vic`` or ``vic-1.3``."""
    key, context = _CONTEXTS[form]
    target.write(f"{{{json.dumps(key)}:{json.dumps(context)},{json.dumps('value')}:[\n")


def end_document(target: TextIO) -> None:
    """Write what stands behind the records."""
    target.write("\n]}\n")


def media_record(entries: Sequence[Entry], category: int | None) -> str:
    """Write the digests of one picture or video, of which there is at most one of each type, as a record.

    Args:
        entries: The entries.
        category: What to state where the entries' own category is none of Project VIC's or CAID's.
    """
    said = entries[0].attributes
    record: dict[str, object] = {"MediaID": _media_id(entries[0]), "Category": _own_category(said.category) or category}
    for entry in entries:
        record[entry.signal.type.upper()] = entry.signal.value.upper()
    if said.added_at is not None:
        record["DateUpdated"] = said.added_at.isoformat()
    return json.dumps(record, ensure_ascii=False)


def _own_category(text: str | None) -> int | None:
    word, _, number = (text or "").partition(" ")
    return int(number) if word in {"VIC", "CAID"} and number in VERDICTS else None


def _media_id(entry: Entry) -> int:
    """Return the source's own number; ours where it is none, since a MediaID is a whole number."""
    text = entry.attributes.external_id or ""
    is_number = text.isascii() and text.isdigit() and not text.startswith("0") and len(text) <= len(str(_LARGEST_ID))
    return int(text) if is_number and int(text) <= _LARGEST_ID else entry.id
