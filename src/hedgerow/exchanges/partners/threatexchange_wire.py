"""ThreatExchange's documents: what a group's updates say, and its errors. Nothing here knows a network or a clock.

The rules:

1. A record is an *indicator*, known by its number; an update says all that the group says of it now. One that is to be
   deleted, or that comes without descriptors, is withdrawn: the service leaves descriptors out where the group may not
   see them any more, and says nothing else about it.
2. A descriptor without an owner is nobody's opinion: it is left out, and the others count. The service is known to
   hide owners now and then. The indicator stays, since somebody in the group does share it.
3. The category is the gravest status of others: ``MALICIOUS`` before ``SUSPICIOUS``, before words that we do not know,
   before ``UNKNOWN``, before ``NON_MALICIOUS``. Our own counts only where nobody else says anything.
4. It is disputed where another owner says ``NON_MALICIOUS``, or another app reacts with ``NON_MALICIOUS`` or
   ``DISAGREE_WITH_TAGS``, to whichever descriptor. Our own reactions dispute nothing.
5. Where the configuration names tags or owners, only descriptors that fit count, and an indicator without any is
   withdrawn: it may have had one before.
6. Types that we cannot match, and words that we do not know, are kept. An update that is no object, or that has no
   number and no value, makes the page unreadable: it could be a withdrawal.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from hedgerow.errors import InvalidSignal, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hedgerow.errors import PartnerError

__all__ = [
    "FIELDS",
    "OBJECT_GONE",
    "SIGNAL_TYPES",
    "GraphError",
    "Listing",
    "View",
    "app_of",
    "read_document",
    "read_error",
    "read_listing",
    "read_update",
]

SIGNAL_TYPES: Final[Mapping[str, str]] = {
    "HASH_PDQ": "pdq",
    "HASH_MD5": "md5",
    "HASH_VIDEO_MD5": "md5",
    "HASH_SHA1": "sha1",
    "HASH_SHA256": "sha256",
    "HASH_VIDEO_SHA256": "sha256",
}
"""The types of indicators that we can match."""

FIELDS: Final = "id,indicator,type,last_updated,should_delete,descriptors{id,reactions,owner{id},tags,status}"
"""What is asked of each update: what Meta's own open client asks, and the number."""

_GRAVEST: Final = ("MALICIOUS", "SUSPICIOUS")
_MILDEST: Final = ("UNKNOWN", "NON_MALICIOUS")
_DISPUTED: Final = "NON_MALICIOUS"
_DISPUTES: Final = frozenset({"NON_MALICIOUS", "DISAGREE_WITH_TAGS"})
"""Reactions that mean "no". Meta's page on reacting calls the second "equivalent to a NON_MALICIOUS report"."""

_NUMBER: Final = re.compile(r"[0-9]{1,40}")
_APP: Final = re.compile(r"([0-9]{1,40})(?:\||%7[Cc]).+")
_LATEST: Final = 2**33
"""In seconds since 1970, the year 2242: what is later is no time."""
_LONGEST_CURSOR: Final = 1_000

# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────

OBJECT_GONE: Final = 33
"""Subcode of error 100: the object is not there, or not for us."""

_TOKEN_CODES: Final = frozenset({102, 104, 190, 463, 467})
_THROTTLE_CODES: Final = frozenset({4, 17, 32, 341, 368, 613})
_PASSING_CODES: Final = frozenset({1, 2})
_VERSION_CODES: Final = frozenset({12, 2635})
_PERMISSION_CODES: Final = frozenset({3, 10, 294, *range(200, 300)})
_INVALID_PARAMETER: Final = 100
_LOGIN: Final = 401
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class GraphError:
    """The Graph API's envelope of an error, without its sentence, which may quote what we sent.

    Attributes:
        code: What it is.
        subcode: What it is, narrower; 0 where it does not say.
        is_transient: Whether the service says that it passes.
    """

    code: int
    subcode: int = 0
    is_transient: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the object that was asked for is not there, or not for us."""
        return self.code == _INVALID_PARAMETER and self.subcode == OBJECT_GONE

    @property
    def is_of_a_parameter(self) -> bool:
        """Whether it is about a parameter: a cursor that has ended, among others."""
        return self.code == _INVALID_PARAMETER and self.subcode != OBJECT_GONE

    def as_raised(self, status: int) -> PartnerError:
        """Return the error of ours that it is.

        Args:
            status: Of HTTP. The service answers 400 to almost everything, so that it does not decide.
        """
        said = f"error {self.code}" + (f", subcode {self.subcode}" if self.subcode else "")
        if self.code in _TOKEN_CODES:
            return PartnerRefused(f"our access token ({said})", _LOGIN)
        if self.code in _THROTTLE_CODES:
            return PartnerUnavailable(f"it asks us to come later ({said})", status=status)
        if self.is_transient or self.code in _PASSING_CODES:
            return PartnerUnavailable(f"it says that something failed at its side ({said})", status=status)
        if self.code in _PERMISSION_CODES:
            return PartnerRefused(f"our app may not do this ({said})", _FORBIDDEN)
        if self.code in _VERSION_CODES:
            return PartnerRefused(
                f"the version of its interface has ended, another api_version is needed ({said})", status
            )
        if self.is_gone:
            return PartnerRefused(f"there is no such object for our app; is it in the privacy group? ({said})", status)
        return PartnerRefused(f"our request ({said})", status)


def read_error(document: object) -> GraphError | None:
    """Return the error that a document is; None where it is none.

    >>> read_error({"error": {"message": "…", "code": 190, "error_subcode": 463}})
    GraphError(code=190, subcode=463, is_transient=False)
    """
    error = document.get("error") if isinstance(document, dict) else None
    if error is None:
        return None
    if not isinstance(error, dict):
        return GraphError(0)
    code, subcode = error.get("code"), error.get("error_subcode")
    return GraphError(
        code if isinstance(code, int) else 0,
        subcode if isinstance(subcode, int) else 0,
        is_transient=error.get("is_transient") is True,
    )


def read_document(body: bytes) -> Any:  # noqa: ANN401  (JSON)
    """Read JSON.

    Raises:
        ValueError: It is none. The sentence quotes nothing.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None


