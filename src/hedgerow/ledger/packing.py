"""The signals of one submission as bytes: compact, readable for ever, and never more than data.

Version 1, all numbers little-endian:

=========================  ====================================================================================
``u8``                     version: 1
``u32``                    count of signals, n
``u32``                    length of the names
n × ``u8``                 type: 1 pdq, 2 vpdq, 3 md5, 4 sha1, 5 sha256
n × ``u8``                 level: 0 exact, 1 standard, 2 thorough
n × ``u8``                 quality: 0 to 100, 255 for none
names                      the variants in UTF-8, with a NUL between each two, deflated (RFC 1950)
for each signal            its bits, as long as its type has them
for each vpdq              ``u32`` length, and the frames as `hedgerow.hashing.frame_list` packs them
=========================  ====================================================================================

Of a signal only `Signal.made_by` is left out: nothing is looked up by it. A picture takes 0.9 kB at the level
``standard`` (20 to 30 signals) and 3.5 to 4.5 kB at ``thorough``; deflating the names saves a sixth to a third of it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidSignal, LedgerRowUnreadable
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VERSION", "pack_signals", "unpack_signals"]

VERSION: Final = 1

_TYPES: Final = ("pdq", "vpdq", "md5", "sha1", "sha256")
_FIRST_TYPE: Final = 1
_NO_QUALITY: Final = 255
_BEST_QUALITY: Final = 100
_HEAD: Final = struct.Struct("<BII")
_LENGTH: Final = struct.Struct("<I")
_NAME_BYTES: Final = 1_024
"""Longest name of a variant: a bank takes 200 characters (`hedgerow.banks.rules`), of 4 bytes at most."""


def pack_signals(signals: Sequence[Signal]) -> bytes:
    """Write signals as bytes, from which `unpack_signals` gives them back in their order.

    Raises:
        InvalidSignal: One of them is none of its type.

    >>> packed = pack_signals([Signal("md5", bytes(range(16)))])
    >>> len(packed), unpack_signals(packed) == (Signal("md5", bytes(range(16))),)
    (41, True)
    """
    for each in signals:
        _check(each)
    names = zlib.compress("\0".join([each.variant for each in signals]).encode(), 6)
    parts = [
        _HEAD.pack(VERSION, len(signals), len(names)),
        bytes(_TYPES.index(each.type) + _FIRST_TYPE for each in signals),
        bytes(LEVELS.index(each.level) for each in signals),
        bytes(_NO_QUALITY if each.quality is None else each.quality for each in signals),
        names,
        *(each.bits for each in signals),
    ]
    for each in signals:
        if each.type == "vpdq":
            frames = b"" if each.frames is None else each.frames.packed()
            parts += [_LENGTH.pack(len(frames)), frames]
    return b"".join(parts)


def _check(signal: Signal) -> None:
    kind = SIGNAL_TYPES.get(signal.type)
    if kind is None or signal.type not in _TYPES or len(signal.bits) != kind.size_bytes:
        raise InvalidSignal(signal.type, "the wrong length, or an unknown type")
    if signal.quality is not None and not 0 <= signal.quality <= _BEST_QUALITY:
        raise InvalidSignal(signal.type, "a quality that is not between 0 and 100")
    if "\0" in signal.variant or len(signal.variant.encode()) > _NAME_BYTES:
        raise InvalidSignal(signal.type, "the name of its variant is too long, or holds a NUL")


def unpack_signals(packed: bytes) -> tuple[Signal, ...]:
    """Read packed signals.

    Raises:
        LedgerRowUnreadable: These bytes are none, or of a later version.
    """
    try:
        return _unpacked(packed)
    except (struct.error, zlib.error, UnicodeDecodeError, InvalidSignal, IndexError):
        raise LedgerRowUnreadable from None  # the cause might quote the bytes


def _unpacked(packed: bytes) -> tuple[Signal, ...]:
    version, count, size = _HEAD.unpack_from(packed)
    at = _HEAD.size
    if version != VERSION or len(packed) < at + 3 * count + size:
        raise LedgerRowUnreadable
    types = [_TYPES[_within(code - _FIRST_TYPE, len(_TYPES))] for code in packed[at : at + count]]
    levels = [LEVELS[code] for code in packed[at + count : at + 2 * count]]
    qualities = [None if code == _NO_QUALITY else code for code in packed[at + 2 * count : at + 3 * count]]
    at += 3 * count
    variants = _names(packed[at : at + size], count)
    at += size
    bits = []
    for name in types:
        end = at + SIGNAL_TYPES[name].size_bytes
        if end > len(packed):
            raise LedgerRowUnreadable
        bits.append(packed[at:end])
        at = end
    frames: list[FrameList | None] = []
    for name in types:
        listed = None
        if name == "vpdq":
            (length,) = _LENGTH.unpack_from(packed, at)
            at += _LENGTH.size
            if at + length > len(packed):
                raise LedgerRowUnreadable
            listed = FrameList.unpack(packed[at : at + length]) if length else None
            at += length
        frames.append(listed)
    if at != len(packed):
        raise LedgerRowUnreadable
    return tuple(
        Signal(name, value, quality, variant, level=level, frames=listed)
        for name, value, quality, variant, level, listed in zip(
            types, bits, qualities, variants, levels, frames, strict=True
        )
    )


def _within(position: int, count: int) -> int:
    """Return a position if it is one: a negative one would count from the end."""
    if not 0 <= position < count:
        raise LedgerRowUnreadable
    return position


def _names(deflated: bytes, count: int) -> list[str]:
    """Read the names, never more of them than so many signals can have."""
    inflater = zlib.decompressobj()
    text = inflater.decompress(deflated, count * (_NAME_BYTES + 1) + 1)
    if not inflater.eof or inflater.unused_data:
        raise LedgerRowUnreadable
    names = text.decode().split("\0") if count else []
    if len(names) != count:
        raise LedgerRowUnreadable
    return names
