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
_places = types.Array(types.int32, 1, "C", readonly=True)
_doubles = types.Array(types.float64, 2, "C", readonly=True)
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


@_compile(_void(_bytes, _integers, _floats, _places, _doubles, types.float32, _new_floats))
def averaged(
    luma: NDArray[np.uint8],
    row_firsts: NDArray[np.int64],
    row_weights: NDArray[np.float32],
    column_firsts: NDArray[np.int32],
    column_weights: NDArray[np.float64],
    unit: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Average a raster onto a canvas: `hedgerow.hashing.canvas.canvas`.

    All sums are whole numbers below 2²⁴, so two canvas rows go through one double: one as it is, one times 2²⁷. Columns
    are read from scattered places, which takes most of the time, and so half as much of it.

    Args:
        luma: The raster.
        row_firsts: For each canvas row, of which there is an even number, the first of the raster rows it averages.
        row_weights: (rows, k): their weights, whole numbers.
        column_firsts: The same for columns.
        column_weights: (k, columns): the same, each column's below each other.
        unit: What the sums are multiplied by, a power of two.
        out: Written.
    """
    upper, lower = np.empty(luma.shape[1], np.float32), np.empty(luma.shape[1], np.float32)
    both, sums = np.empty(luma.shape[1], np.float64), np.empty(out.shape[1], np.float64)
    reach = column_weights.shape[0]
    one, two = np.uint32(1), np.uint32(2)
    apart, back = np.float64(1 << 27), 1 / np.float64(1 << 27)
    for row in range(0, out.shape[0], 2):
        upper[:] = np.float32(0)
        lower[:] = np.float32(0)
        for each in range(row_weights.shape[1]):
            weight, other = row_weights[row, each], row_weights[row + 1, each]
            source, beside = luma[row_firsts[row] + each], luma[row_firsts[row + 1] + each]
            for column in range(upper.shape[0]):
                upper[column] += weight * np.float32(source[column])
                lower[column] += other * np.float32(beside[column])
        for column in range(both.shape[0]):
            both[column] = np.float64(upper[column]) + np.float64(lower[column]) * apart
        done = 0
        if reach > 2:  # together: a third less time for rasters of up to 512 columns
            first, second, third = column_weights[0], column_weights[1], column_weights[2]
            for column in range(sums.shape[0]):
                at = np.uint32(column_firsts[column])
                sums[column] = (
                    first[column] * both[at] + second[column] * both[at + one] + third[column] * both[at + two]
                )
            done = 3
        else:
            sums[:] = 0.0
        for each in range(done, reach):
            weights = column_weights[each]
            for column in range(sums.shape[0]):
                sums[column] += weights[column] * both[np.uint32(column_firsts[column] + each)]
        into, below = out[row], out[row + 1]
        for column in range(sums.shape[0]):
            high = np.floor(sums[column] * back)
            below[column] = np.float32(high) * unit
            into[column] = np.float32(sums[column] - high * apart) * unit


@_compile(_void(_floats, _integers, _floats, _new_floats))
def sampled(
    picture: NDArray[np.float32], firsts: NDArray[np.int64], weights: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Apply bands to the rows of a canvas: `hedgerow.hashing.uncrop`, the same sums in the same order.

    Args:
        picture: The canvas.
        firsts: For each band the first row that it weighs.
        weights: (bands, k), k a multiple of 8.
        out: (bands, columns), written.
    """
    for band in range(out.shape[0]):
        into, first = out[band], firsts[band]
        w = weights[band]
        a, b, c, d, e, f, g, h = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
        p0, p1, p2, p3 = picture[first], picture[first + 1], picture[first + 2], picture[first + 3]
        p4, p5, p6, p7 = picture[first + 4], picture[first + 5], picture[first + 6], picture[first + 7]
        for column in range(into.shape[0]):
            into[column] = ((a * p0[column] + b * p1[column]) + (c * p2[column] + d * p3[column])) + (
                (e * p4[column] + f * p5[column]) + (g * p6[column] + h * p7[column])
            )
        for start in range(8, weights.shape[1], 8):  # where much was cut away: rare, and no matter if it is slow
            for column in range(into.shape[0]):
                a = w[start] * picture[first + start, column] + w[start + 1] * picture[first + start + 1, column]
                b = (
                    w[start + 2] * picture[first + start + 2, column]
                    + w[start + 3] * picture[first + start + 3, column]
                )
                c = (
                    w[start + 4] * picture[first + start + 4, column]
                    + w[start + 5] * picture[first + start + 5, column]
                )
                d = (
                    w[start + 6] * picture[first + start + 6, column]
                    + w[start + 7] * picture[first + start + 7, column]
                )
                into[column] += (a + b) + (c + d)


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


@_compile(_void(_any_bytes, _i, _tuple((types.float64, types.float64)), _new_flags))
def are_drawn(lines: NDArray[np.uint8], shift: int, looks: tuple[float, float], found: NDArray[np.bool_]) -> None:
    """Tell of which lines one or two colours hold nearly all cells: `hedgerow.hashing.chrome`.

    Args:
        lines: A line each.
        shift: By how many bits luma is shifted to be a colour.
        looks: The share of a line that one colour with a neighbour must hold, and two of them together.
        found: (2, lines), all false; written.
    """
    steps = (256 >> shift) + 2
    both, spread = np.zeros(steps, np.int32), np.zeros((4, steps), np.int32)
    width = lines.shape[1]
    one, two = looks[0] * width, looks[1] * width
    half = (width // 2) & ~3
    most_beside = width - two  # cells of a drawn line that may be of neither colour: fewer than of one alone
    for line in range(lines.shape[0]):
        spread[:] = 0
        start = 0
        for stop in (half, width):
            for cell in range(start, stop - 3, 4):  # one count may not wait for the last, mostly of the same colour
                spread[0, lines[line, cell] >> shift] += 1
                spread[1, lines[line, cell + 1] >> shift] += 1
                spread[2, lines[line, cell + 2] >> shift] += 1
                spread[3, lines[line, cell + 3] >> shift] += 1
            for cell in range(start + ((stop - start) & ~3), stop):
                spread[0, lines[line, cell] >> shift] += 1
            best = np.int32(0)
            for each in range(steps - 1):
                both[each] = (
                    (spread[0, each] + spread[1, each])
                    + (spread[2, each] + spread[3, each])
                    + (spread[0, each + 1] + spread[1, each + 1])
                    + (spread[2, each + 1] + spread[3, each + 1])
                )
            for each in range(steps - 1):
                best = max(best, both[each])
            if stop == half and best < half - (width - one) and 2 * best < half - most_beside:
                break  # too much of its first half is of other colours: so are most lines of a photograph
            start = stop
        if start == width:
            found[0, line] = best >= one
            if 2 * best >= two:
                place, second = 0, np.int32(0)
                while both[place] != best:
                    place += 1
                for each in range(max(0, place - 1), min(steps - 1, place + 2)):
                    both[each] = 0
                for each in range(steps - 1):
                    second = max(second, both[each])
                found[1, line] = best + second >= two


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


@_compile(_void(_flags, _i, _new_bytes))
def counted(mask: NDArray[np.bool_], size: int, counts: NDArray[np.uint8]) -> None:
    """Count what is set in each block of ``size`` by ``size`` cells: `hedgerow.hashing.marks`."""
    line = np.empty(mask.shape[1], np.uint8)
    for down in range(counts.shape[0]):
        line[:] = np.uint8(0)
        for row in range(down * size, (down + 1) * size):
            for column in range(line.shape[0]):
                line[column] += np.uint8(mask[row, column])
        for across in range(counts.shape[1]):
            total = np.uint8(0)
            for column in range(across * size, (across + 1) * size):
                total += line[column]
            counts[down, across] = total


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
    side, width = picture.shape[0] // 4, picture.shape[1]
    values, weights = np.empty((4, side, side), np.float32), np.empty((4, side, side), np.float32)
    upper, lower, gaps = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.int32)
    for row in range(side):  # two rows at a time, then columns, then both again, as arrays are quartered
        for half, line in ((0, upper), (2, lower)):
            first, second = picture[4 * row + half], picture[4 * row + half + 1]
            lacks, lacks_too = is_missing[4 * row + half], is_missing[4 * row + half + 1]
            for column in range(width):
                line[column] = (none if lacks[column] else first[column]) + (
                    none if lacks_too[column] else second[column]
                )
                missing = np.int32(lacks[column]) + np.int32(lacks_too[column])
                gaps[column] = missing if half == 0 else gaps[column] + missing
        for column in range(side):
            x = 4 * column
            left = (upper[x] + upper[x + 1]) + (lower[x] + lower[x + 1])
            right = (upper[x + 2] + upper[x + 3]) + (lower[x + 2] + lower[x + 3])
            values[0, row, column] = left + right
            weights[0, row, column] = np.float32(16 - gaps[x] - gaps[x + 1] - gaps[x + 2] - gaps[x + 3])
    for level in range(4):
        size = side >> level
        for row in range(size):
            here, lies = values[level, row], weights[level, row]
            if level:
                v, w = values[level - 1], weights[level - 1]
                for column in range(size):
                    y, x = 2 * row, 2 * column
                    here[column] = (v[y, x] + v[y + 1, x]) + (v[y, x + 1] + v[y + 1, x + 1])
                    lies[column] = (w[y, x] + w[y + 1, x]) + (w[y, x + 1] + w[y + 1, x + 1])
            for column in range(size):  # by itself: several divisions take as long as one
                share = min(one, lies[column])
                mean = here[column] / max(lies[column], little)
                here[column], lies[column] = mean * share, share
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
    for row in range(side):
        for column in range(side):
            for each in range(4):
                upper[4 * column + each] = v[row, column]
        for each in range(4 * row, 4 * row + 4):
            into, there, lacks = out[each], picture[each], is_missing[each]
            for column in range(width):
                into[column] = upper[column] if lacks[column] else there[column]


@_compile(_void(_floats, _new_bytes))
def bits(coefficients: NDArray[np.float32], packed: NDArray[np.uint8]) -> None:
    """Compare the coefficients of each picture with their lower median: `hedgerow.hashing.pdq.bits_of_several`.

    Args:
        coefficients: (k, 256).
        packed: (k, 32), written: the last coefficient is the first bit.
    """
    ordered = np.empty(256, np.int32)
    for picture in range(coefficients.shape[0]):
        keys = coefficients[picture].view(np.int32)
        for each in range(256):  # integers that are ordered as the numbers are
            ordered[each] = keys[each] if keys[each] >= 0 else np.int32(-2147483648) - keys[each]
        low, high = np.int64(-2147483648), np.int64(2147483647)
        while low < high:  # halving all integers: counting is done on many at once, and nothing is sorted
            middle = (low + high) >> 1
            limit, count = np.int32(middle), np.int32(0)
            for each in range(256):
                count += np.int32(ordered[each] <= limit)
            if count >= 128:
                high = middle
            else:
                low = middle + 1
        for byte in range(32):
            value = 0
            for each in range(8):
                value = value << 1 | (ordered[255 - 8 * byte - each] > low)
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
