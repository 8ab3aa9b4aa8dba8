"""The compiled inner loops of `hedgerow.media.lowpass`: Huffman data of a baseline JPEG to its reduced luma plane.

Importing this module imports Numba and compiles (or loads from Numba's cache) every kernel, because each is declared
with its signature. Nothing imports it but `hedgerow.media.lowpass`, which decides when that is worth its time.

How it is faster than libjpeg: one look-up takes as many symbols as fit a window of ``WINDOW`` bits (most are only to
be skipped), and it has no branch that depends on the data but the rare ones. A block that ends merely selects the
table of the next. What then costs time is the chain from one look-up to the next, some ten cycles.

A table entry is one int32:

====== ==================================================================================================
bits   what they say
====== ==================================================================================================
0–4    bits that it takes: codes and the values behind them
8–19   luma's DC difference, signed; 0 in all other entries
24–29  by how much it moves on in the block
30     look at this one symbol by symbol (a long code, or none at all)
31     the block ends here
====== ==================================================================================================

Moving on is plain addition into ``place``, whose bits 24–29 are the next coefficient's number in zigzag order: when
bit 30 comes up the block is full, or overrun, or the entry says so, and one symbol is read the slow and careful way.

No kernel reads or writes outside its arrays, whatever the data: the tables are built here from counts checked by the
caller, the place in the data is checked every few look-ups and ``PADDING`` zeros stand behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# ruff: noqa: ANN401  (Numba's intrinsics and types are untyped)
# ruff: noqa: PLR0913, PLR0917  (a kernel takes its arrays one by one)
# ruff: noqa: PLR2004  (bits, bytes and markers of ITU-T T.81)

WINDOW = 11
"""Bits that index a table: 8 KiB each, so that the tables in use fit the first-level cache together."""
ENTRIES = 1 << WINDOW
LOOKUPS = 3
"""Look-ups between two refills of the bit buffer, as `_read_blocks` writes them out."""
MOST_BITS = (57 - WINDOW) // (LOOKUPS - 1)
"""Bits that one entry may take, so that the last look-up still has a full window (a refill leaves 57 bits)."""
PADDING = 1024
"""Zeros behind the data; no more than 64 bytes of them are ever read before the place is checked."""

LOW = (0, 1, 2, 4)
"""Which coefficients count at 1/4, in zigzag order: those of no and of half a wave across and down."""
LAST_LOW = LOW[-1]

_SHIFT = 64 - WINDOW
_SLOWLY = 1 << 30
_END = 1 << 31
_ONE = 1 << 24  # one step in the block

_data = types.Array(types.uint8, 1, "C", readonly=True)
_octets = types.Array(types.uint8, 1, "C")
_plane = types.Array(types.uint8, 2, "C")
_codes = types.Array(types.uint8, 2, "C", readonly=True)
_table = types.Array(types.int32, 1, "C")
_tables = types.Array(types.int32, 1, "C", readonly=True)
_levels = types.Array(types.int16, 1, "C")
_integers = types.Array(types.int64, 1, "C", readonly=True)
_new_integers = types.Array(types.int64, 1, "C")
_i, _u = types.int64, types.uint64
_tuple: Any = types.Tuple

_Kernel = TypeVar("_Kernel", bound="Callable[..., Any]")
_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic


def _compile(signature: Any) -> Callable[[_Kernel], _Kernel]:
    from hedgerow.media import lowpass  # noqa: PLC0415  (imports this module)

    decorate: Callable[[_Kernel], _Kernel]
    decorate = njit(
        signature, cache=lowpass.KERNELS.cache_is_usable(), nogil=True, error_model="numpy", boundscheck=False
    )
    return decorate


@_intrinsic
def _eight_bytes(_typing: Any, octets: Any, _at: Any) -> Any:
    """Load eight bytes, the first as the most significant."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        word = ir.IntType(64)
        first = builder.bitcast(builder.gep(view.data, [args[1]]), word.as_pointer())
        return builder.bswap(builder.load(first, align=1, typ=word))

    return types.uint64(octets, types.uint64), generate


