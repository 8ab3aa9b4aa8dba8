from __future__ import annotations

import hashlib
import itertools
import random
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import EvidenceDamaged, EvidenceSupportMissing
from hedgerow.evidence import stream
from hedgerow.evidence.stream import (
    HEADER_BYTES,
    SEGMENT_BYTES,
    TAG_BYTES,
    decrypt,
    encrypt,
    new_data_key,
    stored_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
SEALED_SEGMENT = SEGMENT_BYTES + TAG_BYTES
# Around the borders of segments, where an end may be mistaken.
SIZES = (0, 1, 100, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 5)


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311  (bytes to be recognised)


def _object(content: bytes, key: bytes = KEY, name: str = NAME) -> bytes:
    return b"".join(encrypt([content], key, name))


def _opened(stored: bytes, key: bytes = KEY, name: str = NAME) -> bytes:
    return b"".join(decrypt([stored], key, name))


def _segments(stored: bytes) -> list[bytes]:
    body = stored[HEADER_BYTES:]
    return [body[start : start + SEALED_SEGMENT] for start in range(0, len(body), SEALED_SEGMENT)]


def _is_found(stored: bytes, key: bytes = KEY, name: str = NAME) -> bool:
    with pytest.raises(EvidenceDamaged) as caught:
        _opened(stored, key, name)
    assert name in str(caught.value)
    return caught.value.object_name == name


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", SIZES)
def test_what_was_encrypted_comes_back_and_has_the_size_that_was_said(size: int) -> None:
    content = _content(size)
    stored = _object(content)
    assert _opened(stored) == content
    assert len(stored) == stored_bytes(size)


@given(size=st.integers(0, 4 * SEGMENT_BYTES), cuts=st.lists(st.integers(0, 5 * SEGMENT_BYTES), max_size=12))
def test_how_the_bytes_were_cut_changes_nothing(size: int, cuts: list[int]) -> None:
    content = _content(size)
    stored = b"".join(encrypt(_cut(content, cuts), KEY, NAME))
    assert stored == _object(content)
    assert b"".join(decrypt(_cut(stored, cuts), KEY, NAME)) == content


def _cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(places)]


def test_one_byte_at_a_time_is_as_good() -> None:
    content = _content(SEGMENT_BYTES + 3)
    stored = b"".join(encrypt((bytes([byte]) for byte in content), KEY, NAME))
    assert stored == _object(content)
    assert b"".join(decrypt((bytes([byte]) for byte in stored), KEY, NAME)) == content


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        (0, "55d72ad5e7345575126cab2d6951c465c9e690a8816b62798a4518fda872be59"),
        (100, "13b2dce137bdcb9a3cf77feac2966380a7e5ff3f39c3aef3c98472b2fd7e059a"),
        (SEGMENT_BYTES, "2fd7b28afec38121c4ce0504ba7e79f80772a8cce0e251983d8cf5fe1606215f"),
        (SEGMENT_BYTES + 1, "dd309865417f06b1449fcd1158c5adc04108b34f85577874277c9cbc053d9ae0"),
    ],
)
def test_the_format_is_the_published_one(size: int, digest: str) -> None:
    content = bytes(index % 251 for index in range(size))
    assert hashlib.sha256(_object(content)).hexdigest() == digest


def test_the_header_is_the_published_one() -> None:
    assert _object(b"")[:16].hex() == "6865646765726f77" + "00000001" + "00010000"


def test_the_same_content_is_another_object_under_another_key_or_name() -> None:
    content = _content(1_000)
    objects = [_object(content), _object(content, OTHER_KEY), _object(content, KEY, OTHER)]
    windows = [{each[start : start + 8] for start in range(16, len(each) - 8)} for each in objects]
    assert not windows[0] & windows[1]
    assert not windows[0] & windows[2]
    assert len({new_data_key() for _ in range(100)}) == 100


def test_nothing_of_the_content_shows() -> None:
    content = b"An ordinary photograph of a hedge, again and again. " * 5_000
    stored = _object(content)
    assert not any(content[start : start + 8] in stored for start in range(52))
    assert NAME.encode() not in stored


def test_it_reads_no_further_than_it_must() -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(10):
            taken.append(number)
            yield bytes(SEGMENT_BYTES)

    pieces = encrypt(chunks(), KEY, NAME)
    next(pieces)
    assert taken == []
    next(pieces)
    assert taken == [0, 1]
    stored = b"".join(encrypt([bytes(10 * SEGMENT_BYTES)], KEY, NAME))
    taken.clear()

    def stored_chunks() -> Iterator[bytes]:
        for number, start in enumerate(range(0, len(stored), SEGMENT_BYTES)):
            taken.append(number)
            yield stored[start : start + SEGMENT_BYTES]

    next(decrypt(stored_chunks(), KEY, NAME))
    assert taken == [0, 1]


