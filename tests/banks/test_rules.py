from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.banks.model import Attributes, Bank
from hedgerow.banks.rules import (
    MOST_FRAMES,
    check_bank_name,
    check_level,
    check_minimum_quality,
    check_threshold,
    highest_level,
    is_looked_up,
    why_attributes_are_refused,
    why_signal_is_refused,
)
from hedgerow.errors import InvalidBankName, InvalidThreshold, SettingsError
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES, Level, Signal

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_BANK = Bank(1, "a", 31, 50, is_enabled=True, created_at=_NOW)
_SOUND = bytes(range(32))


@given(st.text(max_size=120) | st.from_regex(r"[A-Za-z0-9._-]{0,110}", fullmatch=True))
def test_a_bank_s_name_is_up_to_100_safe_characters_that_begin_with_a_letter_or_digit(name: str) -> None:
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    is_name = 1 <= len(name) <= 100 and set(name) <= safe and name[0] not in "._-"
    if is_name:
        assert check_bank_name(name) == name
    else:
        with pytest.raises(InvalidBankName):
            check_bank_name(name)


@pytest.mark.parametrize("name", ["a\n", "é", "٣", "..", "a/b", "a b", "", "-x", "A" * 101])
def test_a_name_that_could_hurt_a_path_or_a_shell_is_refused(name: str) -> None:
    with pytest.raises(InvalidBankName):
        check_bank_name(name)


@given(st.integers(-200, 300))
def test_thresholds_and_qualities_have_a_range(number: int) -> None:
    if 0 <= number <= 64:
        assert check_threshold(number) == number
    else:
        with pytest.raises(InvalidThreshold):
            check_threshold(number)
    if 0 <= number <= 100:
        assert check_minimum_quality(number) == number
    else:
        with pytest.raises(SettingsError):
            check_minimum_quality(number)


@pytest.mark.parametrize("value", [True, 3.0, "3", None])
def test_what_is_no_whole_number_is_no_threshold(value: object) -> None:
    with pytest.raises(InvalidThreshold):
        check_threshold(value)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(SettingsError):
        check_minimum_quality(value)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("name", sorted(set(SIGNAL_TYPES) - {"vpdq"}))
def test_a_signal_of_zeros_or_ones_is_refused(name: str) -> None:
    size = SIGNAL_TYPES[name].size_bytes
    assert why_signal_is_refused(Signal(name, bytes(size)), 0) == "all bits are zero"
    assert why_signal_is_refused(Signal(name, b"\xff" * size), 0) == "all bits are one"
    assert why_signal_is_refused(Signal(name, b"\x01" * size), 0) is None


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_the_digest_of_an_empty_file_is_refused(name: str) -> None:
    empty = hashlib.new(name, b"").digest()
    assert why_signal_is_refused(Signal(name, empty), 50) == "the digest of an empty file"


@given(st.none() | st.integers(0, 100), st.integers(0, 100))
def test_a_stated_quality_below_the_minimum_is_refused_and_an_unstated_one_trusted(
    quality: int | None, minimum: int
) -> None:
    reason = why_signal_is_refused(Signal("pdq", _SOUND, quality), minimum)
    assert (reason is not None) == (quality is not None and quality < minimum)


def test_the_quality_of_a_digest_does_not_matter() -> None:
    assert why_signal_is_refused(Signal("sha256", _SOUND, 3), 50) is None


@pytest.mark.parametrize(
    "signal",
    [
        Signal("pdq", _SOUND[:31]),
        Signal("photodna", _SOUND),
        Signal("pdq", _SOUND, 101),
        Signal("pdq", _SOUND, -1),
        Signal("pdq", _SOUND, variant="v" * 201),
        Signal("pdq", _SOUND, made_by="m" * 101),
    ],
)
def test_a_signal_that_is_none_is_refused(signal: Signal) -> None:
    assert why_signal_is_refused(signal, 0)


@given(st.text(max_size=40))
def test_what_is_said_may_be_any_text_but_control_characters(text: str) -> None:
    reason = why_attributes_are_refused(Attributes(note=text), _NOW)
    bad = re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", text)
    assert (reason is not None) == (bad is not None)