@_compile(_i(_data, _i, _octets, _new_integers))
def unstuff(data: NDArray[np.uint8], start: int, out: NDArray[np.uint8], bounds: NDArray[np.int64]) -> Any:
    """Copy entropy-coded data without its stuffed zeros and its markers (T.81, B.1.1.5).

    Args:
        data: The file.
        start: Where its only scan begins.
        out: As large as what follows ``start``, and `PADDING`; written.
        bounds: One number more than there must be restart intervals: where each begins in ``out``, and the end;
            written.

    Returns:
        How many bytes were written; -1 unless the data is whole, with all its restart markers, up to the end of image.
    """
    n = np.uint64(data.shape[0])
    p, o = np.uint64(start), np.uint64(0)
    one, two, eight = np.uint64(1), np.uint64(2), np.uint64(8)
    interval = 0
    bounds[0] = 0
    while p + two <= n:
        if p + eight <= n:
            word = _eight_bytes(data, p)
            ones = ((word & np.uint64(0x7F7F7F7F7F7F7F7F)) + np.uint64(0x0101010101010101)) & word
            for j in range(eight):
                out[o + j] = data[p + j]
            if ones & np.uint64(0x8080808080808080) == np.uint64(0):
                p += eight
                o += eight
                continue
        while data[p] != 255 and p + two < n:
            out[o] = data[p]
            p += one
            o += one
        if data[p] != 255:
            return -1
        marker = np.int64(data[p + one])
        p += two
        if marker == 0:
            out[o] = 255
            o += one
        elif marker == 0xD0 + interval % 8 and interval + 2 < bounds.shape[0]:
            interval += 1
            bounds[interval] = np.int64(o)
        elif marker == 0xD9 and interval + 2 == bounds.shape[0]:
            bounds[interval + 1] = np.int64(o)
            for j in range(np.uint64(PADDING)):
                out[o + j] = 0
            return np.int64(o)
        else:
            return -1
    return -1


@_compile(types.void(_codes, _i, _new_integers))
def _by_window(codes: NDArray[np.uint8], row: int, out: NDArray[np.int64]) -> None:
    """List, for every window, the first code's length << 8 | its symbol; 0 where there is none or it is longer."""
    out[:] = 0
    at, symbol = 0, 16
    for length in range(1, WINDOW + 1):
        for _ in range(codes[row, length - 1]):
            step = 1 << (WINDOW - length)
            if at + step > ENTRIES:
                return
            out[at : at + step] = (length << 8) | np.int64(codes[row, symbol])
            at += step
            symbol += 1


@_compile(_i(_new_integers, _i, _i, _i))
def _skipping(single: NDArray[np.int64], window: int, used: Any, moved: Any) -> Any:
    """Skip as many AC symbols as the window holds after ``used`` bits; return the entry."""
    while used < WINDOW:
        code = single[(window << used) & (ENTRIES - 1)]
        length, run, size = code >> 8, (code >> 4) & 15, code & 15
        if length == 0 or used + length > WINDOW or used + length + size > MOST_BITS:
            break
        if size == 0 and run != 15:
            return (moved * _ONE + used + length) - _END
        if moved + run + 1 > 63:
            break
        moved += run + 1
        used += length + size
    return moved * _ONE + used if used else _SLOWLY


@_compile(types.void(_codes, _i, _i, types.boolean, _table))
def build_tables(codes: NDArray[np.uint8], dc: int, ac: int, is_luma: bool, out: NDArray[np.int32]) -> None:  # noqa: FBT001  (a kernel has no keywords)
    """Build the tables of one component.

    Args:
        codes: (n, 272) Huffman codes as a DHT segment states them: 16 counts, then the symbols.
        dc: Which are those of its DC coefficients.
        ac: And those of the others.
        is_luma: Whether the DC differences are wanted.
        out: 2 · `ENTRIES`, written: what begins a block, then what goes on with it.
    """
    single_dc, single_ac = np.empty(ENTRIES, np.int64), np.empty(ENTRIES, np.int64)
    _by_window(codes, dc, single_dc)
    _by_window(codes, ac, single_ac)
    for window in range(ENTRIES):
        out[ENTRIES + window] = _skipping(single_ac, window, 0, 0)
        length, size = single_dc[window] >> 8, single_dc[window] & 255
        used = length + size
        if length == 0 or size > 11 or used > (WINDOW if is_luma else MOST_BITS):
            out[window] = _SLOWLY
            continue
        value = (window >> max(WINDOW - used, 0)) & ((1 << size) - 1) if is_luma else 0
        if is_luma and size and value < 1 << (size - 1):
            value -= (1 << size) - 1
        out[window] = _skipping(single_ac, window, used, 1) + ((value & 0xFFF) << 8)


