"""Turning what callers hold into rows: one signal a row, in the order of its hex digits.

A 256-bit signal is accepted as

* 64 hex digits (either case), 32 bytes, or an object whose ``bits`` are such (`hedgerow.hashing.signal.Signal`);
* a sequence of those;
* an array (n, 32) of uint8: the bytes in the order of the hex digits, most significant first;
* an array (n, 4) of uint64 **over the same memory**: ``rows.view(np.uint64)``. On a little-endian machine, the low
  byte of the first word is the first two hex digits. Distances do not depend on it, mixing the forms does;
* one row of either array.

Digests likewise, without the uint64 form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from hedgerow.errors import InvalidQuery

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNAL_BYTES = 32
_WORDS = 4
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_PERCEPTUAL = "pdq"


@runtime_checkable
class HasBits(Protocol):
    """Anything with a signal's bits, such as `hedgerow.hashing.signal.Signal`."""

    @property
    def bits(self) -> bytes: ...  # noqa: D102  (the class says it)


OneSignal: TypeAlias = "str | bytes | bytearray | memoryview | HasBits | NDArray[Any]"
Signals: TypeAlias = "OneSignal | Iterable[OneSignal]"


def words_of(signals: Signals) -> NDArray[np.uint64]:
    """Read 256-bit signals into (n, 4) uint64 rows; the result may share the caller's memory and is read-only.

    Raises:
        InvalidQuery: These are no 256-bit signals.

    >>> words_of("01" + "00" * 31).view(np.uint8)[0, 0]
    np.uint8(1)
    """
    if type(signals) is np.ndarray and signals.dtype == np.uint64:
        rows = signals.reshape(1, -1) if signals.ndim == 1 and signals.size == _WORDS else signals
        if rows.ndim != 2 or rows.shape[1] != _WORDS:  # noqa: PLR2004  (rows and columns)
            raise InvalidQuery(f"an array of shape {signals.shape} where (n, 4) belongs")
        if rows.flags.c_contiguous and not rows.flags.writeable:
            return rows
        words = np.ascontiguousarray(rows).view()
    else:
        words = np.ascontiguousarray(octets_of(signals, SIGNAL_BYTES)).view(np.uint64)
    words.flags.writeable = False
    return words


def octets_of(signals: Signals, size_bytes: int) -> NDArray[np.uint8]:
    """Read signals or digests of so many bytes into (n, size) uint8 rows.

    Raises:
        InvalidQuery: They are none, or of another size.
    """
    if isinstance(signals, np.ndarray):
        return _from_array(signals, size_bytes)
    if isinstance(signals, str | bytes | bytearray | memoryview | HasBits):
        return np.frombuffer(_one(signals, size_bytes), np.uint8).reshape(1, size_bytes)
    if not isinstance(signals, Iterable):
        raise InvalidQuery(f"{type(signals).__name__} where signals belong")
    joined = b"".join([_one(signal, size_bytes) for signal in signals])
    return np.frombuffer(joined, np.uint8).reshape(-1, size_bytes)


def _from_array(array: NDArray[Any], size_bytes: int) -> NDArray[np.uint8]:
    if array.dtype.kind in "US":
        return octets_of(
            [text if isinstance(text, str) else text.decode("ascii", "replace") for text in array.ravel().tolist()],
            size_bytes,
        )
    if array.dtype == np.uint8:
        if array.ndim == 1 and array.size == size_bytes:
            return array.reshape(1, size_bytes)
        if array.ndim == 2 and array.shape[1] == size_bytes:  # noqa: PLR2004  (rows and columns)
            return array
        raise InvalidQuery(f"an array of shape {array.shape} where (n, {size_bytes}) belongs")
    if array.dtype == np.uint64 and size_bytes == SIGNAL_BYTES:
        return words_of(array).view(np.uint8)
    if array.dtype == object:
        return octets_of(array.ravel().tolist(), size_bytes)
    raise InvalidQuery(f"an array of {array.dtype} where uint8 belongs")


def _one(signal: object, size_bytes: int) -> bytes:
    if isinstance(signal, str):
        if len(signal) != 2 * size_bytes:
            raise InvalidQuery(f"{len(signal)} characters where {2 * size_bytes} hex digits belong")
        if not _HEX_DIGITS.issuperset(signal):  # bytes.fromhex alone would skip white space
            raise InvalidQuery("a character that is no hex digit")
        return bytes.fromhex(signal)
    if isinstance(signal, np.ndarray):
        row = octets_of(signal, size_bytes)
        if len(row) != 1:
            raise InvalidQuery("an array of several rows where one signal belongs")
        return row.tobytes()
    if isinstance(signal, bytes | bytearray | memoryview):
        octets = bytes(signal)
    elif isinstance(signal, HasBits):
        octets = _bits_of(signal, size_bytes)
    else:
        raise InvalidQuery(f"{type(signal).__name__} where a signal belongs")
    if len(octets) != size_bytes:
        raise InvalidQuery(f"{len(octets)} bytes where {size_bytes} belong")
    return octets


def _bits_of(signal: HasBits, size_bytes: int) -> bytes:
    """Return its bits, if they are bytes. That its type fits is for the index to check, see `refuse_types`."""
    bits = signal.bits
    if not isinstance(bits, bytes):
        raise InvalidQuery(f"bits that are {type(bits).__name__} where {size_bytes} bytes belong")
    return bits


def listed(signals: Signals) -> Signals:
    """Make sure that an iterable can be gone through twice."""
    is_one = isinstance(signals, str | bytes | bytearray | memoryview | np.ndarray | HasBits)
    if is_one or not isinstance(signals, Iterable):
        return signals
    return list(cast("Iterable[OneSignal]", signals))


def refuse_types(signals: Signals, *, perceptual: bool) -> None:
    """Refuse digests where nearness is asked for, and PDQ where equality is: both would silently find nothing.

    Raises:
        InvalidQuery: A signal states a type of the other sort.
    """
    each = signals if isinstance(signals, list | tuple) else (signals,)
    for signal in each:
        stated = getattr(signal, "type", None)
        if isinstance(stated, str) and (stated == _PERCEPTUAL) != perceptual:
            raise InvalidQuery(f"a {stated} signal in an index of the other sort")
