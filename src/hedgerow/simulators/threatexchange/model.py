"""What the exchange holds, and the words that it knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "INDICATOR_TYPES",
    "PRIVACY_TYPES",
    "REACTIONS",
    "REVIEW_STATUSES",
    "SEVERITIES",
    "SHARE_LEVELS",
    "STATUSES",
    "TOMBSTONE_LIFE",
    "Descriptor",
    "Expected",
    "Indicator",
    "Place",
    "Written",
]

TOMBSTONE_LIFE: Final = timedelta(days=90)
"""For how long a deletion is told (the reference of ``threat_updates``; another page of Meta's says 30 days)."""

INDICATOR_TYPES: Final[Mapping[str, int | None]] = {
    "HASH_PDQ": 64,
    "HASH_MD5": 32,
    "HASH_VIDEO_MD5": 32,
    "HASH_SHA1": 40,
    "HASH_SHA256": 64,
    "HASH_VIDEO_SHA256": 64,
    "HASH_TMK": None,
    "HASH_PDQ_OCR": None,
    "HASH_TEXT_TLSH": None,
    "URI": None,
    "RAW_URI": None,
    "TEXT_STRING": None,
    "TREND_QUERY": None,
    "DEBUG_STRING": None,
}
"""Type → how many hexadecimal characters it has; None where it is another text."""

STATUSES: Final = ("MALICIOUS", "SUSPICIOUS", "NON_MALICIOUS", "UNKNOWN")
SHARE_LEVELS: Final = ("WHITE", "GREEN", "AMBER", "RED")
PRIVACY_TYPES: Final = ("VISIBLE", "HAS_PRIVACY_GROUP", "HAS_WHITELIST")
SEVERITIES: Final = ("UNKNOWN", "INFO", "WARNING", "SUSPICIOUS", "SEVERE", "APOCALYPSE")
REVIEW_STATUSES: Final = ("UNKNOWN", "UNREVIEWED", "PENDING", "REVIEWED_MANUALLY", "REVIEWED_AUTOMATICALLY")
REACTIONS: Final = (
    "SAW_THIS_TOO",
    "NON_MALICIOUS",
    "DISAGREE_WITH_TAGS",
    "HELPFUL",
    "NOT_HELPFUL",
    "OUTDATED",
    "WANT_MORE_INFO",
    "INGESTED",
    "ALREADY_KNOWN",
    "IN_REVIEW",
    "REVIEWED",
)
"""As Meta's page on reacting lists them (January 2023)."""


@dataclass(slots=True, eq=False)
class Descriptor:
    """What one app says about an indicator.

    Attributes:
        id: Its number, as text.
        owner: The app that says it.
        indicator: The number of what it is about.
        status: One of `STATUSES`, or a word that nobody knows yet.
        description: A short text.
        share_level: One of `SHARE_LEVELS`.
        privacy_type: One of `PRIVACY_TYPES`.
        groups: The privacy groups that see it.
        apps: The apps that see it, where it names apps.
        tags: In the order in which they were set.
        more: The optional fields, such as ``confidence``, as they were sent.
        added_on: In seconds since 1970.
        last_updated: As `added_on`.
        reactions: Reaction → apps.
        is_ownerless: Whether the owner is left out of answers, as a fault had it.
    """

    id: str
    owner: str
    indicator: str
    status: str = "MALICIOUS"
    description: str = ""
    share_level: str = "AMBER"
    privacy_type: str = "HAS_PRIVACY_GROUP"
    groups: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)
    added_on: int = 0
    last_updated: int = 0
    reactions: dict[str, set[str]] = field(default_factory=dict)
    is_ownerless: bool = False

    def is_seen_by(self, app: str, groups_of_app: frozenset[str]) -> bool:
        """Say whether an app sees it, given the groups that it is a member of."""
        return (
            self.owner == app
            or self.privacy_type == "VISIBLE"
            or app in self.apps
            or not self.groups.isdisjoint(groups_of_app)
        )


@dataclass(slots=True, eq=False)
class Indicator:
    """One known signal.

    Attributes:
        id: Its number, as text; the same signal keeps it for ever.
        kind: Its type.
        value: The signal.
        created_at: In seconds since 1970.
        last_updated: As `created_at`.
        descriptors: Owner → what it says.
        hidden: How its descriptors are left out of answers: not at all (empty), ``missing_descriptors`` or
            ``empty_array``.
    """

    id: str
    kind: str
    value: str = field(repr=False)
    created_at: int
    last_updated: int
    descriptors: dict[str, Descriptor] = field(default_factory=dict)
    hidden: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an indicator stands in the updates of a group.

    Attributes:
        sequence: It decides the order.
        last_updated: In seconds since 1970; it never falls as `sequence` rises.
        is_gone: Whether the group no longer has it.
    """

    sequence: int
    last_updated: int
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """What somebody who reads a group's updates honestly must hold in the end.

    Attributes:
        indicators: Number → (type, value). One whose descriptors are missing counts as withdrawn.
        opinions: Number of an indicator → owner → status. A descriptor without an owner is nobody's opinion.
        reactions: Number of an indicator → reaction → apps, over all its descriptors.
    """

    indicators: Mapping[str, tuple[str, str]] = field(repr=False)
    opinions: Mapping[str, Mapping[str, str]]
    reactions: Mapping[str, Mapping[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Written:
    """Something that the app under rehearsal wrote, and that was done.

    Attributes:
        call: ``submit``, ``react`` or ``delete``.
        descriptor: Its number.
        words: The status that was stated, or the reactions that were added (``+``) or removed (``-``).
    """

    call: str
    descriptor: str
    words: tuple[str, ...]
