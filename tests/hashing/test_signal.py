from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidSignal, UnknownSignalType
from hedgerow.hashing import SIGNAL_TYPES, HashOptions, Signal, signal_type


@given(st.sampled_from(sorted(SIGNAL_TYPES)), st.data())
def test_a_signal_survives_its_text_in_either_case(name: str, data: st.DataObject) -> None:
    size = SIGNAL_TYPES[name].size_bytes
    bits = data.draw(st.binary(min_size=size, max_size=size))
    text = bits.hex()
    assert Signal.from_text(name, text).bits == bits
    assert Signal.from_text(name, text.upper()).bits == bits


@pytest.mark.parametrize("spoiled", ["{}\n", " {}", "{} ", "0x{}", "{}0", ""])
def test_anything_but_the_hex_digits_is_refused(spoiled: str) -> None:
    with pytest.raises(InvalidSignal):
        Signal.from_text("md5", spoiled.format("0" * 32))


@pytest.mark.parametrize("spoiled", ["g" + "0" * 31, "0" * 30 + " 0", "0" * 31 + "\n", "0" * 31 + "٣"])
def test_characters_that_are_no_hex_digits_are_refused_at_the_right_length(spoiled: str) -> None:
    with pytest.raises(InvalidSignal):
        Signal.from_text("md5", spoiled)


def test_an_error_about_a_signal_does_not_repeat_it() -> None:
    with pytest.raises(InvalidSignal) as caught:
        Signal.from_text("md5", "secretsecret")
    assert "secret" not in str(caught.value)


def test_unknown_types_are_refused_by_name() -> None:
    with pytest.raises(UnknownSignalType, match="photodna"):
        signal_type("photodna")
    with pytest.raises(UnknownSignalType):
        HashOptions(types=("pdq", "photodna"))