# ── every damage is found, and the object is named ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, 100])
def test_one_flipped_bit_anywhere_is_found(size: int) -> None:
    stored = _object(_content(size))
    for bit in range(len(stored) * 8):
        damaged = bytearray(stored)
        damaged[bit // 8] ^= 1 << bit % 8
        assert _is_found(bytes(damaged))


@given(st.data())
def test_one_changed_byte_of_a_long_object_is_found_and_nothing_after_it_is_given(data: st.DataObject) -> None:
    content = _content(3 * SEGMENT_BYTES + 5)
    stored = bytearray(_object(content))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    given_: list[bytes] = []
    with pytest.raises(EvidenceDamaged) as caught:
        given_.extend(decrypt([bytes(stored)], KEY, NAME))
    whole = max(0, (place - HEADER_BYTES) // SEALED_SEGMENT)
    assert b"".join(given_) == content[: whole * SEGMENT_BYTES]
    if place >= HEADER_BYTES:
        assert f"segment {whole} " in caught.value.problem


@pytest.mark.parametrize("size", [0, 1, 40])
def test_every_end_that_was_cut_off_is_found(size: int) -> None:
    stored = _object(_content(size))
    for length in range(len(stored)):
        assert _is_found(stored[:length])


@pytest.mark.parametrize("size", SIZES[3:])
def test_an_end_cut_off_near_a_segments_border_is_found(size: int) -> None:
    stored = _object(_content(size))
    borders = range(HEADER_BYTES, len(stored), SEALED_SEGMENT)
    for length in {border + off for border in borders for off in (-TAG_BYTES, -1, 0, 1, TAG_BYTES, TAG_BYTES + 1)}:
        if length < len(stored):
            assert _is_found(stored[:length])


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_behind_the_end_is_found(size: int) -> None:
    stored = _object(_content(size))
    last = _segments(stored)[-1]
    for more in (b"\0", bytes(TAG_BYTES), bytes(SEALED_SEGMENT), last, _object(b"more")):
        assert _is_found(stored + more)


def test_segments_that_are_swapped_doubled_or_missing_are_found() -> None:
    stored = _object(_content(4 * SEGMENT_BYTES))
    header, segments = stored[:HEADER_BYTES], _segments(stored)
    for one in range(4):
        assert _is_found(header + b"".join(segments[:one] + segments[one + 1 :]))
        assert _is_found(header + b"".join(segments[: one + 1] + segments[one:]))
        for other in range(one):
            moved = list(segments)
            moved[one], moved[other] = moved[other], moved[one]
            assert _is_found(header + b"".join(moved))


def test_a_segment_of_another_object_under_the_same_key_is_found() -> None:
    one, other = _object(_content(3 * SEGMENT_BYTES)), _object(_content(3 * SEGMENT_BYTES), KEY, OTHER)
    mixed = [*_segments(one)[:1], _segments(other)[1], *_segments(one)[2:]]
    assert _is_found(one[:HEADER_BYTES] + b"".join(mixed))


def test_an_object_under_another_name_is_found() -> None:
    one, other = _object(b"one"), _object(b"other", OTHER_KEY, OTHER)
    assert _is_found(one, KEY, OTHER)
    assert _is_found(other, KEY, NAME)
    assert _is_found(other, OTHER_KEY, NAME)


def test_another_data_key_is_found_at_the_header() -> None:
    with pytest.raises(EvidenceDamaged, match="header"):
        _opened(_object(b"one"), OTHER_KEY)


def test_an_empty_segment_behind_full_ones_is_refused_even_when_the_keys_owner_made_it() -> None:
    # Else one content had two objects: with the end marked in the last full segment, and in an empty one behind it.
    cipher, header = stream._opened(KEY, NAME)
    full = cipher.encrypt(stream._nonce(0, is_last=False), bytes(SEGMENT_BYTES), header)
    empty = cipher.encrypt(stream._nonce(1, is_last=True), b"", header)
    assert _is_found(header + full + empty)


def test_another_version_is_said_to_be_one() -> None:
    stored = bytearray(_object(b"one"))
    stored[11] = 2
    with pytest.raises(EvidenceDamaged, match="this version"):
        _opened(bytes(stored))


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_of_another_length_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        _object(b"one", b"short")


def test_without_cryptography_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = _object(b"one")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(EvidenceSupportMissing, match=r"hedgerow\[server\]"):
        _object(b"one")
    with pytest.raises(EvidenceSupportMissing):
        _opened(stored)
