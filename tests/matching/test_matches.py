from __future__ import annotations

import numpy as np
import pytest

from hedgerow.matching import HammingIndex, Matches
from hedgerow.matching.matches import NO_MATCHES


def test_matches_are_equal_when_their_columns_are() -> None:
    one = HammingIndex()
    one.add([bytes(32), b"\xff" * 32])
    assert one.search(bytes(32)) == one.search("00" * 32)
    assert one.search(bytes(32)) != one.search(b"\xff" * 32)
    assert one.search(bytes(32)) != [(0, 0, 0)]
    with pytest.raises(TypeError):
        hash(NO_MATCHES)


def test_no_matches_are_false_and_cannot_be_written_to() -> None:
    found = HammingIndex().search(bytes(32))
    assert not found
    assert list(found) == []
    assert found == Matches(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16))
    with pytest.raises(ValueError, match="resize"):
        found.id.resize(3)
    assert not any(column.flags.writeable for column in (found.query, found.id, found.distance))


def test_the_columns_are_aligned_and_typed() -> None:
    index = HammingIndex()
    index.add([bytes(32)] * 3)
    found = index.search(bytes(32))
    assert (found.query.dtype, found.id.dtype, found.distance.dtype) == (np.int64, np.int64, np.int16)
    assert len(found.query) == len(found.id) == len(found.distance) == len(found) == 3
