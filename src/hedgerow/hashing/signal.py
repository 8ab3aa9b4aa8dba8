"""The nouns of hashing: a signal, and what came of hashing one piece of media."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from hedgerow.errors import InvalidSignal, UnknownSignalType

if TYPE_CHECKING:
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.media import MediaInfo

__all__ = [
    "AS_IS",
    "LEVELS",
    "SIGNAL_TYPES",
    "Level",
    "MediaHash",
    "Signal",
    "SignalType",
    "Unchecked",
    "signal_type",
]

AS_IS = "as is"

Level = Literal["exact", "standard", "thorough"]
"""How many ways a query is looked up: only what the file is; the ordinary alterations too; the rarer ones too."""

LEVELS: Final[tuple[Level, ...]] = ("exact", "standard", "thorough")
"""The levels, each of which includes those before it."""


@dataclass(frozen=True, slots=True)
class SignalType:
    """What signals of one type have in common.

    Attributes:
        name: The field's own short name: ``pdq``, ``vpdq``, ``md5``, ``sha1``, ``sha256``.
        size_bytes: Length of the bits.
        is_perceptual: Whether near signals mean alike media (``pdq``, ``vpdq``) or only equality counts (digests).
    """

    name: str
    size_bytes: int
    is_perceptual: bool


SIGNAL_TYPES: dict[str, SignalType] = {
    each.name: each
    for each in (
        SignalType("pdq", 32, is_perceptual=True),
        SignalType("vpdq", 32, is_perceptual=True),
        SignalType("md5", 16, is_perceptual=False),
        SignalType("sha1", 20, is_perceptual=False),
        SignalType("sha256", 32, is_perceptual=False),
    )
}


def signal_type(name: str) -> SignalType:
    """Look a signal type up by name.

    Raises:
        UnknownSignalType: There is none of that name.
    """
    try:
        return SIGNAL_TYPES[name]
    except KeyError:
        raise UnknownSignalType(name, tuple(SIGNAL_TYPES)) from None


@dataclass(frozen=True, slots=True)
class Signal:
    """What a hasher says of one view of one piece of media.

    Attributes:
        type: A name from `SIGNAL_TYPES`.
        bits: The signal itself; for PDQ 32 bytes in the order of its 64 hex digits (most significant first). For
            vPDQ the SHA-256 of its packed `frames`, which tells equal lists of frames.
        quality: 0–100 for PDQ (below 50 it says too little to match by); None for digests and vPDQ.
        variant: How the media was looked at: ``as is``, ``mirrored``, ``over black``, ``frame 3, rotated 90°`` …
        made_by: Front end and version that computed it (``full-size/1``); empty when it came from outside.
        level: The least level at which a query is looked up under this variant.
        frames: The hashed frames of a video, for vPDQ; None otherwise.
    """

    type: str
    bits: bytes
    quality: int | None = None
    variant: str = AS_IS
    made_by: str = ""
    level: Level = "exact"
    frames: FrameList | None = field(default=None, repr=False)

    @property
    def value(self) -> str:
        """The bits as lower-case hex digits, as partners exchange them.

        >>> Signal("md5", bytes(16)).value
        '00000000000000000000000000000000'
        """
        return self.bits.hex()

    @classmethod
    def from_text(cls, type_name: str, text: str, quality: int | None = None) -> Signal:
        """Read a signal from its hex digits (either case), and refuse everything else.

        Raises:
            UnknownSignalType: There is no such type.
            InvalidSignal: Wrong length, or a character that is no hex digit (a trailing newline is one).

        >>> Signal.from_text("md5", "D41D8CD98F00B204E9800998ECF8427E").value
        'd41d8cd98f00b204e9800998ecf8427e'
        >>> Signal.from_text("pdq", "0123")
        Traceback (most recent call last):
        hedgerow.errors.InvalidSignal: This is no pdq signal: 4 characters where 64 hex digits belong.
        """
        wanted = signal_type(type_name).size_bytes * 2
        if len(text) != wanted:
            raise InvalidSignal(type_name, f"{len(text)} characters where {wanted} hex digits belong")
        if not all(character in "0123456789abcdefABCDEF" for character in text):
            # bytes.fromhex alone would skip white space
            raise InvalidSignal(type_name, "a character that is no hex digit")
        return cls(type_name, bytes.fromhex(text), quality)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Why some or all of a piece of media could not be looked at.

    Attributes:
        reason: A word for programs: the `reason` of the error behind it, or, where a part was seen, ``truncated``,
            ``frame_limit``, ``time_limit`` or ``memory``.
        detail: One sentence for a person.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class MediaHash:
    """What came of hashing one piece of media.

    Attributes:
        media: What it is; None when not even that could be told.
        signals: The signals, the picture ``as is`` first. Empty only when `unchecked` says why.
        unchecked: None when everything a viewer could see was hashed. Signals and `unchecked` together mean that
            a part was: a truncated JPEG as far as it decodes, the first frames of a very long animation.
        is_known_good: Whether it was not decoded, since its bytes are those of known software.
    """

    media: MediaInfo | None
    signals: tuple[Signal, ...]
    unchecked: Unchecked | None = None
    is_known_good: bool = False