# ── updates ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class View:
    """With whose eyes updates are read.

    Attributes:
        app: The number of our app; empty where the token does not say.
        only_tags: Only descriptors with one of these tags count; all where it is empty.
        only_owners: Only descriptors of these apps count; all where it is empty.
    """

    app: str = ""
    only_tags: frozenset[str] = frozenset()
    only_owners: frozenset[str] = frozenset()


class Listing(NamedTuple):
    """A page of updates.

    Attributes:
        items: In the order in which they came.
        times: Of each, in whole seconds since 1970; None where it does not say.
        after: The cursor behind it; None where there is none.
        has_next: Whether the service says that more follows.
    """

    items: tuple[Record | Withdrawal, ...]
    times: tuple[int | None, ...]
    after: str | None
    has_next: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """A descriptor that counts."""

    number: str
    owner: str
    status: str
    tags: tuple[str, ...]


def app_of(token: str) -> str:
    """Return the number of the app whose access token this is; empty where it does not say.

    >>> app_of("900000001|a-secret"), app_of("900000001%7Ca-secret"), app_of("a token of another kind")
    ('900000001', '900000001', '')
    """
    found = _APP.fullmatch(token.strip())
    return found[1] if found else ""


def read_listing(document: object, view: View) -> Listing:
    """Read a page of ``threat_updates``.

    Raises:
        ValueError: It cannot be read. The sentence quotes nothing.
    """
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(data, list):
        raise ValueError("it has no list of updates")  # noqa: TRY004  (of what came, not of our types)
    items, times = [], []
    for each in data:
        items.append(read_update(each, view))
        seconds = _seconds(each.get("last_updated"))
        times.append(None if seconds is None else int(seconds))
    paging = _object(document.get("paging"))
    follows = paging.get("next")
    has_next = isinstance(follows, str) and bool(follows)
    after = _object(paging.get("cursors")).get("after")
    if not _is_cursor(after):
        after = _cursor_in(follows) if isinstance(follows, str) else None
    return Listing(tuple(items), tuple(times), after, has_next)


def _cursor_in(address: str) -> str | None:
    """Return the cursor in an address of theirs, and nothing else of it: it may be of another host, with the token."""
    try:
        found = parse_qs(urlsplit(address).query).get("after", [""])[0]
    except ValueError:
        return None
    return found if _is_cursor(found) else None


def read_update(update: Any, view: View) -> Record | Withdrawal:  # noqa: ANN401  (JSON)
    """Read an update.

    Raises:
        ValueError: It cannot be told what it is about. The sentence quotes nothing.

    >>> read_update({"id": "30", "type": "HASH_MD5", "should_delete": True}, View())
    Withdrawal(key='30', updated_at=None)
    """
    if not isinstance(update, dict):
        raise ValueError("one of its updates is no object")  # noqa: TRY004  (as above)
    kind, value = _text(update.get("type")), _text(update.get("indicator"))
    key = _number(update.get("id")) or _key_of_value(kind, value)
    seconds = _seconds(update.get("last_updated"))
    updated_at = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    shown = list(_list(update.get("descriptors")))
    if _is_true(update.get("should_delete")) or not shown:
        return Withdrawal(key, updated_at)
    known = [each for each in map(_said, shown) if each is not None]
    said = [each for each in known if _counts(each, view)]
    if not said and (view.only_tags or view.only_owners):
        return Withdrawal(key, updated_at)
    others = [each for each in said if each.owner != view.app]
    foremost = min(others or said, key=_gravity, default=None)
    signals, opaque, refused = _signals(kind, value)
    numbers = [(each.number, each.owner == view.app) for each in known if each.number]
    handle: dict[str, Any] = {"indicator": key, "type": kind}
    handle["descriptors"] = [number for number, is_own in numbers if not is_own]
    if own := [number for number, is_own in numbers if is_own]:
        handle["own"] = own
    return Record(
        key,
        signals,
        opaque,
        contributor=None if foremost is None else foremost.owner,
        category=None if foremost is None else foremost.status,
        tags=tuple(dict.fromkeys(tag for each in said for tag in each.tags)),
        updated_at=updated_at,
        refused=refused,
        handle=handle,
        is_disputed=_is_disputed(shown, known, view),
    )


