"""How media is to be hashed: what the process that asks needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import HashingError, UnknownSignalType
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES, Level
from hedgerow.media.archive import ArchiveLimits
from hedgerow.media.model import MediaLimits

if TYPE_CHECKING:
    from hedgerow.hashing.pdq import FrontEnd
    from hedgerow.hashing.video import Sampling

__all__ = ["DEFAULT_TYPES", "HashOptions", "greeting_of"]

DEFAULT_TYPES: Final = ("pdq",)


@dataclass(frozen=True, slots=True)
class HashOptions:
    """How media is to be hashed.

    Attributes:
        types: Signal types wanted: ``pdq``, ``vpdq``, ``md5``, ``sha1``, ``sha256``. A picture has a ``pdq``, a video a
            ``vpdq``: each is also given where only the other was asked for. An animated picture has both.
        limits: What one piece of media may cost.
        exact: Whether JPEG is decoded in full. The reduced decode is 3–30 times faster and at most a few bits off
            (``docs/benchmarks.md``); what goes into a bank is hashed exactly.
        level: Which query variants are added, under which a copy might be known (for matching); none at ``exact``.
        front_end: Which published PDQ.
        archives: Whether a zip or tar is opened and its members hashed (only where the caller walks files).
        sampling: Which frames of a video are kept; where None, as for a ``bank`` at level ``exact``, else as for a
            ``query``.
        threads: Decoder threads of a video; 0 for one a core. The signals are the same.
        bank_regions: Whether the likely crops of a picture are hashed too (`hedgerow.hashing.bank_variants`), and a
            video without its borders, where it has any: for whoever adds the media itself to a bank.
        known_good: Where a set of known software lies (`hedgerow.hashing.known_good`): a file whose digest it holds is
            not decoded, and has the digests that were asked for and nothing else. Pools alone look at it.
    """

    types: tuple[str, ...] = DEFAULT_TYPES
    limits: MediaLimits = field(default_factory=MediaLimits)
    exact: bool = False
    level: Level = "exact"
    front_end: FrontEnd = "full-size"
    archives: bool = False
    sampling: Sampling | None = None
    threads: int = 1
    bank_regions: bool = False
    known_good: str | None = None

    def __post_init__(self) -> None:
        for name in self.types:
            if name not in SIGNAL_TYPES:
                raise UnknownSignalType(name, tuple(SIGNAL_TYPES))
        if not self.types:
            raise HashingError("At least one signal type must be asked for.")
        if self.level not in LEVELS:
            raise HashingError(f"The levels are {', '.join(LEVELS)}.")
        if self.sampling is not None:
            from hedgerow.hashing.video import SAMPLINGS  # noqa: PLC0415  (asked for seldom, and it loads decoders)

            if self.sampling not in SAMPLINGS:
                raise HashingError(f"The samplings are {', '.join(SAMPLINGS)}.")


def greeting_of(options: HashOptions, archive_limits: ArchiveLimits, *, is_long: bool) -> dict[str, Any]:
    """Write the options as JSON values, as `main` takes them from its sandbox."""
    plain: dict[str, Any] = {name: getattr(options, name) for name in HashOptions.__slots__ if name != "limits"}
    plain["limits"] = {name: getattr(options.limits, name) for name in MediaLimits.__slots__}
    plain["archive_limits"] = {name: getattr(archive_limits, name) for name in ArchiveLimits.__slots__}
    plain["is_long"] = is_long
    return plain
