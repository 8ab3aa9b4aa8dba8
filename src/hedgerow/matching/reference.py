"""The slow definition of a search, which the indexes are held to.

A match is a query and a live row whose distance (the number of bits in which they differ) is at most the threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def distance(one: bytes, other: bytes) -> int:
    r"""Count the bits in which two signals of equal length differ.

    >>> distance(b"\x00\xff", b"\x01\xff")
    1
    """
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def search(known: Mapping[int, bytes], queries: Iterable[bytes], threshold: int) -> list[tuple[int, int, int]]:
    r"""Compare every query with every known signal.

    Args:
        known: Signals by id.
        queries: What to look for.
        threshold: Bits, inclusive.

    Returns:
        (query index, id, distance) for every match, ordered by query, distance, id.

    >>> search({7: b"\x00", 8: b"\x03", 9: b"\xff"}, [b"\x01"], 1)
    [(0, 7, 1), (0, 8, 1)]
    """
    found = [
        (index, row_id, distance(query, signal))
        for index, query in enumerate(queries)
        for row_id, signal in known.items()
    ]
    within = [match for match in found if match[2] <= threshold]
    return sorted(within, key=lambda match: (match[0], match[2], match[1]))
