"""The documents of NCMEC Hash Sharing, version 2: read and written, without a network.

An entry is read by the names of its elements: their order differs even among the published examples. How a document
becomes a tree of them is in `ncmec_xml`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from hedgerow.banks.fields import read_value
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.ncmec_xml import Unreadable, read_tree, text_of, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from xml.etree.ElementTree import Element

    from hedgerow.hashing.signal import Signal

__all__ = [
    "EntriesPage",
    "Paging",
    "Unreadable",
    "Wanted",
    "feedback_body",
    "key_of",
    "read_categories",
    "read_entries",
    "read_members",
    "read_own_member",
    "read_reasons",
    "read_time",
]

_NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
_LONGEST_ADDRESS: Final = 4_000

_SIGNAL_TYPES: Final = {"md5": "md5", "sha1": "sha1", "pdq": "pdq", "sha256": "sha256"}
"""Elements whose text is a signal of ours. ``sha256`` is in no published table; it could be nothing else."""
_TOMBSTONES: Final = frozenset({"deletedImage", "deletedVideo"})
_ENTRIES: Final = frozenset({"image", "video", *_TOMBSTONES})
_TEXTS: Final = frozenset({*_SIGNAL_TYPES, "pdna", "netclean"})
"""Elements that are nothing without a text. Of all others, large or unheard of, it is kept that they are there."""

# A submitter may call an entry by its digest; a key is logged, and must not be one.
_LIKE_A_SIGNAL: Final = re.compile(r"[0-9A-Fa-f]{32}")
_DIGEST_DIGITS: Final = 32


def read_time(text: str) -> datetime | None:
    """Read a time as aware UTC, with or without fractions of a second; None for what is none.

    >>> read_time("2017-10-24T15:10:00.125Z")
    datetime.datetime(2017, 10, 24, 15, 10, 0, 125000, tzinfo=datetime.timezone.utc)
    """
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: in the year 1, east of Greenwich
        return None


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are taken.

    Attributes:
        only_members: Their numbers; empty for all.
        except_members: Their numbers.
        only_categorizations: Names or GUIDs in small letters, of which an entry must have one; empty for no matter.
        except_categorizations: The same, of which it must have none.
    """

    only_members: frozenset[str] = frozenset()
    except_members: frozenset[str] = frozenset()
    only_categorizations: frozenset[str] = frozenset()
    except_categorizations: frozenset[str] = frozenset()

    def takes_member(self, member: str) -> bool:
        """Tell whether a member's entries are taken."""
        return member not in self.except_members and (not self.only_members or member in self.only_members)

    def takes_categorizations(self, words: AbstractSet[str]) -> bool:
        """Tell whether an entry with these is taken, as far as they go."""
        if not self.except_categorizations.isdisjoint(words):
            return False
        return not self.only_categorizations or not self.only_categorizations.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class Paging:
    """Where the next page is.

    Attributes:
        next: Its path with its query.
        start: The number of its first entry, from 1; None where it does not say.
        size: How many entries a page has; None where it does not say.
        most: The number of the last entry; None where it does not say.
    """

    next: str = field(repr=False)
    start: int | None = None
    size: int | None = None
    most: int | None = None

    @property
    def left(self) -> int:
        """About how many entries are still to come; 0 where it does not say."""
        return 0 if self.start is None or self.most is None else max(0, self.most - self.start + 1)

    @classmethod
    def from_text(cls, path: str) -> Paging:
        """Read what the query of an address says.

        >>> Paging.from_text("/v2/entries?from=…&to=…&start=2001&size=1000&max=3000").left
        1000
        """
        said = parse_qs(path.partition("?")[2])
        return cls(path, *(_number(said.get(name, [""])[0]) for name in ("start", "size", "max")))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("999999999999") else None


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """What one page of entries says.

    Attributes:
        items: Records and withdrawals that are wanted, in the page's order.
        count: How many entries and tombstones stood on it, wanted or not.
        paging: Where the next page is; None where there is none.
    """

    items: tuple[Record | Withdrawal, ...]
    count: int
    paging: Paging | None


