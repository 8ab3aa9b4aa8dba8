"""The nouns of HMA: a bank as this door shows it, a content, and what became of a fetch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hedgerow.banks import Bank
    from hedgerow.hashing.signal import Level

__all__ = [
    "BankRules",
    "Content",
    "HeldBy",
    "RatedBank",
    "SetAside",
    "TypeCount",
]


@dataclass(frozen=True, slots=True)
class BankRules:
    """What a bank that is made through this door is like; see `hedgerow.banks.Bank`.

    Attributes:
        threshold: In bits.
        minimum_quality: Of perceptual signals.
        level: How many ways a query is looked up in it.
    """

    threshold: int = 31
    minimum_quality: int = 50
    level: Level = "exact"


@dataclass(frozen=True, slots=True)
class RatedBank:
    """A bank, and for which share of the lookups through this door it is searched.

    Attributes:
        bank: The bank.
        enabled_ratio: 1 for every lookup, 0 for none; 0 also for a bank that is switched off for every door.
    """

    bank: Bank
    enabled_ratio: float


@dataclass(frozen=True, slots=True)
class SetAside:
    """A signal of a content that its bank does not take.

    Attributes:
        signal_type: As this door spells it.
        value: As it came.
        reason: Why it matches nothing, without the value.
    """

    signal_type: str
    value: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of known media, as HMA counts: one or more entries of one bank, under one number.

    Attributes:
        id: What a client knows as ``bank_content_id``; never given out twice.
        bank_id: The bank it is in.
        disable_until_ts: 0 disabled for ever, 1 enabled, else disabled until then, in seconds since 1970.
        created_at: When it was made.
        note: What a person wrote about it.
        metadata: What the platform said about it.
        signals: Its signals as text, the first of each type. Only where they were asked for.
        set_aside: Those that match nothing, and why. Only where signals were asked for.
    """

    id: int
    bank_id: int
    disable_until_ts: int
    created_at: datetime
    note: str | None = field(default=None, repr=False)
    metadata: Mapping[str, Any] | None = field(default=None, repr=False)
    signals: Mapping[str, str] = field(default_factory=dict, repr=False)
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A content that holds an entry, and what a lookup has to know of it.

    Attributes:
        content: Its number; None while the entry has none.
        bank_id: Its bank.
        disable_until_ts: See `Content`.
        enabled_ratio: Of its bank.
    """

    content: int | None
    bank_id: int
    disable_until_ts: int
    enabled_ratio: float


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How many signals of one type there are to be found.

    Attributes:
        count: Pairs of content and type; an entry that is no content yet counts as one.
        newest_at: When the newest of them was added; None where there is none.
    """

    count: int
    newest_at: datetime | None
