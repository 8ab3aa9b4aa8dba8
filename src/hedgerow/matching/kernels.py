"""The compiled inner loops: building tables, probing them, scanning rows.

Importing this module imports Numba and compiles (or loads from Numba's cache) every kernel, because each is declared
with its signature. Nothing imports it but `hedgerow.matching.compiled`, which decides when that is worth its time.

Conventions shared by all kernels:

* ``rows`` and ``queries`` are (n, 4) uint64, read-only; a signal's bit s is bit ``s % 64`` of word ``s // 64``.
* A match is one packed uint64: query index (25 bits) · distance (7 bits) · position (32 bits), most significant
  first, so that sorting the numbers sorts by (query, distance, position).
* A plan is (tables, 10) int64, one line for each table, its columns named by the ``_START`` … constants below.
* Whatever the tables say, no kernel reads or writes outside its arrays: bucket bounds and row numbers are checked
  where they are read, so that damage on disk can make a search wrong (which checksums prevent) but never unsafe.

What costs time is the number of cache lines fetched, not arithmetic: 50 to 400 ns each, unless many are under way at
once. So each stage (bucket bounds, tags, row numbers, rows) runs over a whole block and prefetches ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from hedgerow.matching import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


# ruff: noqa: ANN401  (Numba's intrinsics and types are untyped)
# ruff: noqa: PLR0913, PLR0917  (a kernel takes its arrays one by one)
# ruff: noqa: PLR2004  (2 dimensions, 64 bits in a word)

# Columns of a plan.
_START, _WIDTH, _RADIUS, _FIRST_MASK, _LAST_MASK, _OFFSETS, _ENTRIES, _NEXT_START, _TAG_WIDTH, _REACH = range(10)

# The arrays of the signatures. Inputs are read-only, so that mapped files and fresh arrays are one type.
_words = types.Array(types.uint64, 2, "C", readonly=True)
_plan = types.Array(types.int64, 2, "C", readonly=True)
_numbers = types.Array(types.uint32, 1, "C", readonly=True)
_tags = types.Array(types.uint16, 1, "C", readonly=True)
_octets = types.Array(types.uint8, 2, "C", readonly=True)
_new_numbers = types.Array(types.uint32, 1, "C")
_new_tags = types.Array(types.uint16, 1, "C")
_new_octets = types.Array(types.uint8, 2, "C")
_new_words = types.Array(types.uint64, 1, "C")
_new_integers = types.Array(types.int64, 2, "C")
_i, _u = types.int64, types.uint64
_tuple: Any = types.Tuple
_found = _tuple((_new_words, _i))
_three = _tuple((_i, _i, _i))

BLOCK = 1024
"""Buckets gathered at a time."""
HELD = 1024
"""Candidates held at a time."""
AHEAD = 24
"""Prefetch distance."""
SOON = 4
"""Buckets ahead whose further cache lines are fetched (the first is, when the bucket is found)."""
LINES = 8
"""Cache lines of a bucket fetched ahead, 32 tags each; from there on the processor's own prefetching has caught up."""
STRIP = 256
"""Rows scanned for all queries before the next strip: 8 KiB stays in the first-level cache."""
RUN = 32
"""Tags tested at a time: one 512-bit register. As many more stand after the last table, to be read and ignored."""


_Kernel = TypeVar("_Kernel", bound="Callable[..., Any]")
_cgutils: Any = cgutils  # as the next, untyped
_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic


def _compile(signature: Any) -> Callable[[_Kernel], _Kernel]:
    caches = compiled.cache_is_usable()
    decorate: Callable[[_Kernel], _Kernel]
    decorate = njit(signature, cache=caches, nogil=True, error_model="numpy", boundscheck=False)
    return decorate


