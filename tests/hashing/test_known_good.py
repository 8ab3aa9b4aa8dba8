from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.errors import KnownGoodUnreadable
from hedgerow.hashing.caution import KNOWN_GOOD, caution_of
from hedgerow.hashing.known_good import SIZES, KnownGood, write_known_good
from hedgerow.hashing.options import HashOptions
from hedgerow.hashing.pool import FileTask, HashingPool

if TYPE_CHECKING:
    from pathlib import Path


def _set(path: Path, digests: set[bytes], kind: str = "sha256") -> Path:
    write_known_good(path, kind, sorted(digests), {"sources": ["a"]})
    return path


_alike = st.binary(min_size=2, max_size=2).map(lambda end: b"\x01\x02" * 15 + end)  # found across each other too


@settings(max_examples=40, deadline=None)
@given(
    held=st.sets(st.binary(min_size=32, max_size=32) | _alike, max_size=30),
    asked=st.lists(st.binary(min_size=32, max_size=32) | _alike, max_size=10),
)
def test_a_set_holds_what_was_put_into_it_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, held: set[bytes], asked: list[bytes]
) -> None:
    known = KnownGood(_set(tmp_path_factory.mktemp("sets") / "set", held))
    assert known.count == len(held)
    assert all(known.holds(each) for each in held)
    assert [known.holds(each) for each in asked] == [each in held for each in asked]
    known.close()


@pytest.mark.parametrize("kind", SIZES)
def test_a_set_says_what_it_is(tmp_path: Path, kind: str) -> None:
    digests = {hashlib.new(kind, bytes([number]), usedforsecurity=False).digest() for number in range(100)}
    known = KnownGood(_set(tmp_path / "set", digests, kind))
    assert (known.type, known.count, known.about["sources"]) == (kind, 100, ["a"])
    assert len(known.fingerprint) == 64
    assert all(known.holds(each) for each in digests)
    assert not list(tmp_path.glob("set.*"))
    known.close()


def test_two_sets_of_the_same_digests_have_one_fingerprint_and_others_another(tmp_path: Path) -> None:
    one, other = bytes(range(32)), bytes(range(1, 33))
    sets = [KnownGood(_set(tmp_path / str(at), held)) for at, held in enumerate(({one}, {one}, {one, other}))]
    prints = [each.fingerprint for each in sets]
    assert prints[0] == prints[1] != prints[2]
    for each in sets:
        each.close()


@pytest.mark.parametrize("cut", [0, 5, 11, 40, 1_000, -1])
def test_a_set_that_is_cut_off_or_no_set_is_refused(tmp_path: Path, cut: int) -> None:
    content = _set(tmp_path / "set", {bytes(range(32))}).read_bytes()
    (tmp_path / "cut").write_bytes(content[:cut])
    with pytest.raises(KnownGoodUnreadable):
        KnownGood(tmp_path / "cut")
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(KnownGoodUnreadable):
            KnownGood(path)


@pytest.mark.parametrize("place", [12, 9_000, -40])
def test_a_set_whose_counts_were_damaged_is_refused(tmp_path: Path, place: int) -> None:
    content = bytearray(_set(tmp_path / "set", {bytes(range(32))}).read_bytes())
    if place < 0:
        content += b"more"
    else:
        content[place] ^= 0x55
    (tmp_path / "set").write_bytes(content)
    with pytest.raises(KnownGoodUnreadable):
        KnownGood(tmp_path / "set")


@pytest.mark.parametrize("kind", SIZES)
def test_known_software_is_not_decoded_and_keeps_the_digests_that_were_asked_for(tmp_path: Path, kind: str) -> None:
    (tmp_path / "known.jpg").write_bytes(b"no picture at all")  # decoded, it would be an error
    (tmp_path / "other.jpg").write_bytes(b"neither is this")
    digest = hashlib.new(kind, b"no picture at all", usedforsecurity=False).digest()
    path = _set(tmp_path / "set", {digest}, kind)
    tasks = [FileTask(str(tmp_path / name)) for name in ("known.jpg", "other.jpg")]
    with HashingPool(HashOptions(types=("pdq", "md5"), known_good=str(path)), jobs=1) as pool:
        known, other = (answer.hash for answer in pool.results(tasks))
    assert (known.is_known_good, known.unchecked, [each.type for each in known.signals]) == (True, None, ["md5"])
    assert caution_of(known) == KNOWN_GOOD
    assert not other.is_known_good
    assert other.unchecked is not None