@_compile(_tuple((_i, _i, _i))(_octets, _u, _codes, _i, _i))
def _one_symbol(bits: NDArray[np.uint8], at: int, codes: NDArray[np.uint8], row: int, k: Any) -> Any:
    """Read one symbol bit by bit.

    Returns:
        The bits that it takes, the value, and the next coefficient's number: 64 or more at the end of the block.
        No bits where the data is damaged.
    """
    word = _eight_bytes(bits, at >> np.uint64(3)) << (at & np.uint64(7))
    first: Any = 0
    symbol: Any = 16
    length = 1
    while length <= 16:
        count = np.int64(codes[row, length - 1])
        offset = np.int64(word >> np.uint64(64 - length)) - first
        if 0 <= offset < count:
            break
        symbol += count
        first = (first + count) << 1
        length += 1
    if length > 16:
        return 0, 0, 0
    code = np.int64(codes[row, min(symbol + offset, 271)])
    run, size = code >> 4, code & 15
    value: Any = 0
    if size:
        value = np.int64((word << np.uint64(length)) >> np.uint64(64 - size))
        if value < 1 << (size - 1):
            value -= (1 << size) - 1
    if k == 0:
        return (0, 0, 0) if run else (length + size, value, 1)
    if size == 0 and run != 15:
        return length, 0, 64
    k += run + 1
    return (0, 0, 0) if k > 64 else (length + size, value, k)


@_compile(_u(_octets, _i, _u, _levels, _i, _i, _tables, _integers, _codes))
def _read_blocks(
    bits: NDArray[np.uint8],
    end: int,
    at: Any,
    levels: NDArray[np.int16],
    block: Any,
    stop: int,
    tables: NDArray[np.int32],
    pattern: NDArray[np.int64],
    codes: NDArray[np.uint8],
) -> Any:
    """Read blocks ``block`` up to ``stop``.

    Args:
        bits: Unstuffed data.
        end: Where the restart interval ends, in bytes.
        at: Where the first block begins, in bits.
        levels: A zero for each block; DC differences are added.
        block: The first block in ``levels``, at the beginning of an MCU.
        stop: The last, excluded.
        tables: As `build_tables` makes them, one after the other.
        pattern: Blocks in an MCU; then for each of those where its tables begin, and the rows of ``codes``.
        codes: As for `build_tables`.

    Returns:
        Where it ended in bits, or the largest number where the data is damaged.
    """
    damaged = np.uint64(0xFFFFFFFFFFFFFFFF)
    seven, three, shift = np.uint64(7), np.uint64(3), np.uint64(_SHIFT)
    here, there, following = np.empty(16, np.int64), np.empty(16, np.int64), np.empty(16, np.int64)
    for b in range(pattern[0]):
        after = (b + 1) % pattern[0]
        here[b] = pattern[1 + 3 * b] + ENTRIES
        there[b] = pattern[1 + 3 * after] - here[b]
        following[b] = after - b
    place: Any = 0
    j: Any = np.uint64(0)
    base: Any = pattern[1]
    p = at >> three
    word = _eight_bytes(bits, p) << (at & seven)
    held = np.uint64(56) - (at & seven)
    p += seven
    while block < stop:
        if np.int64(p) > end + 8:
            return damaged
        word |= _eight_bytes(bits, p) >> held
        p += (np.uint64(63) - held) >> three
        held |= np.uint64(56)

        entry = np.int64(tables[np.uint64(base) + (word >> shift)])
        taken = np.uint64(entry) & np.uint64(63)
        word <<= taken
        held -= taken
        place += entry
        if not place & _SLOWLY:
            levels[np.uint64(block)] += (entry << 44) >> 52
            ends = place >> 63
            base = here[j] + (there[j] & ends)
            j += np.uint64(following[j] & ends)
            block -= ends
            place &= ~ends
            if block + 2 > stop:
                continue

            entry = np.int64(tables[np.uint64(base) + (word >> shift)])
            taken = np.uint64(entry) & np.uint64(63)
            word <<= taken
            held -= taken
            place += entry
            if not place & _SLOWLY:
                levels[np.uint64(block)] += (entry << 44) >> 52
                ends = place >> 63
                base = here[j] + (there[j] & ends)
                j += np.uint64(following[j] & ends)
                block -= ends
                place &= ~ends

                entry = np.int64(tables[np.uint64(base) + (word >> shift)])
                taken = np.uint64(entry) & np.uint64(63)
                word <<= taken
                held -= taken
                place += entry
                if not place & _SLOWLY:
                    levels[np.uint64(block)] += (entry << 44) >> 52
                    ends = place >> 63
                    base = here[j] + (there[j] & ends)
                    j += np.uint64(following[j] & ends)
                    block -= ends
                    place &= ~ends
                    continue

        # one symbol, carefully, from where this entry began
        k = (place - entry) >> 24
        at = (p << three) - held - taken
        row = pattern[2 + 3 * np.int64(j) + (k > 0)]
        used, value, after = _one_symbol(bits, at, codes, row, k)
        if used == 0:
            return damaged
        if k == 0:
            levels[np.uint64(block)] += value
        place, base = after << 24, here[j]
        if after >= 64:
            place = 0
            base = here[j] + there[j]
            j += np.uint64(following[j])
            block += 1
        at += np.uint64(used)
        p = at >> three
        word = _eight_bytes(bits, p) << (at & seven)
        held = np.uint64(56) - (at & seven)
        p += seven
    return (p << three) - held