@_intrinsic
def _ones(_typing: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@_intrinsic
def _lowest_one(_typing: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@_intrinsic
def _near_tags(_typing: Any, tags: Any, _at: Any, _wanted: Any, _mask: Any, _near: Any) -> Any:
    """Test the ``RUN`` tags from ``at`` on: bit k is set where ``(tags[at + k] ^ wanted) & mask`` has ≤ ``near`` ones.

    Written as vectors, because the loop that says the same is not vectorised reliably: two instructions with
    AVX-512 BITALG, some twenty with AVX2 or NEON.
    """
    vector, lane = ir.VectorType(ir.IntType(16), RUN), ir.IntType(32)

    def splat(builder: Any, value: Any) -> Any:
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, lane(0))
        zeros = ir.Constant(ir.VectorType(lane, RUN), [0] * RUN)
        return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        _, at, wanted, mask, near = args
        first = builder.bitcast(builder.gep(view.data, [at]), vector.as_pointer())
        differ = builder.and_(
            builder.xor(builder.load(first, align=2, typ=vector), splat(builder, wanted)), splat(builder, mask)
        )
        kind = ir.FunctionType(vector, [vector])
        ctpop = _cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctpop.v{RUN}i16")
        hits = builder.icmp_unsigned("<=", builder.call(ctpop, [differ]), splat(builder, near))
        return builder.zext(builder.bitcast(hits, ir.IntType(RUN)), ir.IntType(64))

    sixteen = types.uint16
    return types.uint64(tags, types.uint64, sixteen, sixteen, sixteen), generate


@_intrinsic
def _prefetch(_typing: Any, array: Any, _index: Any) -> Any:
    """Ask for the cache line of ``array[index]`` (first axis); never faults, wherever it points."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        stride = _cgutils.unpack_tuple(builder, view.strides)[0]
        address = builder.add(builder.ptrtoint(view.data, ir.IntType(64)), builder.mul(args[1], stride))
        pointer, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", (pointer,), kind)
        # read (0), keep in all cache levels (3), data (1)
        builder.call(function, [builder.inttoptr(address, pointer), flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@_compile(_u(_u, _u, _u, _u, _i, _i))
def _chunk(w0: int, w1: int, w2: int, w3: int, start: int, width: int) -> Any:
    word, shift = start >> 6, np.uint64(start & 63)
    value = (w0 if word == 0 else w1 if word == 1 else w2 if word == 2 else w3) >> shift
    if (start & 63) + width > 64:
        value |= (w1 if word == 0 else w2 if word == 1 else w3) << (np.uint64(64) - shift)
    return value & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))


@_compile(types.void(_words, _i, _i, _i, _i, _i, _new_numbers, _new_tags, _new_octets, _new_words))
def build_table(
    rows: NDArray[np.uint64],
    start: int,
    width: int,
    next_start: int,
    tag_width: int,
    fingerprint_bits: int,
    offsets: NDArray[np.uint32],
    tags: NDArray[np.uint16],
    low_rows: NDArray[np.uint8],
    scratch: NDArray[np.uint64],
) -> None:
    """Sort row numbers by one chunk of their signals (CSR: ``offsets`` by key, then tags and row numbers).

    Two passes, so that every write falls near one before: first into parts by the key's high bits, then a counting
    sort inside each part, which fits the cache. One random scatter takes several times as long.

    Args:
        rows: The signals.
        start: First bit of the chunk.
        width: Bits in the chunk, at most 30.
        next_start: First bit of the next chunk.
        tag_width: Bits of the next chunk that go into the tag.
        fingerprint_bits: Bits of a tag kept for them; the bits above hold the row number's bits from 24 on.
        offsets: 2^width + 1 numbers, written.
        tags: One for each row, written.
        low_rows: Three bytes for each row, written: the row number's low 24 bits, least significant first.
        scratch: One number for each row.
    """
    n = rows.shape[0]
    low = np.uint64((width + 1) // 2)
    parts, keys = 1 << (width - (width + 1) // 2), 1 << ((width + 1) // 2)
    low_mask = np.uint64(keys - 1)
    place = np.zeros(parts + 1, np.int64)
    for i in range(n):
        place[(_chunk(rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3], start, width) >> low) + np.uint64(1)] += 1
    for part in range(parts):
        place[part + 1] += place[part]
    part_ends = place.copy()
    for i in range(n):
        w0, w1, w2, w3 = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3]
        key = _chunk(w0, w1, w2, w3, start, width)
        tag = _chunk(w0, w1, w2, w3, next_start, tag_width)
        at = np.uint64(place[key >> low])
        place[key >> low] += 1
        scratch[at] = (np.uint64(i) << np.uint64(32)) | ((key & low_mask) << np.uint64(16)) | tag
    ends = np.empty(keys + 1, np.int64)
    for part in range(parts):
        first, last = np.uint64(part_ends[part]), np.uint64(part_ends[part + 1])
        ends[:] = 0
        for j in range(first, last):
            ends[((scratch[j] >> np.uint64(16)) & low_mask) + np.uint64(1)] += 1
        running = part_ends[part]
        for key_low in range(keys):
            running += ends[key_low]
            ends[key_low] = running
            offsets[part * keys + key_low] = running
        for j in range(first, last):
            entry = scratch[j]
            bucket = (entry >> np.uint64(16)) & low_mask
            at = np.uint64(ends[bucket])
            ends[bucket] += 1
            row = entry >> np.uint64(32)
            tags[at] = (entry & np.uint64(0xFFFF)) | ((row >> np.uint64(24)) << np.uint64(fingerprint_bits))
            low_rows[at, 0] = row & np.uint64(255)
            low_rows[at, 1] = (row >> np.uint64(8)) & np.uint64(255)
            low_rows[at, 2] = (row >> np.uint64(16)) & np.uint64(255)
    offsets[1 << width] = n


@_compile(types.void(_numbers, _numbers, _plan, _i, _i, _i, _i))
def _fetch_bounds(
    offsets: NDArray[np.uint32],
    masks: NDArray[np.uint32],
    plan: NDArray[np.int64],
    table: int,
    key: int,
    first: int,
    last: int,
) -> None:
    """Prefetch the bounds of the buckets ``key ^ masks[first:last]``."""
    for j in range(np.uint64(first), np.uint64(last)):
        _prefetch(offsets, plan[table, _OFFSETS] + (key ^ np.int64(masks[j])))


@_compile(_i(_numbers, _numbers, _tags, _plan, _i, _i, _i, _i, _i, _new_integers, _i))
def _find_buckets(
    offsets: NDArray[np.uint32],
    masks: NDArray[np.uint32],
    tags: NDArray[np.uint16],
    plan: NDArray[np.int64],
    table: int,
    key: int,
    n: int,
    first: int,
    last: int,
    buckets: NDArray[np.int64],
    count: Any,
) -> Any:
    """Note where the buckets ``key ^ masks[first:last]`` begin and end; return how many buckets are noted now."""
    base, entries, reach = plan[table, _OFFSETS], plan[table, _ENTRIES], plan[table, _REACH]
    for j in range(first, last):
        if j + AHEAD < last:
            _prefetch(offsets, base + (key ^ np.int64(masks[np.uint64(j + AHEAD)])))
        mask = masks[np.uint64(j)]
        at = np.uint64(base + (key ^ np.int64(mask)))
        begin, end = np.int64(offsets[at]), np.int64(offsets[at + np.uint64(1)])
        to = np.uint64(count)
        _prefetch(tags, entries + begin)
        buckets[to, 0] = entries + begin
        buckets[to, 1] = entries + end
        buckets[to, 2] = reach - np.int64(_ones(np.uint64(mask)))
        buckets[to, 3] = table
        # no branch: whether a bucket is empty cannot be predicted. The second half fails only in a damaged table.
        count += np.int64((begin < end) & (end <= n))
    return count


@_compile(_three(_tags, _new_integers, _i, _i, _i, _new_tags, types.uint16, _new_integers))
def _filter(
    tags: NDArray[np.uint16],
    buckets: NDArray[np.int64],
    bucket: int,
    count: int,
    held: int,
    wanted: NDArray[np.uint16],
    mask: np.uint16,
    candidates: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Hold the entries whose tags are near enough, until the buckets or the room for candidates come to an end.

    Returns:
        The bucket to go on with, the entries seen, the candidates held. A bucket left half-way begins later now.
    """
    seen: Any = 0
    while bucket < count:
        if bucket + SOON < count:
            ahead = np.uint64(bucket + SOON)
            for line in range(buckets[ahead, 0] + 32, min(buckets[ahead, 1], buckets[ahead, 0] + 32 * LINES), 32):
                _prefetch(tags, line)
        at = np.uint64(bucket)
        begin, end, table = np.uint64(buckets[at, 0]), np.uint64(buckets[at, 1]), np.uint64(buckets[at, 3])
        tag, near = wanted[table], np.uint16(buckets[at, 2])
        for p in range(begin, end, np.uint64(RUN)):
            hits: Any = _near_tags(tags, p, tag, mask, near)
            if hits == np.uint64(0):
                continue
            if held + RUN > candidates.shape[0]:
                buckets[at, 0] = p
                return bucket, seen + np.int64(p - begin), held
            if end - p < np.uint64(RUN):
                hits &= (np.uint64(1) << (end - p)) - np.uint64(1)
            while hits != np.uint64(0):
                candidates[np.uint64(held), 0] = np.int64(p + _lowest_one(hits))
                candidates[np.uint64(held), 1] = np.int64(table)
                held += 1
                hits &= hits - np.uint64(1)
        seen += np.int64(end - begin)
        bucket += 1
    return bucket, seen, held


@_compile(types.boolean(_u, _u, _u, _u, _plan, _i))
def _is_offered(x0: int, x1: int, x2: int, x3: int, plan: NDArray[np.int64], tables: int) -> bool:
    """Tell whether one of the first so many tables offers a row that differs from the query by these bits."""
    for t in range(tables):
        near = np.int64(_ones(_chunk(x0, x1, x2, x3, plan[t, _START], plan[t, _WIDTH])))
        if near <= plan[t, _RADIUS]:
            tag = np.int64(_ones(_chunk(x0, x1, x2, x3, plan[t, _NEXT_START], plan[t, _TAG_WIDTH])))
            if near + tag <= plan[t, _REACH]:
                return True
    return False


@_compile(_i(_words, _words, _i, _i, _tags, _octets, _i, _plan, _new_integers, _i, _new_words, _i))
def _verify(
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    query: int,
    threshold: int,
    tags: NDArray[np.uint16],
    low_rows: NDArray[np.uint8],
    fingerprint_bits: int,
    plan: NDArray[np.int64],
    candidates: NDArray[np.int64],
    held: int,
    found: NDArray[np.uint64],
    count: int,
) -> int:
    """Keep the candidates within the threshold that no earlier table offers too; return the new count."""
    at = np.uint64(query)
    q0, q1, q2, q3 = queries[at, 0], queries[at, 1], queries[at, 2], queries[at, 3]
    for c in range(min(AHEAD, held)):
        _prefetch(low_rows, candidates[np.uint64(c), 0])
    for c in range(held):
        if c + AHEAD < held:
            _prefetch(low_rows, candidates[np.uint64(c + AHEAD), 0])
        entry = np.uint64(candidates[np.uint64(c), 0])
        low = np.int64(low_rows[entry, 0]) | np.int64(low_rows[entry, 1]) << 8 | np.int64(low_rows[entry, 2]) << 16
        row = np.int64(tags[entry]) >> fingerprint_bits << 24 | low
        row = min(row, rows.shape[0] - 1)  # larger only in a damaged table
        candidates[np.uint64(c), 0] = row
        _prefetch(rows, row)
    for c in range(held):
        i = np.uint64(candidates[np.uint64(c), 0])
        x0, x1, x2, x3 = rows[i, 0] ^ q0, rows[i, 1] ^ q1, rows[i, 2] ^ q2, rows[i, 3] ^ q3
        distance = np.int64(_ones(x0) + _ones(x1) + _ones(x2) + _ones(x3))
        if distance <= threshold and not _is_offered(x0, x1, x2, x3, plan, candidates[np.uint64(c), 1]):
            found[np.uint64(count)] = (at << np.uint64(39)) | (np.uint64(distance) << np.uint64(32)) | i
            count += 1
    return count


@_compile(_new_words(_new_words, _i, _i))
def _with_room(found: NDArray[np.uint64], count: int, more: int) -> NDArray[np.uint64]:
    """Make room for so many more matches, so that the loops inside need no check and no new array."""
    if count + more <= found.shape[0]:
        return found
    grown = np.empty(2 * (count + more), np.uint64)
    grown[:count] = found[:count]
    return grown


@_compile(_i(_words, _words, _i, _i, _i, _i, _new_words, _i))
def _scan_strip(
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    query: int,
    first: int,
    last: int,
    threshold: int,
    found: NDArray[np.uint64],
    count: Any,
) -> Any:
    at = np.uint64(query)
    q0, q1, q2, q3 = queries[at, 0], queries[at, 1], queries[at, 2], queries[at, 3]
    least = np.uint64(999)
    for i in range(np.uint64(first), np.uint64(last)):
        distance = _ones(rows[i, 0] ^ q0) + _ones(rows[i, 1] ^ q1) + _ones(rows[i, 2] ^ q2) + _ones(rows[i, 3] ^ q3)
        least = min(least, distance)
    if least > np.uint64(threshold):
        return count
    for i in range(np.uint64(first), np.uint64(last)):
        distance = _ones(rows[i, 0] ^ q0) + _ones(rows[i, 1] ^ q1) + _ones(rows[i, 2] ^ q2) + _ones(rows[i, 3] ^ q3)
        found[np.uint64(count)] = (at << np.uint64(39)) | (distance << np.uint64(32)) | i
        count += np.int64(distance <= np.uint64(threshold))
    return count


@_compile(_found(_words, _words, _i, _i, _i, _new_words, _i))
def _scan_into(
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    first: int,
    last: int,
    threshold: int,
    found: NDArray[np.uint64],
    count: int,
) -> tuple[NDArray[np.uint64], int]:
    for strip in range(0, rows.shape[0], STRIP):
        strip_end = min(strip + STRIP, rows.shape[0])
        for query in range(first, last):
            found = _with_room(found, count, STRIP + 1)
            count = _scan_strip(rows, queries, query, strip, strip_end, threshold, found, count)
    return found, count


@_compile(_found(_words, _words, _i, _i, _i))
def scan(
    rows: NDArray[np.uint64], queries: NDArray[np.uint64], first: int, last: int, threshold: int
) -> tuple[NDArray[np.uint64], int]:
    """Compare ``queries[first:last]`` with every row.

    Returns:
        Packed matches in no order, and how many of that array are filled.
    """
    return _scan_into(rows, queries, first, last, threshold, np.empty(STRIP + 1, np.uint64), 0)


@_compile(_found(_words, _words, _i, _i, _i, _plan, _numbers, _numbers, _tags, _octets, _i, _i))
def probe(
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    first: int,
    last: int,
    threshold: int,
    plan: NDArray[np.int64],
    masks: NDArray[np.uint32],
    offsets: NDArray[np.uint32],
    tags: NDArray[np.uint16],
    low_rows: NDArray[np.uint8],
    fingerprint_bits: int,
    patience: int,
) -> tuple[NDArray[np.uint64], int]:
    """Look ``queries[first:last]`` up in the tables; scan instead where the tables offer too much.

    Args:
        rows: The signals.
        queries: What is looked for.
        first: First query.
        last: One past the last query.
        threshold: Bits, inclusive.
        plan: Which buckets to look at, see the module.
        masks: What is to be XORed to a key, for each table the masks of up to its radius.
        offsets: The tables' bucket bounds, one after the other.
        tags: The tables' tags, one after the other.
        low_rows: The tables' row numbers, one after the other.
        fingerprint_bits: As in `build_table`.
        patience: A query is answered by a scan once it has met more entries than this, a candidate counting as 64.

    Returns:
        Packed matches in no order, and how many of that array are filled.
    """
    n = rows.shape[0]
    buckets, candidates = np.empty((BLOCK, 4), np.int64), np.empty((HELD, 2), np.int64)
    keys, wanted = np.empty(plan.shape[0], np.int64), np.empty(plan.shape[0], np.uint16)
    mask = np.uint16((1 << fingerprint_bits) - 1)
    found, count = np.empty(HELD, np.uint64), 0
    for query in range(first, last):
        at = np.uint64(query)
        q0, q1, q2, q3 = queries[at, 0], queries[at, 1], queries[at, 2], queries[at, 3]
        for t in range(plan.shape[0]):
            keys[t] = np.int64(_chunk(q0, q1, q2, q3, plan[t, _START], plan[t, _WIDTH]))
            wanted[t] = _chunk(q0, q1, q2, q3, plan[t, _NEXT_START], plan[t, _TAG_WIDTH])
        _fetch_bounds(
            offsets,
            masks,
            plan,
            0,
            keys[0],
            plan[0, _FIRST_MASK],
            min(plan[0, _FIRST_MASK] + AHEAD, plan[0, _LAST_MASK]),
        )
        count_before, met, noted, held, table, line = count, 0, 0, 0, 0, plan[0, _FIRST_MASK]
        while table < plan.shape[0]:
            # note buckets until the block is full or the last table is done
            while table < plan.shape[0] and noted < BLOCK:
                line_end = min(plan[table, _LAST_MASK], line + BLOCK - noted)
                if table + 1 < plan.shape[0]:
                    line_2 = plan[table + 1, _FIRST_MASK]
                    _fetch_bounds(
                        offsets,
                        masks,
                        plan,
                        table + 1,
                        keys[table + 1],
                        line_2,
                        min(line_2 + AHEAD, plan[table + 1, _LAST_MASK]),
                    )
                noted = _find_buckets(offsets, masks, tags, plan, table, keys[table], n, line, line_end, buckets, noted)
                line = line_end
                if line == plan[table, _LAST_MASK]:
                    table += 1
            bucket = 0
            while bucket < noted and met <= patience:
                bucket, seen, held = _filter(tags, buckets, bucket, noted, held, wanted, mask, candidates)
                met += seen
                if bucket < noted:
                    found = _with_room(found, count, held)
                    count = _verify(
                        rows,
                        queries,
                        query,
                        threshold,
                        tags,
                        low_rows,
                        fingerprint_bits,
                        plan,
                        candidates,
                        held,
                        found,
                        count,
                    )
                    met += 64 * held
                    held = 0
            noted = 0
            if met > patience:
                break
        if met > patience:
            found, count = _scan_into(rows, queries, query, query + 1, threshold, found, count_before)
            continue
        found = _with_room(found, count, held)
        count = _verify(
            rows, queries, query, threshold, tags, low_rows, fingerprint_bits, plan, candidates, held, found, count
        )
    return found, count