def _key_of_value(kind: str, value: str) -> str:
    if not value:
        raise ValueError("one of its updates has neither a number nor a value")
    return f"{kind}/{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _signals(
    kind: str, value: str
) -> tuple[tuple[tuple[str, Signal], ...], tuple[Opaque, ...], tuple[tuple[str, str], ...]]:
    """Return what can be matched, what cannot, and what is refused."""
    matched = SIGNAL_TYPES.get(kind)
    if matched is None:
        return (), (Opaque(kind or "unknown", value or None),), ()
    try:
        return ((kind, Signal.from_text(matched, value.strip())),), (), ()
    except InvalidSignal as error:
        return (), (), ((kind, error.problem),)


# ── descriptors ──────────────────────────────────────────────────────────────────────────────────────────────────


def _said(descriptor: Any) -> _Said | None:  # noqa: ANN401  (JSON)
    """Return what a descriptor says; None where nobody says it (rule 2)."""
    if not isinstance(descriptor, dict):
        return None
    owner = _number(_object(descriptor.get("owner")).get("id"))
    if not owner:
        return None
    return _Said(
        _number(descriptor.get("id")),
        owner,
        _text(descriptor.get("status")) or "UNKNOWN",
        _tags(descriptor.get("tags")),
    )


def _counts(said: _Said, view: View) -> bool:
    if view.only_owners and said.owner not in view.only_owners:
        return False
    return not view.only_tags or not view.only_tags.isdisjoint(said.tags)


def _gravity(said: _Said) -> tuple[int, str, int, str]:
    """Return by what descriptors are ordered, the gravest first (rule 3); equals by owner, so that it is always one."""
    rank = 2
    if said.status in _GRAVEST:
        rank = _GRAVEST.index(said.status)
    elif said.status in _MILDEST:
        rank = 3 + _MILDEST.index(said.status)
    return rank, said.status, len(said.owner), said.owner


def _is_disputed(shown: Sequence[Any], known: Sequence[_Said], view: View) -> bool:
    """Tell whether others dispute it (rule 4), whoever counts."""
    if any(each.status == _DISPUTED and each.owner != view.app for each in known):
        return True
    return any(
        reaction in _DISPUTES and app != view.app
        for each in shown
        if isinstance(each, dict)
        for reaction, app in _reactions(each.get("reactions"))
    )


def _reactions(value: object) -> Iterator[tuple[str, str]]:
    """Yield each reaction and an app that reacted so: of ``[{"key": …, "value": "1,2"}]``, or of ``{key: "1,2"}``."""
    pairs: list[tuple[object, object]] = []
    if isinstance(value, dict) and "data" not in value:
        pairs = list(value.items())
    else:
        pairs = [(each.get("key"), each.get("value")) for each in _list(value) if isinstance(each, dict)]
    for name, apps in pairs:
        given = apps if isinstance(apps, list) else str(apps or "").split(",")
        for app in given:
            if number := _number(app):
                yield _text(name), number


def _tags(value: object) -> tuple[str, ...]:
    """Return tags: of ``{"data": [{"text": …}]}``, or of a list of texts or of such objects."""
    found = (each.get("text") if isinstance(each, dict) else each for each in _list(value))
    return tuple(text for each in found if (text := _text(each)))


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _object(value: object) -> Mapping[str, Any]:
    """Return an object; an empty one where something else stands there, such as an empty array."""
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    """Return a list, whether it stands there as it is or under ``data``; an empty one where something else stands."""
    inside = value.get("data") if isinstance(value, dict) else value
    return inside if isinstance(inside, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> str:
    """Return a number of an object as text; empty where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if value.bit_length() <= 128 else ""  # noqa: PLR2004  (their numbers have 64)
    text = value.strip() if isinstance(value, str) else ""
    return text if _NUMBER.fullmatch(text) else ""


def _is_cursor(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_CURSOR and value.isprintable()


def _is_true(value: object) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.strip().casefold() in {"true", "1"})


def _seconds(value: object) -> float | None:
    """Return a time in seconds since 1970: of a number, of one as text, or of ``2026-01-01T00:00:00+0000``."""
    seconds: float | None = None
    if isinstance(value, str):
        try:
            seconds = float(value)
        except ValueError:
            seconds = _seconds_of_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value if abs(value) <= _LATEST else None
    return seconds if seconds is not None and math.isfinite(seconds) and 0 <= seconds <= _LATEST else None


def _seconds_of_text(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
