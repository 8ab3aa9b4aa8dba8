from __future__ import annotations

import pytest

from hedgerow.matching import reference


def test_a_distance_counts_differing_bits() -> None:
    assert reference.distance(b"\x0f\xf0", b"\xf0\xf0") == 8
    assert reference.distance(b"", b"") == 0
    with pytest.raises(ValueError, match="shorter"):
        reference.distance(b"ab", b"a")


def test_the_threshold_is_inclusive_and_the_order_is_query_distance_id() -> None:
    known = {9: b"\x00", 2: b"\x01", 5: b"\x00", 1: b"\x07"}
    assert reference.search(known, [b"\x00", b"\xff"], 1) == [(0, 5, 0), (0, 9, 0), (0, 2, 1)]