@_compile(types.void(_codes, _i, _i, _table))
def build_low_tables(codes: NDArray[np.uint8], dc: int, ac: int, out: NDArray[np.int32]) -> None:
    """Build the tables of luma where its lowest waves are wanted as well.

    Args:
        codes: As for `build_tables`.
        dc: As there.
        ac: As there.
        out: 3 · `ENTRIES`, written: what begins a block; what skips the rest of it; what goes on with it symbol by
            symbol. Entries of the first and last hold one symbol: bits 8-11 the size of its value, 12-15 the length of
            its code.
    """
    single_dc, single_ac = np.empty(ENTRIES, np.int64), np.empty(ENTRIES, np.int64)
    _by_window(codes, dc, single_dc)
    _by_window(codes, ac, single_ac)
    for window in range(ENTRIES):
        out[ENTRIES + window] = _skipping(single_ac, window, 0, 0)
        length, size = single_dc[window] >> 8, single_dc[window] & 255
        out[window] = _SLOWLY if length == 0 or size > 11 else _ONE + (length << 12) + (size << 8) + length + size
        length, run, size = single_ac[window] >> 8, (single_ac[window] >> 4) & 15, single_ac[window] & 15
        if length == 0 or size > 11:
            out[2 * ENTRIES + window] = _SLOWLY
        elif size == 0 and run != 15:
            out[2 * ENTRIES + window] = length - _END
        else:
            used = length + size
            entry = (run + 1) * _ONE + (length << 12) + (size << 8) + used
            code = single_ac[(window << used) & (ENTRIES - 1)] if used < WINDOW else 0
            if code and used + (code >> 8) <= WINDOW and code & 255 != 0xF0 and code & 15 == 0:
                entry += (code >> 8) - _END  # and the block ends with it
            out[2 * ENTRIES + window] = entry


