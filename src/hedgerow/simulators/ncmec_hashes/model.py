"""What NCMEC Hash Sharing knows: its lists, their members, fingerprints, categories and reasons; an entry, and a vote.

Lists and types are those of the public documentation. Members, GUIDs and reasons are made up: the real ones differ, and
a client must ask for them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALLER_MEMBER",
    "CATEGORIES",
    "CLASSIFICATIONS",
    "ENVIRONMENTS",
    "FINGERPRINTS",
    "LARGE",
    "MEMBERS",
    "NAMESPACE",
    "TAKE_IT_DOWN_MEMBER",
    "Entry",
    "Key",
    "Kind",
    "Vote",
    "attribute_of",
    "guid_of",
    "reasons_of",
    "seconds",
    "stamp",
]

NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
"""One for every list since version 2."""

ENVIRONMENTS: Final[Mapping[str, str]] = {
    "hashsharing": "Industry CSAM",
    "exploitative-hashsharing": "Industry Exploitative",
    "csam-hashsharing": "Law Enforcement CSAM",
    "npo": "NPO CSAM",
    "exploitative": "NPO Exploitative",
    "generative-ai-csam": "NPO Generative AI CSAM",
    "generative-ai-exploitative": "NPO Generative AI Exploitative",
}
"""The lists: what the path begins with, and what each is called. The real ones lie on four hosts."""

CALLER_MEMBER: Final = 1
TAKE_IT_DOWN_MEMBER: Final = 77
_CALLER: Final = "Sir Testington"

MEMBERS: Final[Mapping[str, Mapping[int, str]]] = {
    "hashsharing": {CALLER_MEMBER: _CALLER, 42: "Example Platform", 43: "Example Archive", 44: "Example & Sons"},
    "exploitative-hashsharing": {CALLER_MEMBER: _CALLER, 42: "Example Platform", 45: "Example Market"},
    "csam-hashsharing": {CALLER_MEMBER: _CALLER, 51: "Example Police", 52: "Example Prosecutor"},
    "npo": {CALLER_MEMBER: _CALLER, 61: "Example Hotline", TAKE_IT_DOWN_MEMBER: "NCMEC's Take It Down user"},
    "exploitative": {CALLER_MEMBER: _CALLER, 61: "Example Hotline"},
    "generative-ai-csam": {CALLER_MEMBER: _CALLER, 61: "Example Hotline", 62: "Example Laboratory"},
    "generative-ai-exploitative": {CALLER_MEMBER: _CALLER, 62: "Example Laboratory"},
}
"""The members of each list. The numbers are this simulator's own."""

CLASSIFICATIONS: Final = ("A1", "A2", "B1", "B2")

FINGERPRINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "md5": ("MD5",),
    "sha1": ("SHA1",),
    "pdna": ("PDNA",),
    "pdq": ("PDQ",),
    "netclean": ("NETCLEAN",),
    "videntifier": ("VIDENTIFIER",),
    "tmk-pdqf": ("TMK_PDQF",),
    "ssvh-pdna": ("SSVH_PDNA",),
    # The table of the documentation and the open client disagree about the key of this one: both are taken.
    "ssvh-safer-hash": ("SSVH_SAFER_HASH", "TMK_SAFER_HASH"),
}
"""Elements in an entry, and their keys in paths."""

LARGE: Final = frozenset({"videntifier", "tmk-pdqf", "ssvh-pdna", "ssvh-safer-hash"})
"""Those that stand as an address, and not as text."""

CATEGORIES: Final[Mapping[str, tuple[bool, tuple[str, ...]]]] = {
    "Content": (False, ("Clothed Child", "Unconfirmed Child Sexual Abuse Material")),
    "Context": (True, ("Known Minor", "Potential Meme", "Viral")),
    "Egregious": (True, ("Infant or Toddler",)),
}
"""Groups of categories: whether several of one group may be given, and their names; there are more in truth."""

_REASONS: Final = ("Example Reason 1", "Example Reason 2")

Kind = Literal["image", "video"]
Key = tuple[int, str]
"""Of an entry, within its list: the member, and the member's own id."""

_GUIDS: Final = uuid.UUID("6f1a3c0e-2d5b-5c77-9a41-7f0e6b1d2c33")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def guid_of(environment: str, name: str) -> str:
    """Return the GUID of a category or reason: always the same in one list, another in another.

    >>> guid_of("npo", "Viral") == guid_of("hashsharing", "Viral")
    False
    """
    return str(uuid.uuid5(_GUIDS, f"{environment}/{name}"))


def attribute_of(element: str) -> str:
    """Return a fingerprint's type as attributes write it: not as paths do.

    >>> attribute_of("sha1"), attribute_of("tmk-pdqf")
    ('Sha1', 'Tmk_Pdqf')
    """
    return FINGERPRINTS[element][0].title() if element in FINGERPRINTS else element


def reasons_of(environment: str, element: str) -> dict[str, str]:
    """Return the reasons for a negative vote about a type, by GUID."""
    return {guid_of(environment, f"{element}/{name}"): name for name in _REASONS}


def seconds(at: datetime) -> int:
    """Return the whole seconds since 1970, rounded down: all that an entry's timestamp has."""
    return (at - _EPOCH) // timedelta(seconds=1)


def stamp(at_s: int, fraction: str = "") -> str:
    """Write a time as the service does.

    >>> stamp(0), stamp(0, ".000")
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z')
    """
    return f"{(_EPOCH + timedelta(seconds=at_s)).strftime('%Y-%m-%dT%H:%M:%S')}{fraction}Z"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says about one picture or video, as it is now.

    Attributes:
        kind: Image or video.
        member: Whose it is.
        id: The member's own; only unique within the member's.
        timestamp_s: Seconds since 1970 of its last change; the only time that it has.
        classification: A1, A2, B1, B2; None where there is none.
        fingerprints: Elements with their values; a large one has its bytes as hexadecimal.
        is_deleted: Whether it is a tombstone, which has no fingerprints.
        categories: Names out of `CATEGORIES`.
    """

    kind: Kind
    member: int
    id: str
    timestamp_s: int
    classification: str | None = None
    fingerprints: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    is_deleted: bool = False
    categories: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Its key within its list."""
        return self.member, self.id


@dataclass(frozen=True, slots=True)
class Vote:
    """What a member thinks of one fingerprint of another member's entry; its last word.

    Attributes:
        environment: The list.
        voter: Who thinks so.
        member: Whose entry.
        id: Which entry.
        element: Which fingerprint, as its element, such as ``md5``.
        is_affirmative: Agreed, or disputed.
        reasons: GUIDs; of a dispute only.
        at_s: When, in seconds since 1970.
        times: How many votes of this voter about it came, this one included.
    """

    environment: str
    voter: int
    member: int
    id: str
    element: str
    is_affirmative: bool
    reasons: tuple[str, ...]
    at_s: int
    times: int = 1
