"""The compiled loops of query variants; what each stands in for is named beside it, and gives the same bits.

Importing this module imports Numba and compiles (or loads from Numba's cache) every kernel, because each is declared
with its signature. Nothing imports it but `hedgerow.hashing.compiled`, which decides when that is worth its time.

Sums are of whole numbers and exact, or their order is fixed; no kernel may reorder or fuse what is rounded (Numba's
``fastmath`` is off). No kernel reads or writes outside its arrays: bounds come from their shapes, and callers pass
indexes that they built themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit, types

from hedgerow.hashing import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# ruff: noqa: ANN401  (Numba's types are untyped)

# ruff: noqa: PLR2004  (lines, taps and levels of what they stand in for)

_i, _void = types.int64, types.void
_bytes = types.Array(types.uint8, 2, "C", readonly=True)
_any_bytes = types.Array(types.uint8, 2, "A", readonly=True)
_new_bytes = types.Array(types.uint8, 2, "C")
_flags = types.Array(types.boolean, 2, "C", readonly=True)
_new_flags = types.Array(types.boolean, 2, "C")
_floats = types.Array(types.float32, 2, "C", readonly=True)
_new_floats = types.Array(types.float32, 2, "C")
_integers = types.Array(types.int64, 1, "C", readonly=True)
_new_integers = types.Array(types.int64, 1, "C")
_new_sums = types.Array(types.int64, 2, "C")
_line = types.Array(types.float32, 1, "C", readonly=True)
_tuple: Any = types.Tuple
_limits = _tuple((types.float64,) * 6)
_new_line = types.Array(types.float32, 1, "C")
_indexes = types.Array(types.int32, 2, "C", readonly=True)

_Kernel = TypeVar("_Kernel", bound="Callable[..., Any]")


def _compile(signature: Any) -> Callable[[_Kernel], _Kernel]:
    decorate: Callable[[_Kernel], _Kernel]
    decorate = njit(
        signature, cache=compiled.KERNELS.cache_is_usable(), nogil=True, error_model="numpy", boundscheck=False
    )
    return decorate


@_compile(_void(_bytes, _integers, _floats, _integers, _floats, _new_floats))
def averaged(
    luma: NDArray[np.uint8],
    row_firsts: NDArray[np.int64],
    row_weights: NDArray[np.float32],
    column_firsts: NDArray[np.int64],
    column_weights: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Average a raster onto a canvas: `hedgerow.hashing.canvas.canvas`.

    Args:
        luma: The raster.
        row_firsts: For each canvas row the first of the raster rows that it averages.
        row_weights: (rows, k): their weights.
        column_firsts: The same for columns.
        column_weights: (k, columns): the same, each column's below each other.
        out: Written.
    """
    line = np.empty(luma.shape[1], np.float32)
    reach = column_weights.shape[0]
    one, two = np.uint64(1), np.uint64(2)
    for row in range(out.shape[0]):
        line[:] = np.float32(0)
        for each in range(row_weights.shape[1]):
            weight = row_weights[row, each]
            if weight != np.float32(0):
                source = luma[row_firsts[row] + each]
                for column in range(line.shape[0]):
                    line[column] += weight * np.float32(source[column])
        into = out[row]
        done = 0
        if reach > 2:  # together: a third less time for rasters of up to 512 columns
            first, second, third = column_weights[0], column_weights[1], column_weights[2]
            for column in range(out.shape[1]):
                at = np.uint64(column_firsts[column])
                into[column] = (
                    first[column] * line[at] + second[column] * line[at + one] + third[column] * line[at + two]
                )
            done = 3
        else:
            into[:] = np.float32(0)
        for each in range(done, reach):
            weights = column_weights[each]
            for column in range(out.shape[1]):
                into[column] += weights[column] * line[np.uint64(column_firsts[column] + each)]


@_compile(_void(_any_bytes, _new_sums))
def line_sums(lines: NDArray[np.uint8], sums: NDArray[np.int64]) -> None:
    """Sum each line, and its squares: `hedgerow.hashing.borders.line_sums`; written into (2, lines)."""
    count, width = lines.shape
    if lines.strides[1] <= lines.strides[0]:
        for line in range(count):
            total, square = np.int64(0), np.int64(0)
            for start in range(0, width, 1024):  # so many squares fit 32 bits, which are added faster
                part, squares = np.int32(0), np.int32(0)
                for cell in range(start, min(width, start + 1024)):
                    each = np.int32(lines[line, cell])
                    part = np.int32(part + each)
                    squares = np.int32(squares + np.int32(each * each))
                total += part
                square += squares
            sums[0, line], sums[1, line] = total, square
        return
    sums[:] = 0
    for cell in range(width):  # what lies side by side in memory is read together
        for line in range(count):
            value = np.int64(lines[line, cell])
            sums[0, line] += value
            sums[1, line] += value * value


