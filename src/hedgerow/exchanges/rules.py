"""What becomes of what a partner says. Nothing here knows a database or a clock.

The rules:

1. What a partner says of a record takes the place of all that it said of it before.
2. An entry of an exchange is live as long as at least one record claims it. What stops matching is withdrawn, with its
   source as the reason; when the source claims it again, it matches again.
3. What a person withdrew from an exchange's bank stays withdrawn, whatever the partner says.
4. What others put into an exchange's bank is never withdrawn or changed by the exchange.
5. Where several records claim one entry, the entry says what the foremost of them says: the first category in the
   order of the alphabet (A1 before B2), then the first key. It is disputed only where each of them is.
6. A word that does not fit its column is cut; control characters are left out. A record is never refused for a word.
7. After a walk through the whole set, what was not seen since it began is withdrawn, once updates that began `SETTLE`
   after the walk's end brought nothing, or at the `MOST_UPDATES`-th: what changed during the walk left its window, and
   comes with them.
8. A fetch that failed is tried again later and later, up to the interval of the exchange, or an hour.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.audit.rules import canonical_json
from hedgerow.banks.model import Attributes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hedgerow.exchanges.model import Exchange, Partner, Record

__all__ = [
    "MOST_UPDATES",
    "SETTLE",
    "WITHDRAWN_BY_SOURCE",
    "Claim",
    "attributes_of",
    "digest_of",
    "fitting",
    "foremost",
    "interval_of",
    "next_try",
    "rest_of",
    "source_of",
    "stored_key",
]

WITHDRAWN_BY_SOURCE: Final = "its source has it no more"
"""Why an entry was withdrawn that its partner withdrew. It is told from a person's reasons by this."""

MOST_UPDATES: Final = 3
"""A list in which something changes at every look must not keep what is gone for ever."""

SETTLE: Final = timedelta(seconds=30)
"""A partner does not show what changed in its latest seconds (NCMEC: 5 s are left out, since its clock is not ours)."""

_KEY_WIDTH: Final = 200
_WIDTHS: Final = {"contributor": 200, "category": 100}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST_VALUE: Final = 4_000
_MOST_OPAQUE: Final = 100
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 12


class Claim(NamedTuple):
    """What one record says of an entry."""

    key: str
    contributor: str | None
    category: str | None
    is_disputed: bool
    may_be_redistributed: bool


def source_of(name: str) -> str:
    """Return the provenance of what an exchange brings."""
    return f"exchange:{name}"[:100]


def fitting(column: str, text: str | None) -> str | None:
    r"""Return a partner's word as its column takes it (rule 6).

    >>> fitting("category", "A1\n")
    'A1'
    """
    if text is None:
        return None
    if len(text) <= _WIDTHS[column] and text.isprintable():  # as nearly all are
        return text.strip() or None
    return _CONTROL.sub("", text)[: _WIDTHS[column]].strip() or None


def stored_key(key: str) -> str:
    """Return a partner's key as it is stored: as it is, or, where it is too long or odd, what stands for it.

    >>> stored_key("42/image1")
    '42/image1'
    """
    if len(key) <= _KEY_WIDTH and key.isprintable():
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_CONTROL.sub('', key)[:100]}~{digest[:40]}"


def rest_of(record: Record) -> str | None:
    """Return what no column holds, as canonical JSON; None where there is nothing."""
    rest: dict[str, Any] = {}
    if record.tags:
        rest["tags"] = [_CONTROL.sub("", each)[:200] for each in record.tags[:_MOST_OPAQUE]]
    if record.opaque:
        rest["opaque"] = [
            [each.type[:100], None if each.value is None else each.value[:_LONGEST_VALUE]]
            for each in record.opaque[:_MOST_OPAQUE]
        ]
    if record.refused:
        rest["refused"] = [[kind[:100], why[:200]] for kind, why in record.refused[:_MOST_OPAQUE]]
    if record.handle:
        rest["handle"] = dict(record.handle)
    return canonical_json(rest) if rest else None


def digest_of(record: Record, rest: str | None) -> bytes:
    """Return 16 bytes that differ where anything differs that the partner says, other than its time."""
    # The frames of a video are in its bits, which are their digest.
    signals = [(kind, signal.type, signal.bits, signal.quality) for kind, signal in record.signals]
    said = (signals, record.contributor, record.category, record.is_disputed, record.may_be_redistributed, rest)
    return hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def foremost(claims: Iterable[Claim]) -> Claim:
    """Return what an entry says that these records claim (rule 5).

    >>> foremost([Claim("43/b", "43", "B2", True, False), Claim("42/a", "42", "A1", False, True)])
    Claim(key='42/a', contributor='42', category='A1', is_disputed=False, may_be_redistributed=False)
    """
    ordered = sorted(claims, key=lambda each: (each.category is None, each.category or "", each.key))
    first = ordered[0]
    return first._replace(
        is_disputed=all(each.is_disputed for each in ordered),
        may_be_redistributed=all(each.may_be_redistributed for each in ordered),
    )


def attributes_of(claim: Claim, source: str) -> Attributes:
    """Return what an entry says of a claim."""
    return Attributes(
        provenance=source,
        contributor=claim.contributor,
        external_id=claim.key,
        category=claim.category,
        may_be_redistributed=claim.may_be_redistributed,
        is_disputed=claim.is_disputed,
    )


def next_try(failures: int, every: timedelta, asked: timedelta | None, now: datetime) -> datetime:
    """Say when a fetch is tried again that failed for the how-manieth time in a row (rule 8).

    Args:
        failures: From 1.
        every: The interval of the exchange.
        asked: For how long the partner asks us to wait.
        now: When.
    """
    doubled: timedelta = _FIRST_WAIT * int(2 ** min(failures - 1, _MOST_DOUBLINGS))
    wait = min(doubled, max(every, _FIRST_WAIT), _LONGEST_WAIT)
    return now + max(wait, asked or timedelta(0))


def interval_of(exchange: Exchange, partner: Partner | None, local_every: timedelta) -> timedelta:
    """Return the time between two fetches: what the exchange says, else what its partner asks for.

    Args:
        exchange: Which.
        partner: Its adapter; None where there is none any more.
        local_every: Of a source on this machine.
    """
    if exchange.rhythm.every_s is not None:
        return timedelta(seconds=exchange.rhythm.every_s)
    if partner is None or partner.place(exchange.config) is None:
        return local_every
    return timedelta(seconds=partner.fetch_every_s)
