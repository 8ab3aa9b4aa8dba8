"""The edit script: what happens to a list's entries, said as ``{"do": …}``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.ncmec_hashes.model import (
    CALLER_MEMBER,
    CATEGORIES,
    ENVIRONMENTS,
    LARGE,
    Entry,
    Key,
    Vote,
    reasons_of,
    seconds,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hedgerow.simulators.ncmec_hashes.holdings import Holdings

__all__ = ["HOT_SECOND", "apply"]

HOT_SECOND: Final = 2500
"""How many entries one second holds, where nobody says: more than two pages."""

_ELEMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ABOUT_ENTRY: Final = frozenset({"kind", "classification", "fingerprints", "categories", "at"})
_MOST_AT_ONCE: Final = 1_000_000


def apply(lists: Mapping[str, Holdings], change: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Change a list.

    ``do`` is ``create``, ``update``, ``reclassify``, ``delete``, ``recreate``, ``vote``, ``spoil``, ``mend`` or
    ``hot_second``; ``environment`` says which list (``hashsharing``), ``member`` and ``id`` which entry. ``create``,
    ``update`` and ``recreate`` take ``kind``, ``classification``, ``fingerprints`` (element to value, or pairs; large
    ones in hexadecimal), ``categories`` and ``at``, a time no later than now. Values that nobody states are made up;
    ``recreate`` otherwise restores what there was.

    Returns:
        ``environment``, ``member``, ``id`` and ``timestamp`` of the entry; of ``hot_second``, ``count`` in their place.

    Raises:
        ValueError: It cannot be done.
    """
    said = dict(change)
    do = said.pop("do", None)
    holdings = lists.get(said.pop("environment", next(iter(ENVIRONMENTS))))
    if holdings is None:
        raise ValueError(f"There is no such list; the lists are {', '.join(lists)}.")
    if do == "hot_second":
        return _hot_second(holdings, int(said.get("count", HOT_SECOND)), seconds(now))
    deed = _DEEDS.get(str(do))
    if deed is None:
        raise ValueError(f"Nothing is called {do!r}; there are {', '.join([*_DEEDS, 'hot_second'])}.")
    allowed, act = deed
    key = _key(holdings, said, is_new=do == "create")
    unknown = said.keys() - allowed
    if unknown:
        raise ValueError(f"{do} takes no {', '.join(sorted(unknown))}.")
    at_s = seconds(now)
    if "at" in said:
        at_s = seconds(datetime.fromisoformat(str(said["at"])))
        if at_s > seconds(now):
            raise ValueError("An entry's time cannot lie in the future.")
    act(holdings, key, said, at_s)
    entry = holdings.entry(key)
    return {
        "environment": holdings.environment,
        "member": key[0],
        "id": key[1],
        "timestamp": None if entry is None else stamp(entry.timestamp_s),
    }


def _key(holdings: Holdings, said: dict[str, Any], *, is_new: bool) -> Key:
    member = said.pop("member", None)
    if member is None and is_new:
        member = next(each for each in holdings.members if each != CALLER_MEMBER)
    if member not in holdings.members:
        raise ValueError("This list has no such member.")
    entry_id = said.pop("id", None)
    if entry_id is None and is_new:
        entry_id = f"entry-{len(holdings) + 1}"
    if not isinstance(entry_id, str) or not entry_id:
        raise ValueError("It needs the id of an entry.")
    return member, entry_id


def _live(holdings: Holdings, key: Key) -> Entry:
    entry = holdings.entry(key)
    if entry is None or entry.is_deleted:
        raise ValueError("There is no such entry.")
    return entry


# ── deeds ──