@_compile(_u(_octets, _i, _u, _levels, _i, _tables, _integers, _codes))
def _read_low_blocks(
    bits: NDArray[np.uint8],
    end: int,
    at: Any,
    levels: NDArray[np.int16],
    stop: int,
    tables: NDArray[np.int32],
    pattern: NDArray[np.int64],
    codes: NDArray[np.uint8],
) -> Any:
    """Read blocks 0 up to ``stop``, with the values of luma's lowest waves.

    Args:
        bits: As for `_read_blocks`, and so the rest.
        end: Where the restart interval ends, in bytes.
        at: Where the first block begins, in bits.
        levels: Eight zeros for each block; to each is added luma's coefficient of that number, to the last also others.
        stop: The last block, excluded.
        tables: Of luma as `build_low_tables` makes them, then the others' as `build_tables` does.
        pattern: As for `_read_blocks`.
        codes: As for `_read_blocks`.

    Returns:
        Where it ended in bits, or the largest number where the data is damaged.
    """
    damaged = np.uint64(0xFFFFFFFFFFFFFFFF)
    one, seven, three, shift = np.uint64(1), np.uint64(7), np.uint64(3), np.uint64(_SHIFT)
    goes_on, low, begins, following = np.empty((4, 16), np.int64)
    for b in range(pattern[0]):
        after = (b + 1) % pattern[0]
        goes_on[b] = pattern[1 + 3 * b] + ENTRIES
        low[b] = ENTRIES if pattern[2 + 3 * b] == 0 else 0
        begins[b] = pattern[1 + 3 * after]
        following[b] = after - b
    block: Any = 0
    place: Any = 0
    j: Any = np.uint64(0)
    base: Any = pattern[1]
    p = at >> three
    word = _eight_bytes(bits, p) << (at & seven)
    held = np.uint64(56) - (at & seven)
    p += seven
    while block < stop:
        if np.int64(p) > end + 8:
            return damaged
        word |= _eight_bytes(bits, p) >> held
        p += (np.uint64(63) - held) >> three
        held |= np.uint64(56)

        entry = np.int64(tables[np.uint64(base) + (word >> shift)])
        size, before = np.uint64((entry >> 8) & 15), word << np.uint64((entry >> 12) & 15)
        taken = np.uint64(entry) & np.uint64(63)
        word <<= taken
        held -= taken
        place += entry
        if not place & _SLOWLY:
            k = (place >> 24) & 63
            value = np.int64((before >> one) >> (np.uint64(63) - size))
            value -= ((1 << np.int64(size)) - 1) & ((value - ((1 << np.int64(size)) >> 1)) >> 63)
            levels[np.uint64(8 * block + min(k - 1, 7))] += value
            ends = place >> 63
            base = goes_on[j] + (low[j] & ((k - LAST_LOW - 1) >> 63))
            base ^= (base ^ begins[j]) & ends
            j += np.uint64(following[j] & ends)
            block -= ends
            place &= ~ends
            if block == stop:
                continue

            entry = np.int64(tables[np.uint64(base) + (word >> shift)])
            size, before = np.uint64((entry >> 8) & 15), word << np.uint64((entry >> 12) & 15)
            taken = np.uint64(entry) & np.uint64(63)
            word <<= taken
            held -= taken
            place += entry
            if not place & _SLOWLY:
                k = (place >> 24) & 63
                value = np.int64((before >> one) >> (np.uint64(63) - size))
                value -= ((1 << np.int64(size)) - 1) & ((value - ((1 << np.int64(size)) >> 1)) >> 63)
                levels[np.uint64(8 * block + min(k - 1, 7))] += value
                ends = place >> 63
                base = goes_on[j] + (low[j] & ((k - LAST_LOW - 1) >> 63))
                base ^= (base ^ begins[j]) & ends
                j += np.uint64(following[j] & ends)
                block -= ends
                place &= ~ends
                continue

        # one symbol, carefully, from where this entry began
        k = (place - entry) >> 24
        at = (p << three) - held - taken
        row = pattern[2 + 3 * np.int64(j) + (k > 0)]
        used, value, k = _one_symbol(bits, at, codes, row, k)
        if used == 0:
            return damaged
        levels[np.uint64(8 * block + min(k - 1, 7))] += value
        place, base = k << 24, goes_on[j] + (low[j] if k <= LAST_LOW else 0)
        if k >= 64:
            place = 0
            base = begins[j]
            j += np.uint64(following[j])
            block += 1
        at += np.uint64(used)
        p = at >> three
        word = _eight_bytes(bits, p) << (at & seven)
        held = np.uint64(56) - (at & seven)
        p += seven
    return (p << three) - held


