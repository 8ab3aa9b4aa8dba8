from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.errors import DuplicateId, InvalidQuery, SnapshotDamaged
from hedgerow.hashing.signal import Signal
from hedgerow.matching import DigestIndex, HammingIndex, reference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size_bytes", [16, 20, 32])
@pytest.mark.parametrize("merges", [False, True])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_exactly_the_equal_digests_are_found(size_bytes: int, merges: bool, data: st.DataObject) -> None:
    # few prefixes, so that digests that agree in their first eight bytes are common
    digest = st.builds(
        lambda prefix, rest: bytes([prefix]) * 8 + rest,
        st.integers(0, 2),
        st.binary(min_size=size_bytes - 8, max_size=size_bytes - 8).map(lambda rest: rest[:1] * len(rest)),
    )
    digests = data.draw(st.lists(digest, max_size=30))
    queries = data.draw(st.lists(digest, max_size=5)) + digests[:3]
    index = DigestIndex(size_bytes, merge_after=None)
    index.add(digests)
    if merges:
        index.merge()
    assert list(index.search(queries)) == reference.search(dict(enumerate(digests)), queries, 0)


def test_digests_go_come_and_survive_reopening(tmp_path: Path) -> None:
    index = DigestIndex(20)
    index.add([bytes([number]) * 20 for number in range(10)], ids=range(100, 110))
    index.merge()
    assert index.remove([101]) == 1
    index.add(["ff" * 20], ids=[5])
    with pytest.raises(DuplicateId):
        index.add(["ff" * 20], ids=[102])
    index.save(tmp_path, metadata={"sequence": 9})
    opened = DigestIndex.open(tmp_path)
    assert opened.metadata == {"sequence": 9}
    queries = [bytes([number]) * 20 for number in (0, 1, 9, 255)]
    assert list(opened.search(queries)) == [(0, 100, 0), (2, 109, 0), (3, 5, 0)]
    assert len(opened) == 10
    assert 101 not in opened


@pytest.mark.parametrize("size_bytes", [0, 8, 31, 64])
def test_only_the_sizes_of_known_digests_are_served(size_bytes: int) -> None:
    with pytest.raises(InvalidQuery):
        DigestIndex(size_bytes)


@pytest.mark.parametrize("query", ["00" * 16, bytes(21), Signal("md5", bytes(16)), 3, "g" * 40])
def test_what_is_no_digest_of_this_size_is_refused(query: Any) -> None:
    with pytest.raises(InvalidQuery):
        DigestIndex(20).search(query)


def test_an_index_of_the_other_sort_is_not_opened(tmp_path: Path) -> None:
    DigestIndex(32).save(tmp_path / "digests")
    HammingIndex().save(tmp_path / "signals")
    with pytest.raises(SnapshotDamaged):
        HammingIndex.open(tmp_path / "digests")
    with pytest.raises(SnapshotDamaged):
        DigestIndex.open(tmp_path / "signals")


def test_many_queries_against_many_unmerged_digests_are_answered() -> None:
    index = DigestIndex(16, merge_after=None)
    digests = [number.to_bytes(8, "big") * 2 for number in range(3000)]
    index.add(digests)
    assert index.search(digests).id.tolist() == list(range(3000))
