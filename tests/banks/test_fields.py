from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.banks.fields import FIELDS, RowReader, field_named, read_value, type_named
from hedgerow.banks.model import Attributes, NewEntry
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

_PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def _read(row: dict[str, object], signal_type: str | None = None) -> list[NewEntry | str]:
    return list(RowReader(Attributes(provenance="import"), signal_type).read(row))


def _sole(row: dict[str, object]) -> NewEntry:
    [new] = _read(row)
    assert isinstance(new, NewEntry)
    return new


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_goes_by_its_own_name_in_any_spelling(name: str) -> None:
    assert field_named(name) == field_named(name.upper()) == field_named(name.replace("_", " ").title()) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("PDQ", "pdq"), ("SHA-1", "sha1"), ("Sha 256", "sha256"), ("video_md5", "md5"), ("hash", None), ("tlsh", None)],
)
def test_signal_types_are_known_in_their_usual_spellings(name: str, expected: str | None) -> None:
    assert type_named(name) == expected


@given(st.sampled_from(sorted(set(SIGNAL_TYPES) - {"vpdq"})), st.data())
def test_hex_digits_of_either_case_are_the_signal(name: str, data: st.DataObject) -> None:
    size = SIGNAL_TYPES[name].size_bytes
    bits = data.draw(st.binary(min_size=size, max_size=size))
    assert read_value(bits.hex(), name) == read_value(bits.hex().upper(), name) == Signal(name, bits)


@given(st.text(max_size=70) | st.text("0123456789abcdefABCDEF \t\n٣é", min_size=30, max_size=66))
def test_a_value_is_read_exactly_when_it_is_hex_digits_of_the_right_number(text: str) -> None:
    read = read_value(text, None)
    is_value = len(text) in {32, 40, 64} and set(text) <= set("0123456789abcdefABCDEF")
    assert isinstance(read, Signal) == is_value
    if isinstance(read, Signal):
        assert read.value == text.lower()


@pytest.mark.parametrize("trailing", [" ", "\n", "\r", "x", "0", " # a picture", "\u00a0"])
def test_anything_after_the_digits_is_refused_as_trailing(trailing: str) -> None:
    reason = read_value(_PDQ + trailing, "pdq")
    assert isinstance(reason, str)
    assert reason.startswith("trailing characters")
    assert _PDQ not in reason


def test_white_space_among_the_digits_is_refused() -> None:
    assert isinstance(read_value(_PDQ[:30] + "  " + _PDQ[32:], "pdq"), str)


def test_a_row_may_hold_several_signals_and_the_quality_is_the_picture_s() -> None:
    results = _read({"pdq": _PDQ, "md5": "ab" * 16, "sha1": "", "sha256": None, "quality": "77"})
    signals = [result.signal for result in results if isinstance(result, NewEntry)]
    assert signals == [Signal("pdq", bytes.fromhex(_PDQ), 77), Signal("md5", b"\xab" * 16)]


def test_one_bad_signal_of_a_row_does_not_hide_the_other() -> None:
    good, bad = _read({"pdq": _PDQ, "md5": "ab"})
    assert isinstance(good, NewEntry)
    assert isinstance(bad, str)


def test_a_row_without_a_signal_says_so() -> None:
    assert _read({"note": "x", "pdq": ""}) == ["it holds no signal"]


@pytest.mark.parametrize(
    ("text", "quality"),
    [("0", 0), ("100", 100), (" 87 ", 87), ("87.0", 87), (87, 87), (87.0, 87), ("", None), (None, None)],
)
def test_a_quality_is_read_as_people_and_programs_write_it(text: object, quality: int | None) -> None:
    assert _sole({"pdq": _PDQ, "quality": text}).signal.quality == quality


@pytest.mark.parametrize("text", ["101", "-1", "87.5", "high", "٣", True, [1], float("nan"), 1e300, "1" * 5000])
def test_a_quality_that_is_none_refuses_its_row(text: object) -> None:
    assert _read({"pdq": _PDQ, "quality": text}) == ["its quality is no whole number from 0 to 100"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("TRUE", True), ("1", True), (1, True), (True, True), ("no", False), (0, False)],
)
def test_booleans_may_be_written_as_text(text: object, expected: bool) -> None:
    assert _sole({"pdq": _PDQ, "may_be_redistributed": text}).attributes.may_be_redistributed is expected


def test_a_boolean_that_is_neither_refuses_its_row() -> None:
    assert _read({"pdq": _PDQ, "may_be_redistributed": "perhaps"}) == [
        "its may_be_redistributed is neither true nor false"
    ]


@pytest.mark.parametrize("said", ["true", True, "2026-01-01", 1, "who knows"])
def test_what_its_source_has_withdrawn_is_not_taken(said: object) -> None:
    assert _read({"pdq": _PDQ, "withdrawn": said}) == ["its source has withdrawn it"]


@pytest.mark.parametrize("said", ["false", False, "", None, 0])
def test_what_its_source_has_not_withdrawn_is_taken(said: object) -> None:
    assert _sole({"pdq": _PDQ, "withdrawn": said}).signal.type == "pdq"


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", "20", 7])
def test_a_time_must_be_iso_8601_with_a_zone(text: object) -> None:
    [reason] = _read({"pdq": _PDQ, "added_at": text})
    assert isinstance(reason, str)


def test_a_type_beside_a_value_decides_over_its_length() -> None:
    assert _sole({"value": _PDQ, "type": "SHA-256"}).signal.type == "sha256"
    assert _sole({"value": _PDQ}).signal.type == "pdq"
    [new] = _read({"value": _PDQ}, "sha256")
    assert isinstance(new, NewEntry)
    assert new.signal.type == "sha256"


def test_a_number_may_be_a_text_but_a_table_may_not() -> None:
    assert _sole({"pdq": _PDQ, "external_id": 12}).attributes.external_id == "12"
    assert _read({"pdq": _PDQ, "note": {"a": 1}}) == ["its note is no text"]
    assert _read({"value": 12}) == ["its value is no text"]
    assert _read({"pdq": _PDQ, "variant": 1}) == ["its variant or made_by is no text"]


def test_what_a_row_does_not_say_holds_from_the_import() -> None:
    defaults = Attributes("exchange:x", category="A", may_be_redistributed=True)
    reader = RowReader(defaults, None)
    [new] = reader.read({"pdq": _PDQ, "category": "B"})
    assert isinstance(new, NewEntry)
    assert new.attributes == Attributes("exchange:x", category="B", may_be_redistributed=True)
    [again] = reader.read({"pdq": _PDQ})
    assert isinstance(again, NewEntry)
    assert again.attributes == defaults


@given(
    st.dictionaries(
        st.sampled_from(FIELDS), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(_PDQ)
    )
)
def test_any_row_is_an_entry_or_a_reason_without_its_content(row: dict[str, object]) -> None:
    for result in _read(row):
        assert isinstance(result, NewEntry) or _PDQ not in result
