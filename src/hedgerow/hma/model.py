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
    "Exchange",
    "FetchEnd",
    "FetchPlan",
    "FetchStatus",
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


@dataclass(frozen=True, slots=True)
class Exchange:
    """A source of signals that fills a bank of the same name.

    Attributes:
        id: Its number.
        bank_id: The bank it fills.
        name: The bank's name, and its own.
        api: The kind of source.
        config: What that kind wants to know.
        is_enabled: Whether it is fetched.
    """

    id: int
    bank_id: int
    name: str
    api: str
    config: Mapping[str, Any]
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class FetchStatus:
    """What became of the fetches of an exchange.

    Attributes:
        started_at: When the running fetch began; None where none runs.
        completed_at: When the latest ended.
        has_succeeded: Whether that one did; None before the first.
        fetched_items: Live entries of its bank.
        is_up_to_date: Whether the bank holds all that the source had at the latest fetch.
    """

    started_at: datetime | None
    completed_at: datetime | None
    has_succeeded: bool | None
    fetched_items: int
    is_up_to_date: bool


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """When an exchange is fetched, and how its latest fetch ended.

    Attributes:
        due_at: When it is fetched next, where it is switched on.
        started_at: When the running fetch began; None where none runs.
        completed_at: When the latest ended; None before the first.
        last_error: A word for why that one failed; None where it did not.
    """

    due_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class FetchEnd:
    """A fetch that failed or changed something, as the record has it.

    Attributes:
        at: When it ended.
        added: Entries that it added; None where it failed.
        withdrawn: Entries that it withdrew; None where it failed.
        error: A word for why it failed; None where it did not.
    """

    at: datetime
    added: int | None
    withdrawn: int | None
    error: str | None