def _create(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    if holdings.entry(key) is not None:
        raise ValueError("There is such an entry already, or there was one: recreate it.")
    holdings.put(_with(holdings, Entry("image", *key, at_s), said))


def _update(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    holdings.put(_with(holdings, replace(_live(holdings, key), timestamp_s=at_s), said))


def _reclassify(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    holdings.put(_with(holdings, replace(_live(holdings, key), timestamp_s=at_s), {"classification": None, **said}))


def _delete(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    del said
    holdings.put(Entry(_live(holdings, key).kind, *key, at_s, is_deleted=True))


def _recreate(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    tombstone, before = holdings.entry(key), holdings.before(key)
    if tombstone is None or not tombstone.is_deleted or before is None:
        raise ValueError("Only what was deleted can be recreated.")
    holdings.put(_with(holdings, replace(before, timestamp_s=at_s), said))


def _vote(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    entry = _live(holdings, key)
    voter, element = said.get("voter"), said.get("type")
    if not isinstance(voter, int) or voter not in holdings.members or voter == entry.member:
        raise ValueError("It needs a voter: a member of this list whose entry it is not.")
    if element not in dict(entry.fingerprints):
        raise ValueError("The entry has no such fingerprint.")
    known = reasons_of(holdings.environment, element)
    by_name = {name: guid for guid, name in known.items()}
    reasons = tuple(by_name.get(each, each) for each in said.get("reasons", ()))
    is_affirmative = bool(said.get("is_affirmative", True))
    if is_affirmative == bool(reasons) or not known.keys() >= set(reasons):
        raise ValueError("A dispute needs known reasons, and an agreement has none.")
    holdings.vote(Vote(holdings.environment, voter, *key, element, is_affirmative, reasons, at_s))


def _spoil(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    del said, at_s
    _live(holdings, key)
    holdings.spoil(key)


def _mend(holdings: Holdings, key: Key, said: dict[str, Any], at_s: int) -> None:
    del said, at_s
    holdings.spoiled.discard(key)


_DEEDS: Final[dict[str, tuple[frozenset[str], Callable[[Holdings, Key, dict[str, Any], int], None]]]] = {
    "create": (_ABOUT_ENTRY, _create),
    "update": (_ABOUT_ENTRY - {"kind"}, _update),
    "reclassify": (frozenset({"classification", "at"}), _reclassify),
    "delete": (frozenset({"at"}), _delete),
    "recreate": (_ABOUT_ENTRY - {"kind"}, _recreate),
    "vote": (frozenset({"voter", "type", "is_affirmative", "reasons", "at"}), _vote),
    "spoil": (frozenset(), _spoil),
    "mend": (frozenset(), _mend),
}


def _hot_second(holdings: Holdings, count: int, at_s: int) -> dict[str, Any]:
    if not 1 <= count <= _MOST_AT_ONCE:
        raise ValueError(f"The number of entries must lie in 1–{_MOST_AT_ONCE:,}.")
    member = next(each for each in holdings.members if each != CALLER_MEMBER)
    first = len(holdings) + 1
    for number in range(first, first + count):
        key = (member, f"hot-{number}")
        if holdings.entry(key) is None:
            holdings.put(_with(holdings, Entry("image", *key, at_s), {}))
    return {"environment": holdings.environment, "count": count, "timestamp": stamp(at_s)}


def _with(holdings: Holdings, entry: Entry, said: Mapping[str, Any]) -> Entry:
    """Return an entry with what is said about it."""
    kind = said.get("kind", entry.kind)
    if kind not in {"image", "video"}:
        raise ValueError("The kind is image or video.")
    categories = tuple(said.get("categories", entry.categories))
    if not {name for _, names in CATEGORIES.values() for name in names} >= set(categories):
        raise ValueError("There is no such category.")
    classification = said.get("classification", entry.classification)
    if not (classification is None or isinstance(classification, str)):
        raise ValueError("The classification is text, or nothing.")
    if "fingerprints" in said:
        fingerprints = _fingerprints(said["fingerprints"])
    else:
        fingerprints = entry.fingerprints or _made_up(holdings, entry, kind)
    return replace(entry, kind=kind, classification=classification, fingerprints=fingerprints, categories=categories)


def _fingerprints(said: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401  (JSON)
    pairs = list(said.items() if hasattr(said, "items") else said)
    for element, value in pairs:
        if not (isinstance(element, str) and _ELEMENT.fullmatch(element) and isinstance(value, str)):
            raise ValueError("A fingerprint is the name of an element, and text.")
        if element in LARGE:
            bytes.fromhex(value)
    return tuple((element, value) for element, value in pairs)


def _made_up(holdings: Holdings, entry: Entry, kind: str) -> tuple[tuple[str, str], ...]:
    name = f"{holdings.environment}/{entry.member}/{entry.id}/{entry.timestamp_s}"
    digest = hashlib.shake_128(name.encode()).hexdigest(68)
    exact = (("md5", digest[:32]), ("sha1", digest[32:72]))
    return exact if kind == "video" else (*exact, ("pdq", digest[72:]))
