"""Hashing and matching: ``/h`` and ``/m``."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from hedgerow.errors import InvalidContent
from hedgerow.hma.rules import draw
from hedgerow.hma.types import compare, read_signal
from hedgerow.web.hma.media import at_address, hashed, uploaded
from hedgerow.web.hma.wire import Ask, Refused, invalid, json_response, unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from hedgerow.app.hma import Hma, Made, Told
    from hedgerow.app.service import Media
    from hedgerow.hashing import Signal
    from hedgerow.hma.types import HmaType

__all__ = [
    "asked_signal",
    "by_bank",
    "compare_signals",
    "hash_address",
    "hash_upload",
    "index_status",
    "lookup",
    "lookup_upload",
    "raw_lookup",
    "text_of",
]


class HashQuery(BaseModel):
    """The parameters of ``GET /h/hash``."""

    url: str
    content_type: str | None = None
    types: str | None = None


class RawLookupQuery(BaseModel):
    """The parameters of ``GET /m/raw_lookup``."""

    signal: str
    signal_type: str
    banks: str | None = None
    include_distance: bool = False


# ── hashing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hash_address(hma: Hma, ask: Ask) -> Response:
    """Hash what lies at an address."""
    try:
        query = HashQuery.model_validate(ask.query)
    except ValidationError as error:
        raise invalid(error) from None
    with at_address(hma, ask, query.url) as (content_type, media):
        return _hash(hma, ask, content_type, media)


def hash_upload(hma: Hma, ask: Ask) -> Response:
    """Hash the file of a form."""
    return _hash(hma, ask, *uploaded(ask))


def _hash(hma: Hma, ask: Ask, content_type: str, media: Media) -> Response:
    made = hashed(hma, media, content_type, ask.query.get("types"))
    values = {name: text_of(each) for name, each in made.items()}
    return json_response(values, headers=unchecked(made.values()))


def text_of(made: Made) -> str:
    """Return the text of a signal; the empty one where it is missing or too poor to match by, as HMA does."""
    if made.is_poor or not made.signals:
        return ""
    first = made.signals[0]
    if first.frames is None:
        return first.value
    from hedgerow.banks.vpdq import vpdq_json  # noqa: PLC0415  (only where this type is offered)

    return vpdq_json(first.frames)


# ── lookups ──────────────────────────────────────────────────────────────────────────────────────────────────────


def lookup(hma: Hma, ask: Ask) -> Response:
    """Look up a signal, or what lies at an address."""
    url, name = ask.query.get("url"), ask.query.get("signal_type")
    if not url:  # of an empty address nothing is fetched
        signal, drawn, banks = asked_signal(hma, ask.query)
        return json_response(by_bank(hma.look_up([signal], drawn=drawn, banks=banks)))
    with at_address(hma, ask, url) as (content_type, media):
        found = _look_up_media(hma, ask, content_type, media)
        body = found.body if name is None else found.body.get(name, {})
        return json_response(body, headers=found.headers)


def asked_signal(hma: Hma, query: Mapping[str, str]) -> tuple[Signal, float, frozenset[str] | None]:
    """Return the signal that is to be looked up, what was drawn, and in which banks."""
    name, value = query.get("signal_type"), query.get("signal")
    if not name or not value:
        raise Refused(400, "Either url or both signal and signal_type are required")
    kind = _kind(hma, name)
    if hma.type_ratios()[name] <= 0:
        raise Refused(400, f"SignalType '{name}' is not enabled")
    return _read(kind, value), _drawn(query), _banks(query)


def lookup_upload(hma: Hma, ask: Ask) -> Response:
    """Look up the file of a form."""
    content_type, media = uploaded(ask)
    found = _look_up_media(hma, ask, content_type, media)
    return json_response(found.body, headers=found.headers)


class _Found:
    """What a lookup of media found, by signal type, and the headers that go with it."""

    def __init__(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        self.body = body
        self.headers = headers


def _look_up_media(hma: Hma, ask: Ask, content_type: str, media: Media) -> _Found:
    made = hashed(hma, media, content_type, ask.query.get("types"), with_variants=True)
    body: dict[str, Any] = {}
    for name, each in made.items():
        # A new draw for each type, as HMA does: with a seed it is the same number.
        found = hma.look_up(each.signals, drawn=_drawn(ask.query), banks=_banks(ask.query)) if each.signals else ()
        if not found and (each.is_poor or not each.signals):
            # A bank of a lower minimum quality was asked all the same; that none matched says nothing.
            raise Refused(400, f"invalid signal: invalid {each.type.label} hash", unchecked(made.values()))
        body[name] = by_bank(found)
    return _Found(body, unchecked(made.values()))


def raw_lookup(hma: Hma, ask: Ask) -> Response:
    """Look up a signal and return numbers of contents, whatever their banks' ratios."""
    try:
        query = RawLookupQuery.model_validate(ask.query)
    except ValidationError as error:
        raise invalid(error) from None
    kind = _kind(hma, query.signal_type)
    found = hma.look_up([_read(kind, query.signal)], drawn=0.0, banks=_banks(ask.query))
    if query.include_distance:
        return json_response(
            {"matches": [{"bank_content_id": each.content, "distance": each.distance} for each in found]}
        )
    return json_response({"matches": [each.content for each in found]})


def _kind(hma: Hma, name: str) -> HmaType:
    kind = hma.types().get(name)
    if kind is None:
        raise Refused(400, f"No such SignalType '{name[:60]}'")
    return kind


def _read(kind: HmaType, value: object, prefix: str = "invalid signal") -> Signal:
    try:
        return read_signal(kind, value)
    except InvalidContent as error:
        raise Refused(400, f"{prefix}: {error}") from None


def _drawn(query: Mapping[str, str]) -> float:
    return draw(query.get("seed"), is_bypassed=query.get("bypass_coinflip") == "true")


def _banks(query: Mapping[str, str]) -> frozenset[str] | None:
    named = query.get("banks")
    return frozenset(named.split(",")) if named else None


def by_bank(found: Sequence[Told]) -> dict[str, list[dict[str, Any]]]:
    """Return what was found as clients read it."""
    banks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in found:
        banks[each.bank].append({"bank_content_id": each.content, "distance": each.distance})
    return banks


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────


def compare_signals(hma: Hma, ask: Ask) -> Response:
    """Compare pairs of signals."""
    pairs = ask.json()
    if not isinstance(pairs, dict):
        raise Refused(400, "Request input was not a dict")
    told: dict[str, Any] = {}
    for name, pair in pairs.items():
        if not isinstance(pair, list):
            raise Refused(400, f"Comparison hashes for {name[:60]} was not a list")
        if len(pair) != 2:  # noqa: PLR2004  (a pair)
            raise Refused(400, "Comparison hash list length must be exactly 2")
        kind = _kind(hma, name)
        one, other = (_read(kind, value, f"Invalid {name} hash") for value in pair)
        is_match, distance = compare(kind, one, other)
        told[name] = [is_match, {} if distance is None else {"distance": distance}]
    return json_response(told)


# ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────


def index_status(hma: Hma, ask: Ask) -> Response:
    """Tell how many signals of each type there are to be found, and the age of the newest."""
    counts = hma.signal_counts()
    name = ask.query.get("signal_type")
    if name is not None:
        if name not in counts:
            raise Refused(400, f"No such signal type '{name[:60]}'")
        counts = {name: counts[name]}
    return json_response(
        {
            each: {
                "built_to": -1 if count.newest_at is None else int(count.newest_at.timestamp()),
                "present": count.count > 0,
                "size": count.count,
            }
            for each, count in counts.items()
        }
    )