@_compile(_i(_any_bytes, types.float64, _new_integers))
def count_steps(lines: NDArray[np.uint8], step: float, counts: NDArray[np.int64]) -> Any:
    """Count how many cells of each line step by more than so much: `hedgerow.hashing.borders.count_steps`.

    Returns:
        The sum of all changes.
    """
    total = np.int64(0)
    for line in range(counts.shape[0]):
        counted = np.int64(0)
        for cell in range(lines.shape[1]):
            change = abs(np.int64(lines[line + 2, cell]) - np.int64(lines[line, cell]))
            total += change
            counted += change > step
        counts[line] = counted
    return total


@_compile(_void(_any_bytes, _limits, types.Array(types.float64, 1, "C")))
def edge(lines: NDArray[np.uint8], limits: tuple[float, ...], found: NDArray[np.float64]) -> None:
    """Find where a border ends that begins with the first line: `hedgerow.hashing.borders`, line by line.

    Args:
        lines: The outermost first.
        limits: The constants there: most noise, step, noises, quiet, ends, ringing.
        found: Written: 0 no border begins, 1 it does not end, 2 it ends; its depth; its sharpness.
    """
    most_noise, least_step, noises, quiet, ends, ringing = limits
    found[:] = 0
    count, width = lines.shape
    outermost = min(count, max(6, count // 26))
    if outermost < 3:
        return
    total = np.int64(0)
    for line in range(outermost - 2):
        for cell in range(width):
            total += abs(np.int64(lines[line + 2, cell]) - np.int64(lines[line, cell]))
    noise = total / ((outermost - 2) * width)
    if noise > most_noise:
        return
    step = max(least_step, noises * noise)
    shares = np.empty(count, np.float64)
    first, loud = -1, -1
    for line in range(count - 2):
        counted = 0
        for cell in range(width):
            counted += abs(np.int64(lines[line + 2, cell]) - np.int64(lines[line, cell])) > step
        shares[line] = counted / width
        if line < min(outermost, 6) - 2 and counted > quiet * width:
            return
        if first < 0 and shares[line] > ends:
            first = line
        if loud < 0 and shares[line] > quiet:
            loud = line
        if line >= min(outermost, 6) - 3:
            if first >= 0 and line >= first + 2:
                break
            if first < 0 and loud >= 0 and line > loud + ringing:  # too far before any end to be its ringing
                break
    found[0] = 1
    if first <= 1:
        return
    for line in range(first - min(int(ringing), first // 2)):
        if shares[line] > quiet:
            return
    steepest = first
    for line in range(first + 1, min(first + 3, count - 2)):
        if shares[line] > shares[steepest]:
            steepest = line
    found[0], found[1], found[2] = 2, steepest + 1, shares[steepest]


@_compile(_void(_any_bytes, _i, types.float64, _new_sums))
def count_colours(lines: NDArray[np.uint8], shift: int, least: float, found: NDArray[np.int64]) -> None:
    """Count the most frequent colours of each line: `hedgerow.hashing.chrome.count_colours`.

    Args:
        lines: A line each.
        shift: By how many bits luma is shifted to be a colour.
        found: (2, lines), written: cells of the most frequent colour with a neighbour, and those of the next one that
            shares no cell with it.
        least: Where the first is less, the second is not looked for, and 0.
    """
    steps = (256 >> shift) + 2
    counts, both, spread = np.zeros(steps, np.int32), np.zeros(steps, np.int32), np.zeros((4, steps), np.int32)
    width = lines.shape[1]
    for line in range(lines.shape[0]):
        spread[:] = 0
        for cell in range(0, width - 3, 4):  # one count may not wait for the last, which was mostly of the same colour
            spread[0, lines[line, cell] >> shift] += 1
            spread[1, lines[line, cell + 1] >> shift] += 1
            spread[2, lines[line, cell + 2] >> shift] += 1
            spread[3, lines[line, cell + 3] >> shift] += 1
        for cell in range(width & ~3, width):
            spread[0, lines[line, cell] >> shift] += 1
        for each in range(steps):
            counts[each] = spread[0, each] + spread[1, each] + spread[2, each] + spread[3, each]
        best, second = np.int32(0), np.int32(0)
        for each in range(steps - 1):
            both[each] = counts[each] + counts[each + 1]
            best = max(best, both[each])
        if best >= least:
            place = 0
            while both[place] != best:
                place += 1
            for each in range(max(0, place - 1), min(steps - 1, place + 2)):
                both[each] = 0
            for each in range(steps - 1):
                second = max(second, both[each])
        found[0, line], found[1, line] = best, second


@_compile(_void(_bytes, _i, _new_bytes, _new_bytes))
def extremes(cells: NDArray[np.uint8], size: int, least: NDArray[np.uint8], most: NDArray[np.uint8]) -> None:
    """Find the least and the greatest of each block of ``size`` by ``size`` cells: `hedgerow.hashing.marks`."""
    low, high = np.empty(cells.shape[1], np.uint8), np.empty(cells.shape[1], np.uint8)
    for down in range(least.shape[0]):
        low[:] = np.uint8(255)
        high[:] = np.uint8(0)
        for row in range(down * size, (down + 1) * size):
            for column in range(low.shape[0]):
                low[column] = min(low[column], cells[row, column])
                high[column] = max(high[column], cells[row, column])
        for across in range(least.shape[1]):
            lowest, highest = low[across * size], high[across * size]
            for column in range(across * size + 1, (across + 1) * size):
                lowest = min(lowest, low[column])
                highest = max(highest, high[column])
            least[down, across], most[down, across] = lowest, highest


@_compile(_void(_flags, _i, _new_flags))
def in_a_row(blocks: NDArray[np.bool_], wanted: int, out: NDArray[np.bool_]) -> None:
    """Find runs of so many blocks in their rows, one missing here and there: `hedgerow.hashing.marks`; into ``out``."""
    count = blocks.shape[1]
    for row in range(blocks.shape[0]):
        out[row, :] = False
        begin = 0
        for column in range(count + 1):
            is_in = column < count and (
                blocks[row, column] or (0 < column < count - 1 and blocks[row, column - 1] and blocks[row, column + 1])
            )
            if not is_in:
                if column - begin >= wanted:
                    out[row, begin:column] = True
                begin = column + 1


@_compile(_void(_floats, _flags, _new_floats))
def filled(picture: NDArray[np.float32], is_missing: NDArray[np.bool_], out: NDArray[np.float32]) -> None:
    """Fill what is missing of a canvas, into ``out``: `hedgerow.hashing.marks`, the same sums in the same order."""
    one, none, little = np.float32(1), np.float32(0), np.float32(1e-6)
    side = picture.shape[0] // 4
    values, weights = np.empty((4, side, side), np.float32), np.empty((4, side, side), np.float32)
    value, weight = np.empty((2, 2), np.float32), np.empty((2, 2), np.float32)
    for row in range(side):
        for column in range(side):
            for down in range(2):
                for across in range(2):
                    y, x = 4 * row + 2 * down, 4 * column + 2 * across
                    a = none if is_missing[y, x] else picture[y, x]
                    b = none if is_missing[y + 1, x] else picture[y + 1, x]
                    c = none if is_missing[y, x + 1] else picture[y, x + 1]
                    d = none if is_missing[y + 1, x + 1] else picture[y + 1, x + 1]
                    value[down, across] = (a + b) + (c + d)
                    weight[down, across] = np.float32(
                        4
                        - np.int64(is_missing[y, x])
                        - np.int64(is_missing[y + 1, x])
                        - np.int64(is_missing[y, x + 1])
                        - np.int64(is_missing[y + 1, x + 1])
                    )
            values[0, row, column] = (value[0, 0] + value[1, 0]) + (value[0, 1] + value[1, 1])
            weights[0, row, column] = (weight[0, 0] + weight[1, 0]) + (weight[0, 1] + weight[1, 1])
    for level in range(4):
        size = side >> level
        for row in range(size):
            for column in range(size):
                if level:
                    y, x = 2 * row, 2 * column
                    v, w = values[level - 1], weights[level - 1]
                    values[level, row, column] = (v[y, x] + v[y + 1, x]) + (v[y, x + 1] + v[y + 1, x + 1])
                    weights[level, row, column] = (w[y, x] + w[y + 1, x]) + (w[y, x + 1] + w[y + 1, x + 1])
                share = min(one, weights[level, row, column])
                mean = values[level, row, column] / max(weights[level, row, column], little)
                values[level, row, column], weights[level, row, column] = mean * share, share
    size = side >> 3
    v, w = values[3, :size, :size].copy(), weights[3, :size, :size].copy()
    while size > 1:
        size //= 2
        for row in range(size):
            for column in range(size):
                y, x = 2 * row, 2 * column
                v[row, column] = (v[y, x] + v[y + 1, x]) + (v[y, x + 1] + v[y + 1, x + 1])
                w[row, column] = (w[y, x] + w[y + 1, x]) + (w[y, x + 1] + w[y + 1, x + 1])
    mean = v[0, 0] / max(w[0, 0], little)
    near, far = np.float32(0.75), np.float32(0.25)
    line = np.empty((2, side), np.float32)
    for level in range(3, -1, -1):
        size = side >> level
        half = size // 2
        v, w = values[level], weights[level]
        for row in range(size):
            if level == 3:
                for column in range(size):
                    v[row, column] += (one - w[row, column]) * mean
                continue
            coarse = values[level + 1]
            beside = min(max(row // 2 - 1 + 2 * (row & 1), 0), half - 1)
            for column in range(half):
                line[0, column] = coarse[row // 2, column] * near + coarse[beside, column] * far
            for column in range(size):
                aside = min(max(column // 2 - 1 + 2 * (column & 1), 0), half - 1)
                grown = line[0, column // 2] * near + line[0, aside] * far
                v[row, column] += (one - w[row, column]) * grown
    v = values[0]
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            out[row, column] = v[row // 4, column // 4] if is_missing[row, column] else picture[row, column]


@_compile(_void(_floats, _new_bytes))
def bits(coefficients: NDArray[np.float32], packed: NDArray[np.uint8]) -> None:
    """Compare the coefficients of each picture with their lower median: `hedgerow.hashing.pdq.bits_of_several`.

    Args:
        coefficients: (k, 256).
        packed: (k, 32), written: the last coefficient is the first bit.
    """
    ordered, counts = np.empty(256, np.int64), np.empty(256, np.int64)
    for picture in range(coefficients.shape[0]):
        line = coefficients[picture]
        keys = line.view(np.int32)
        for each in range(256):  # integers that are ordered as the numbers are
            key = np.int64(keys[each])
            ordered[each] = (key if key >= 0 else np.int64(-2147483648) - key) + np.int64(2147483648)
        wanted, prefix = 127, np.int64(0)
        for shift in (24, 16, 8, 0):
            counts[:] = 0
            for each in range(256):
                if ordered[each] >> (shift + 8) == prefix:
                    counts[(ordered[each] >> shift) & 255] += 1
            digit = 0
            while wanted >= counts[digit]:
                wanted -= counts[digit]
                digit += 1
            prefix = prefix << 8 | digit
        for byte in range(32):
            value = 0
            for each in range(8):
                value = value << 1 | (ordered[255 - 8 * byte - each] > prefix)
            packed[picture, byte] = value


@_compile(_i(_floats))
def gradient(small: NDArray[np.float32]) -> Any:
    """Sum the gradient of a small picture: `hedgerow.hashing.pdq.qualities`."""
    total = np.int64(0)
    hundred, white = np.float32(100), np.float32(255)
    rows, columns = small.shape
    for row in range(rows):
        for column in range(columns):
            here = small[row, column]
            if row + 1 < rows:
                total += abs(np.int64(np.int32((here - small[row + 1, column]) * hundred / white)))
            if column + 1 < columns:
                total += abs(np.int64(np.int32((here - small[row, column + 1]) * hundred / white)))
    return total


@_compile(_void(_line, _indexes, _line, _line, _new_line))
def laid_aslant(
    flat: NDArray[np.float32],
    index: NDArray[np.int32],
    right: NDArray[np.float32],
    down: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Read a grown canvas between its cells: `hedgerow.hashing.deskew.slanted_pictures`."""
    for point in range(out.shape[0]):
        one, two = flat[np.uint64(index[0, point])], flat[np.uint64(index[1, point])]
        three, four = flat[np.uint64(index[2, point])], flat[np.uint64(index[3, point])]
        above = one + (two - one) * right[point]
        below = three + (four - three) * right[point]
        out[point] = above + (below - above) * down[point]
