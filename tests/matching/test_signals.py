from __future__ import annotations

import numpy as np
import pytest

from hedgerow.errors import InvalidQuery
from hedgerow.hashing.signal import Signal
from hedgerow.matching import DigestIndex, HammingIndex
from hedgerow.matching.signals import octets_of, words_of

ROW = bytes(range(32))
ARRAY = np.frombuffer(ROW, np.uint8)
FORMS = {
    "hex": ROW.hex(),
    "upper-case hex": ROW.hex().upper(),
    "bytes": ROW,
    "bytearray": bytearray(ROW),
    "memoryview": memoryview(ROW),
    "signal": Signal("pdq", ROW, 100),
    "row of bytes": ARRAY,
    "row of words": ARRAY.view(np.uint64),
    "rows of bytes": ARRAY.reshape(1, 32),
    "rows of words": ARRAY.view(np.uint64).reshape(1, 4),
    "strided rows": np.repeat(ARRAY.reshape(1, 32), 2, axis=0)[::2],
    "list of hex": [ROW.hex()],
    "list of bytes": [ROW],
    "list of signals": [Signal("pdq", ROW)],
    "list of arrays": [ARRAY],
    "list of words": [ARRAY.view(np.uint64)],
    "generator": (ROW for _ in range(1)),
    "array of hex": np.array([ROW.hex()]),
    "array of objects": np.array([Signal("pdq", ROW)], object),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_signal_gives_the_same_row(form: str) -> None:
    signals = FORMS[form]
    if form == "generator":
        signals = (ROW for _ in range(1))
    words = words_of(signals)
    assert words.shape == (1, 4)
    assert words.view(np.uint8).tobytes() == ROW
    assert not words.flags.writeable


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_added_and_found(form: str) -> None:
    index = HammingIndex()
    index.add((ROW for _ in range(1)) if form == "generator" else FORMS[form])
    assert [match.distance for match in index.search(ROW)] == [0]


WRONG = {
    "63 digits": ROW.hex()[:-1],
    "65 digits": ROW.hex() + "0",
    "trailing newline": ROW.hex()[:-1] + "\n",
    "white space inside": ROW.hex()[:-2] + " 0",
    "no hex": "g" * 64,
    "31 bytes": ROW[:-1],
    "33 bytes": ROW + b"0",
    "none": None,
    "number": 7,
    "list of numbers": [1, 2],
    "none in a list": [ROW, None],
    "array of 31 columns": np.zeros((2, 31), np.uint8),
    "array of 3 words": np.zeros((2, 3), np.uint64),
    "three axes": np.zeros((1, 1, 32), np.uint8),
    "floats": np.zeros((2, 32)),
    "booleans": np.zeros((2, 256), np.bool_),
    "signed": np.zeros((2, 32), np.int8),
    "big-endian words": np.zeros((2, 4), ">u8"),
    "flat words": np.zeros(8, np.uint64),
    "a short signal": Signal("pdq", ROW[:16]),
    "a digest": Signal("sha256", ROW),
    "a digest in a list": [Signal("pdq", ROW), Signal("sha256", ROW)],
    "several rows as one": [np.zeros((2, 32), np.uint8)],
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_signal_is_refused_and_nothing_is_added(what: str) -> None:
    index = HammingIndex()
    with pytest.raises(InvalidQuery):
        index.search(WRONG[what])
    with pytest.raises(InvalidQuery):
        index.add(WRONG[what])
    assert len(index) == 0


def test_a_refusal_repeats_no_signal() -> None:
    text = "ab" * 31 + "zz"
    with pytest.raises(InvalidQuery) as refused:
        words_of(text)
    assert "abab" not in str(refused.value)


def test_no_signals_are_no_rows() -> None:
    assert words_of([]).shape == (0, 4)
    assert words_of(np.empty((0, 32), np.uint8)).shape == (0, 4)
    assert octets_of([], 20).shape == (0, 20)
    assert len(HammingIndex().search([])) == 0


def test_changing_the_callers_array_later_changes_nothing_in_the_index() -> None:
    rows = np.zeros((3, 32), np.uint8)
    index = HammingIndex()
    index.add(rows)
    rows[:] = 255
    assert len(index.search(bytes(32))) == 3
    assert rows.flags.writeable


def test_a_perceptual_signal_is_refused_among_digests() -> None:
    with pytest.raises(InvalidQuery):
        DigestIndex(32).add([Signal("pdq", ROW)])
