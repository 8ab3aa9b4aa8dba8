from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import MediaUnreadable
from hedgerow.hashing import digest_bytes, digest_file

if TYPE_CHECKING:
    from pathlib import Path


@given(st.binary(max_size=2000))
def test_all_three_digests_are_hashlibs(data: bytes) -> None:
    expected = [hashlib.new(name, data, usedforsecurity=False).digest() for name in ("md5", "sha1", "sha256")]
    assert [signal.bits for signal in digest_bytes(data)] == expected


def test_a_file_longer_than_one_chunk_has_the_digests_of_its_bytes(tmp_path: Path) -> None:
    data = b"hedge" * 700_000
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == digest_bytes(data)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable, match="No such file"):
        digest_file(tmp_path / "nothing")