def key_of(member: str, entry_id: str) -> str:
    """Return the key of an entry: its id is its member's, and only unique within the member's.

    >>> key_of("42", "image1")
    '42/image1'
    >>> key_of("42", "D41D8CD98F00B204E9800998ECF8427E")
    '42/~d8f98aaf31f780e977dd48b270ba88f6'
    """
    if _LIKE_A_SIGNAL.search(entry_id) is None:
        return f"{member}/{entry_id}"
    return f"{member}/~{hashlib.sha256(entry_id.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGEST_DIGITS]}"


def read_entries(
    body: bytes,
    wanted: Wanted = Wanted(),
    *,
    own_member: Callable[[], str | None] = lambda: None,
    categories: Callable[[], Mapping[str, str]] = dict,
) -> EntriesPage:
    """Read a page of entries.

    Args:
        body: A ``queryResult``.
        wanted: Which are taken. What an entry is categorized as may change: one that is not taken for that reason is
            given as withdrawn.
        own_member: Gives our own number; asked where an entry is disputed, since our own word is no news to us.
        categories: Gives names by GUIDs; asked where an entry has nothing but a GUID.

    Raises:
        Unreadable: It is no such document, or an entry says not whose or which it is.
    """
    root = read_tree(body, "queryResult")
    items: list[Record | Withdrawal] = []
    count = 0
    for node in _entries_in(root):
        count += 1
        if node.tag in _TOMBSTONES:
            member, entry_id, at, _ = _identity(node)
            if wanted.takes_member(member):
                items.append(Withdrawal(key_of(member, entry_id), at))
            continue
        item = _read_entry(node, wanted, own_member, categories)
        if item is not None:
            items.append(item)
    path = next((text_of(each) for part in within(root, "paging") for each in within(part, "next")), "")
    if not _is_address(path):
        raise Unreadable("the address of its next page is none", is_ours=True)
    return EntriesPage(tuple(items), count, Paging.from_text(path) if path else None)


def _entries_in(node: Element) -> Iterator[Element]:
    """Give entries and tombstones in their order, wherever they stand; none stands in another."""
    for child in node:
        if child.tag in _ENTRIES:
            yield child
        elif len(child):
            yield from _entries_in(child)


def _is_address(text: str) -> bool:
    """Tell whether it is empty, or an address that may be called; where it leads is looked at before that is done."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST_ADDRESS:
        return False
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


def _identity(node: Element) -> tuple[str, str, datetime | None, list[Element]]:
    """Return whose an entry is, what it is called, when it last changed, and all else that stands in it."""
    member = entry_id = ""
    at = None
    rest: list[Element] = []
    for child in node:
        name = child.tag
        if name == "member":
            member = child.get("id", "").strip()
        elif name == "id":
            entry_id = text_of(child)
        elif name == "timestamp":
            at = read_time(child.text or "")
        else:
            rest.append(child)
    if not member or not entry_id:
        raise Unreadable("one of its entries has no member or no id", is_ours=True)
    return member, entry_id, at, rest


def _read_entry(
    node: Element,
    wanted: Wanted,
    own_member: Callable[[], str | None],
    categories: Callable[[], Mapping[str, str]],
) -> Record | Withdrawal | None:
    member, entry_id, at, rest = _identity(node)
    if not wanted.takes_member(member):
        return None
    prints = _Fingerprints()
    category: str | None = None
    disputed_by: frozenset[str] = frozenset()
    tags: dict[str, None] = {}
    words: set[str] = set()
    for child in rest:
        name = child.tag
        if name == "fingerprints":
            prints.read(child)
        elif name == "classification":
            category = text_of(child) or None
        elif name == "feedback":
            if len(child):
                disputed_by |= _disputed_by(child)
        elif name in {"categorization", "categorizations"}:
            # Confidence L: how they stand in an entry is published nowhere that could be read.
            for tag, guid in _categorizations(child, categories):
                tags[tag] = None
                words |= {tag.casefold(), guid}
        else:
            prints.opaque.append(Opaque(name, text_of(child) or None))
    key = key_of(member, entry_id)
    if not wanted.takes_categorizations(words):
        return Withdrawal(key, at)
    return Record(
        key,
        tuple(prints.signals),
        tuple(prints.opaque),
        contributor=member,
        category=category,
        tags=tuple(tags),
        updated_at=at,
        refused=tuple(prints.refused),
        handle={"member": member, "id": entry_id, "types": list(dict.fromkeys(prints.types))},
        is_disputed=bool(disputed_by and disputed_by - {own_member()}),
    )


class _Fingerprints:
    """What an entry's fingerprints are."""

    __slots__ = ("opaque", "refused", "signals", "types")

    def __init__(self) -> None:
        self.signals: list[tuple[str, Signal]] = []
        self.opaque: list[Opaque] = []
        self.refused: list[tuple[str, str]] = []
        self.types: list[str] = []

    def read(self, node: Element) -> None:
        for child in node:
            name, text = child.tag, text_of(child)
            if not text and name in _TEXTS:
                continue
            kind = _key_of_type(name)
            self.types.append(kind)
            known = _SIGNAL_TYPES.get(name)
            if known is None:
                # A large one has nothing but an address, which must not be kept.
                self.opaque.append(Opaque(kind, text or None))
                continue
            signal = read_value(text, known)
            if isinstance(signal, str):
                self.refused.append((kind, signal))
            else:
                self.signals.append((kind, signal))