@pytest.mark.parametrize(
    ("name", "width"),
    [("provenance", 100), ("contributor", 200), ("external_id", 200), ("category", 100), ("note", 4000)],
)
def test_what_is_said_fits_its_column(name: str, width: int) -> None:
    assert why_attributes_are_refused(replace(Attributes(), **{name: "x" * width}), _NOW) is None
    assert why_attributes_are_refused(replace(Attributes(), **{name: "x" * (width + 1)}), _NOW)


def test_half_a_surrogate_pair_is_refused() -> None:
    assert why_attributes_are_refused(Attributes(note="a\ud800"), _NOW)


def test_a_signal_has_a_provenance() -> None:
    assert why_attributes_are_refused(Attributes(provenance=""), _NOW)


def test_nothing_was_added_in_the_future() -> None:
    assert why_attributes_are_refused(Attributes(added_at=_NOW), _NOW) is None
    assert why_attributes_are_refused(Attributes(added_at=_NOW + timedelta(seconds=1)), _NOW)


def test_an_empty_text_says_nothing() -> None:
    assert Attributes(category="", note="", external_id="", contributor="") == Attributes()


@given(st.none() | st.integers(0, 100), st.integers(0, 100))
def test_a_picture_below_the_bank_s_minimum_quality_is_not_looked_up(quality: int | None, minimum: int) -> None:
    bank = replace(_BANK, minimum_quality=minimum)
    assert is_looked_up(Signal("pdq", _SOUND, quality), bank) == (quality is None or quality >= minimum)
    assert is_looked_up(Signal("sha256", _SOUND, quality), bank)


@pytest.mark.parametrize("bank_level", LEVELS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_variant_is_looked_up_where_the_bank_s_level_includes_its_own(level: Level, bank_level: Level) -> None:
    bank = replace(_BANK, level=bank_level)
    assert is_looked_up(Signal("pdq", _SOUND, level=level), bank) == (LEVELS.index(level) <= LEVELS.index(bank_level))


def test_the_highest_level_includes_all() -> None:
    assert highest_level([]) == "exact"
    assert highest_level(["standard", "thorough", "exact"]) == "thorough"


def test_a_level_is_one_of_three() -> None:
    assert [check_level(level) for level in LEVELS] == ["exact", "standard", "thorough"]
    with pytest.raises(SettingsError):
        check_level("Standard")


def _video(qualities: list[int], times: list[float] | None = None, number: int = 1) -> Signal:
    count = len(qualities)
    bits = [[number, *range(31)]] * count
    times = times or [float(at) for at in range(count)]
    frames = FrameList.of(bits, qualities, range(count), times, times, 9.0)
    return Signal("vpdq", frames.digest(), frames=frames)


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (_video([100, 20]), None),
        (_video([49, 20]), "none of its frames has the bank's minimum quality of 50"),
        (_video([]), "a vpdq signal without frames"),
        (Signal("vpdq", _SOUND), "a vpdq signal without frames"),
        (replace(_video([100]), bits=_SOUND), "its bits are not the digest of its frames"),
        (_video([100, 101]), "the quality of a frame is not between 0 and 100"),
        (_video([100, 100], [2.0, 1.0]), "its frames are not in the order of their times"),
        (_video([100] * (MOST_FRAMES + 1)), "it has more than 1,048,576 frames"),
    ],
)
def test_a_video_is_taken_with_frames_of_which_one_is_usable(signal: Signal, reason: str | None) -> None:
    assert why_signal_is_refused(signal, 50) == reason


def test_a_video_without_its_frames_is_not_looked_up() -> None:
    assert is_looked_up(_video([100]), _BANK)
    assert not is_looked_up(replace(_video([100]), frames=None), _BANK)


def test_a_signal_of_an_unknown_type_or_length_is_not_looked_up() -> None:
    assert not is_looked_up(Signal("photodna", _SOUND), _BANK)
    assert not is_looked_up(Signal("pdq", b"short"), _BANK)
