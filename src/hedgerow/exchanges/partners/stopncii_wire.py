"""StopNCII's documents: pages of hashes in, feedback out. Nothing here knows a network or a clock.

The rules:

1. A record is known by its type and its value; a later one takes the place of an earlier one.
2. ``hashStatus`` decides, and nothing else in a record does: it is the status of all its cases together. ``Withdrawn``
   and ``Deleted`` end it. Only ``Active`` is matched, or what the configuration names besides: ``Received`` has been
   asked for by nobody whose case is open, and of ``Unknown``, ``Undefined`` and a word that we do not know nobody can
   say that they mean "block this"; a match would hold back an innocent person's picture. Such a record is kept
   without signals, and a tag says why, so that a list full of them is seen and not passed over.
3. ``NotBlocked`` of another platform is a tag and no dispute: it means "reviewed, inconclusive". Whoever shows a
   picture with its owner's leave says so too, and the person who asked for the hash is not contradicted by it.
4. Numbers of cases are not kept: with a PIN they show how a person's case stands. That there is no live one is.
5. What is no hash of its type is refused with a reason; types that we cannot match are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import InvalidSignal
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ENDED",
    "SIGNAL_TYPES",
    "SetPage",
    "Unreadable",
    "feedback_body",
    "hashes_body",
    "read_page",
    "record_key",
    "spelled",
]

SIGNAL_TYPES: Final[Mapping[str, str]] = {"ImagePDQ": "pdq", "VideoMD5": "md5"}
"""What can be matched: StopNCII's words and ours."""

ENDED: Final = frozenset({"withdrawn", "deleted"})
"""The statuses that end a record, in small letters."""

_ACTIVE: Final = "active"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LONGEST_WORD: Final = 100
_MOST_WORDS: Final = 30
_KEY_DIGITS: Final = 32
_UPPER: Final = "upper"


class Unreadable(ValueError):
    """A page that cannot be read; its text says why, without its content."""


@dataclass(frozen=True, slots=True)
class SetPage:
    """A page of a set.

    Attributes:
        items: What it holds, in its order.
        next_set: Where it says that the next set begins, in seconds since 1970; true only on the last page.
        token: Leads to the next page; None where there is none.
        has_more: Whether there is a next page: the only word for the end of a set.
        first_at: The time of its earliest record, in seconds since 1970; None where none says one.
        last_at: The time of its latest record.
        is_ordered: Whether its records come in the order of their times.
    """

    items: tuple[Record | Withdrawal, ...]
    next_set: int | None
    token: str | None = field(repr=False)
    has_more: bool
    first_at: int | None = None
    last_at: int | None = None
    is_ordered: bool = True


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_page(body: bytes, matched: frozenset[str] = frozenset({_ACTIVE})) -> SetPage:
    """Read an answer of FetchHashes.

    Args:
        body: As it came.
        matched: The statuses whose hashes are matched, in small letters.

    Raises:
        Unreadable: It is no page, or does not say whether another follows.

    >>> read_page(b'{"count": 0, "hasMoreRecords": false, "hashRecords": []}').has_more
    False
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: brackets nested to exhaust the parser
        raise Unreadable("it is no JSON, or ends in the middle") from None
    if not isinstance(document, dict):
        raise Unreadable("it is no JSON object")
    listed = document.get("hashRecords")
    if not isinstance(listed, list):
        # An empty list is written as {} or null by services that write {} as []; anything else may hide records.
        if listed or document.get("count"):
            raise Unreadable("it has no list of records")
        listed = []
    has_more = _truth(document.get("hasMoreRecords"))
    if has_more is None:
        raise Unreadable("it does not say whether more records follow")
    token = document.get("nextPageToken")
    token = token if isinstance(token, str) and token else None
    if has_more and token is None:
        raise Unreadable("it says that more records follow, and not where")
    times = [at for at in (_seconds(each.get("lastModtimestamp")) for each in listed if isinstance(each, dict)) if at]
    return SetPage(
        tuple(_read_item(each, matched) for each in listed),
        _whole_seconds(document.get("nextSetTimestamp")),
        token,
        has_more,
        int(min(times)) if times else None,
        int(max(times)) if times else None,
        times == sorted(times),
    )


def _truth(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.casefold())
    return value if isinstance(value, bool) else None


def _seconds(value: object) -> float | None:
    """Return a time in seconds since 1970; fractions and digits in a text are taken, nonsense says nothing."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < _LATEST else None  # NaN is neither


_LATEST: Final = 253_402_300_799  # the last second of the year 9999: no datetime is later


def _whole_seconds(value: object) -> int | None:
    seconds = _seconds(value)
    return None if seconds is None else int(seconds)


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────


def record_key(signal_type: str, value: str) -> str:
    """Return the key under which a record is kept: its type, and a digest instead of its value.

    >>> record_key("VideoMD5", "d41d8cd98f00b204e9800998ecf8427e")
    'VideoMD5/f215faf9d88b7f0a881632ee22459ee4'
    """
    word = signal_type if _PLAIN.fullmatch(signal_type) else f"~{_digest(signal_type)[:8]}"
    return f"{word}/{_digest(value)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def _canonical(told: object) -> str:
    try:
        return json.dumps(told, sort_keys=True)
    except RecursionError:  # as deep as can just be read
        return ""


