from __future__ import annotations

import contextlib
import hashlib
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidSignal, LedgerRowUnreadable
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES, Signal
from hedgerow.ledger import pack_signals, unpack_signals


def _frames(seed: int, count: int) -> FrameList:
    rng = np.random.default_rng(seed)
    times = np.arange(count) / 2
    return FrameList.of(
        rng.integers(0, 256, (count, 32), np.uint8),
        rng.integers(0, 101, count, np.uint8),
        np.arange(count),
        times,
        times + 0.5,
        count / 2,
    )


_qualities = st.none() | st.integers(0, 100)
_variants = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60)


@st.composite
def _signals(draw: st.DrawFn) -> Signal:
    name = draw(st.sampled_from(list(SIGNAL_TYPES)))
    size = SIGNAL_TYPES[name].size_bytes
    frames = _frames(draw(st.integers(0, 9)), draw(st.integers(0, 20))) if name == "vpdq" else None
    bits = draw(st.binary(min_size=size, max_size=size)) if frames is None else frames.digest()
    level = draw(st.sampled_from(LEVELS))
    return Signal(name, bits, draw(_qualities), draw(_variants), level=level, frames=frames)


@given(st.lists(_signals(), max_size=12))
def test_what_is_packed_comes_back_in_its_order(signals: list[Signal]) -> None:
    assert unpack_signals(pack_signals(signals)) == tuple(signals)


def test_who_made_a_signal_is_the_one_thing_that_is_not_kept() -> None:
    signal = Signal("pdq", bytes(range(32)), 80, "mirrored", "full-size/1", "standard")
    assert unpack_signals(pack_signals([signal])) == (replace(signal, made_by=""),)


@given(st.lists(_signals(), min_size=1, max_size=4), st.data())
def test_bytes_that_were_cut_off_are_refused_and_nothing_else_is_raised(
    signals: list[Signal], data: st.DataObject
) -> None:
    packed = pack_signals(signals)
    with pytest.raises(LedgerRowUnreadable):
        unpack_signals(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(LedgerRowUnreadable):
        unpack_signals(packed + b"\0")


@given(st.binary(max_size=400))
def test_whatever_else_is_read_is_refused_or_is_signals(junk: bytes) -> None:
    try:
        found = unpack_signals(junk)
    except LedgerRowUnreadable:
        return
    assert all(isinstance(each, Signal) for each in found)


@given(st.lists(_signals(), min_size=1, max_size=3), st.data())
def test_a_flipped_byte_raises_nothing_but_what_is_said(signals: list[Signal], data: st.DataObject) -> None:
    packed = bytearray(pack_signals(signals))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(LedgerRowUnreadable):
        unpack_signals(bytes(packed))


def test_a_later_version_is_refused() -> None:
    packed = pack_signals([Signal("md5", bytes(16))])
    with pytest.raises(LedgerRowUnreadable):
        unpack_signals(b"\2" + packed[1:])


def test_names_that_inflate_without_end_are_refused_before_they_take_memory() -> None:
    packed = pack_signals([Signal("md5", hashlib.md5(b"x", usedforsecurity=False).digest())])
    bomb = zlib.compress(b"a" * 50_000_000, 9)
    head = (1).to_bytes(1, "little") + (1).to_bytes(4, "little") + len(bomb).to_bytes(4, "little")
    with pytest.raises(LedgerRowUnreadable):
        unpack_signals(head + packed[9:12] + bomb + bytes(16))


@pytest.mark.parametrize(
    "signal",
    [
        Signal("pdq", bytes(31)),
        Signal("phash", bytes(8)),
        Signal("pdq", bytes(32), 101),
        Signal("pdq", bytes(32), 50, "a\0b"),
        Signal("pdq", bytes(32), 50, "a" * 2_000),
    ],
)
def test_what_is_no_signal_is_not_packed(signal: Signal) -> None:
    with pytest.raises(InvalidSignal):
        pack_signals([signal])