@_compile(_i(_octets, _integers, _tables, _integers, _codes, _integers, _integers, _plane))
def draw_low(
    bits: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    tables: NDArray[np.int32],
    pattern: NDArray[np.int64],
    codes: NDArray[np.uint8],
    shape: NDArray[np.int64],
    steps: NDArray[np.int64],
    plane: NDArray[np.uint8],
) -> int:
    """Decode a scan at 1/4, of its waves only the lowest: jidctred.c, jpeg_idct_2x2, where all others are zero.

    Args:
        bits: As for `draw`, and so the rest.
        bounds: From `unstuff`.
        tables: As for `_read_low_blocks`.
        pattern: As for `_read_low_blocks`.
        codes: As for `build_tables`.
        shape: As for `draw`.
        steps: Luma's quantisation steps of `LOW`.
        plane: Written; its edges are those of whole MCUs.

    Returns:
        0, or another number where the data is damaged or a value is out of the usual range.
    """
    rows, columns, across, down, restart = shape[0], shape[1], shape[2], shape[3], shape[4]
    blocks = pattern[0]
    levels = np.zeros(8 * columns * blocks, np.int16)
    at: Any = np.uint64(0)
    dc: Any = 0
    interval, left = 0, restart
    for row in range(rows):
        column = 0
        while column < columns:
            if restart and left == 0:
                if np.uint64(8 * bounds[interval + 1]) - at > np.uint64(7):
                    return 2
                interval += 1
                at, left, dc = np.uint64(8 * bounds[interval]), restart, 0
            run = min(columns - column, left) if restart else columns
            levels[:] = 0
            end = bounds[interval + 1]
            at = _read_low_blocks(bits, end, at, levels, run * blocks, tables, pattern, codes)
            if at > np.uint64(8 * end):
                return 1
            left -= run
            for mcu in range(run):
                for b in range(across * down):
                    first = 8 * (mcu * blocks + b)
                    dc += np.int64(levels[np.uint64(first)])
                    mean, wide = dc * steps[0], np.int64(levels[np.uint64(first + 1)]) * steps[1]
                    high = np.int64(levels[np.uint64(first + 2)]) * steps[2]
                    both = np.int64(levels[np.uint64(first + 4)]) * steps[3]
                    if abs(mean) > 4000 or abs(wide) > 4000 or abs(high) > 4000 or abs(both) > 4000:
                        return 3
                    y, x = 2 * (row * down + b // across), 2 * ((column + mcu) * across + b % across)
                    for lower in range(2):
                        sign = 1 - 2 * lower
                        middle = ((mean << 15) + sign * high * 29692 + 4096) >> 13
                        slope = ((wide << 15) + sign * both * 29692 + 4096) >> 13
                        first_value = ((middle << 15) + slope * 29692 + 524288) >> 20
                        second_value = ((middle << 15) - slope * 29692 + 524288) >> 20
                        if min(first_value, second_value) < -512 or max(first_value, second_value) > 511:
                            return 3
                        plane[np.uint64(y + lower), np.uint64(x)] = min(max(first_value + 128, 0), 255)
                        plane[np.uint64(y + lower), np.uint64(x + 1)] = min(max(second_value + 128, 0), 255)
            column += run
    if np.uint64(8 * bounds[bounds.shape[0] - 1]) - at > np.uint64(7):
        return 2
    return 0


@_compile(_i(_octets, _integers, _tables, _integers, _codes, _integers, _i, _plane))
def draw(
    bits: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    tables: NDArray[np.int32],
    pattern: NDArray[np.int64],
    codes: NDArray[np.uint8],
    shape: NDArray[np.int64],
    step: int,
    plane: NDArray[np.uint8],
) -> int:
    """Decode a scan.

    Args:
        bits: From `unstuff`.
        bounds: From `unstuff`.
        tables: As for `_read_blocks`.
        pattern: As for `_read_blocks`.
        codes: As for `build_tables`.
        shape: MCU rows, MCU columns, luma blocks across and down in an MCU, MCUs in a restart interval (0:
            all of them).
        step: Luma's quantisation step for DC.
        plane: Written; its edges are those of whole MCUs.

    Returns:
        0, or another number where the data is damaged or a value is out of the usual range.
    """
    rows, columns, across, down, restart = shape[0], shape[1], shape[2], shape[3], shape[4]
    blocks = pattern[0]
    levels = np.zeros(columns * blocks, np.int16)
    at: Any = np.uint64(0)
    dc: Any = 0
    interval, left = 0, restart
    for row in range(rows):
        column = 0
        while column < columns:
            if restart and left == 0:
                if np.uint64(8 * bounds[interval + 1]) - at > np.uint64(7):
                    return 2
                interval += 1
                at, left, dc = np.uint64(8 * bounds[interval]), restart, 0
            run = min(columns - column, left) if restart else columns
            levels[:] = 0
            end = bounds[interval + 1]
            at = _read_blocks(bits, end, at, levels, 0, run * blocks, tables, pattern, codes)
            if at > np.uint64(8 * end):
                return 1
            left -= run
            for mcu in range(run):
                for b in range(across * down):
                    dc += np.int64(levels[np.uint64(mcu * blocks + b)])
                    value = (dc * step + 4) >> 3
                    if dc < -32768 or dc > 32767 or value < -512 or value > 511:
                        return 3
                    y, x = row * down + b // across, (column + mcu) * across + b % across
                    plane[np.uint64(y), np.uint64(x)] = min(max(value + 128, 0), 255)
            column += run
    if np.uint64(8 * bounds[bounds.shape[0] - 1]) - at > np.uint64(7):
        return 2
    return 0