def _read_item(told: object, matched: frozenset[str]) -> Record | Withdrawal:
    signal_type, value = (told.get("signalType"), told.get("hashValue")) if isinstance(told, dict) else (None, None)
    if not isinstance(told, dict) or not isinstance(signal_type, str) or not isinstance(value, str) or not value:
        # It has no name to be known by: it is kept under what it is, so that somebody sees that it was there.
        return Record(
            f"unreadable/{_digest(_canonical(told))}",
            refused=(("hashRecords", "a record without a type or a value"),),
        )
    at = _seconds(told.get("lastModtimestamp"))
    updated_at = None if at is None else datetime.fromtimestamp(at, UTC)
    status = told.get("hashStatus")
    word = status if isinstance(status, str) else ""
    key = record_key(signal_type, value)
    if word.casefold() in ENDED:
        return Withdrawal(key, updated_at)
    is_matched = word.casefold() in matched
    signals, opaque, refused = _read_value(signal_type, value) if is_matched else ((), (), ())
    return Record(
        key,
        signals=signals,
        opaque=opaque,
        tags=tuple(_tags(told, word, is_matched=is_matched)),
        updated_at=updated_at,
        refused=refused,
        handle={"letters": _UPPER} if signals and value != value.lower() and value == value.upper() else {},
    )


_Read = tuple[tuple[tuple[str, Signal], ...], tuple[Opaque, ...], tuple[tuple[str, str], ...]]


def _read_value(signal_type: str, value: str) -> _Read:
    """Return the signal, or what cannot be matched, or why it is none."""
    kind = SIGNAL_TYPES.get(signal_type)
    if kind is None:
        return (), (Opaque(signal_type, value),), ()
    try:
        signal = Signal.from_text(kind, value)
    except InvalidSignal as error:
        return (), (), ((signal_type, error.problem),)
    if not any(signal.bits):
        # Of a PDQ: a picture without any detail, which is near to every other such picture. Of an MD5: a value that
        # was never filled in.
        return (), (), ((signal_type, "all zeros"),)
    return ((signal_type, signal),), (), ()


def _tags(told: Mapping[str, Any], status: str, *, is_matched: bool) -> Iterable[str]:
    if not is_matched:
        yield f"not matched: status {_word(status) or 'missing'}"
    elif status.casefold() != _ACTIVE:
        yield f"status {_word(status)}"
    cases = told.get("caseNumbers")
    if isinstance(cases, dict) and cases and all(str(each).casefold() in ENDED for each in cases.values()):
        yield "no live case"
    for each in _listed(told.get("hashRegions")):
        if isinstance(each, str):
            yield f"region {_word(each)}"
    for each in _listed(told.get("CSPFeedbacks")):
        if isinstance(each, dict):
            words = [_word(tag) for tag in _listed(each.get("tags")) if isinstance(tag, str)]
            said = f"{_word(each.get('source')) or 'somebody'}: {_word(each.get('feedbackValue')) or 'nothing'}"
            yield f"{said} ({', '.join(words)})" if words else said


def _listed(value: object) -> list[Any]:
    return value[:_MOST_WORDS] if isinstance(value, list) else []


def _word(value: object) -> str:
    return value[:_LONGEST_WORD] if isinstance(value, str) else ""


# ── what we say ──────────────────────────────────────────────────────────────────────────────────────────────────


def spelled(value: str, handle: Mapping[str, Any]) -> str:
    """Return a value as StopNCII spelled it: it knows hashes by their text.

    >>> spelled("0af3", {"letters": "upper"}), spelled("0af3", {})
    ('0AF3', '0af3')
    """
    return value.upper() if handle.get("letters") == _UPPER else value


def feedback_body(value: str, said: str, tags: Sequence[str]) -> bytes:
    """Return what SubmitFeedback takes: one hash, and what we say of it. It names no type."""
    feedback = {"hashValue": value, "feedbackValue": said, "tags": list(tags)}
    return json.dumps({"count": 1, "hashFeedbacks": [feedback]}).encode()


def hashes_body(signals: Sequence[Signal], at: datetime, tags: Sequence[str]) -> bytes:
    """Return what SubmitHashes takes: hashes that we found and block.

    Raises:
        InvalidSignal: One is of a type that StopNCII does not take.
    """
    words = {ours: theirs for theirs, ours in SIGNAL_TYPES.items()}
    records = []
    for each in signals:
        if each.type not in words:
            raise InvalidSignal(each.type, "StopNCII takes none of this type")
        records.append(
            {
                "lastModtimestamp": int(at.timestamp()),
                # The word itself: the released client writes the name of its own enumeration here.
                "signalType": words[each.type],
                "hashValue": each.value,
                "CSPFeedbacks": [{"feedbackValue": "Blocked", "tags": list(tags)}],
            }
        )
    return json.dumps({"count": len(records), "hashRecords": records}).encode()