@lru_cache(maxsize=256)
def _key_of_type(name: str) -> str:
    """Return the key of a type of fingerprints as paths have it, from the name of its element.

    Of the one with SSVH and SaferHash two keys are published; it stands here under the one that its element has.

    >>> _key_of_type("tmk-pdqf")
    'TMK_PDQF'
    """
    return name.upper().replace("-", "_")


def _disputed_by(feedback: Element) -> frozenset[str]:
    """Return the numbers of those who dispute an entry; an empty word for somebody who is not named."""
    found: set[str] = set()
    for each in within(feedback, "negativeFeedback"):
        members = {_attribute(member, "id") for member in within(each, "member")}
        found |= members or ({""} if len(each) else set())
    return frozenset(found)


def _categorizations(node: Element, categories: Callable[[], Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Give the name and the GUID of each, wherever it has them."""
    for each in node.iter("categorization"):
        guid = _attribute(each, "guid").casefold()
        name = _attribute(each, "name") or text_of(each)
        if not name and guid:
            name = categories().get(guid, guid)
        if name:
            yield name, guid or name.casefold()


# ── the small documents ──────────────────────────────────────────────────────────────────────────────────────────


def _attribute(node: Element, name: str) -> str:
    return node.get(name, "").strip()


def read_members(body: bytes) -> dict[str, str]:
    """Read the members: their names by their numbers. Raises Unreadable.

    What the outermost element is called is published nowhere (confidence M).
    """
    return {_attribute(each, "id"): text_of(each) for each in within(read_tree(body, None), "member")}


def read_own_member(body: bytes) -> str | None:
    """Read our own number from what ``/v2/status`` says. Raises Unreadable."""
    return next((_attribute(each, "id") for each in within(read_tree(body, "status"), "member")), None)


def read_categories(body: bytes) -> dict[str, str]:
    """Read the names of the categorizations by their GUIDs, in small letters. Raises Unreadable."""
    found = within(read_tree(body, "availableCategorizations"), "categorization")
    return {_attribute(each, "guid").casefold(): _attribute(each, "name") for each in found}


def read_reasons(body: bytes, kind: str) -> dict[str, str]:
    """Read the reasons for which a fingerprint may be disputed: their names by their GUIDs, in their order.

    Args:
        body: An ``availableFeedbackReasons``.
        kind: The type of the fingerprint as paths have it; the document may write it otherwise (``Sha1``).

    Raises:
        Unreadable: It is no such document.
    """
    found = within(read_tree(body, "availableFeedbackReasons"), "reason")
    fitting = (each for each in found if _attribute(each, "type").casefold() in {"", kind.casefold()})
    return {guid: _attribute(each, "name") for each in fitting if (guid := _attribute(each, "guid"))}


def feedback_body(reason: str | None) -> bytes:
    """Write feedback: affirmative, or negative for the reason of a GUID."""
    inside = "<affirmative/>"
    if reason is not None:
        inside = f"<negative><reasonIds><guid>{escape(reason)}</guid></reasonIds></negative>"
    return f'<feedbackSubmission xmlns="{_NAMESPACE}">{inside}</feedbackSubmission>'.encode()
