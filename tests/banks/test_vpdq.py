from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hedgerow.banks.vpdq import (
    about_tmk,
    is_frame_line,
    packed_text,
    read_frame_lines,
    read_video,
    vpdq_json,
    vpdq_lines,
)
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def _hex(number: int) -> str:
    return f"{(number + 1) * 0x9E3779B97F4A7C15:064x}"


def _read(lines: Sequence[str]) -> tuple[FrameList | None, list[tuple[int, str]]]:
    found = list(read_frame_lines(enumerate(lines, 1)))
    lists = [read for _, read in found if isinstance(read, FrameList)]
    return (lists[0] if lists else None), [(number, read) for number, read in found if isinstance(read, str)]


def _video(read: Signal | str) -> FrameList:
    assert isinstance(read, Signal)
    assert read.frames is not None
    assert read.bits == read.frames.digest()
    return read.frames


def _frames(*times_s: float, step: int = 30) -> FrameList:
    count = len(times_s)
    bits = [list(bytes.fromhex(_hex(at))) for at in range(count)]
    return FrameList.of(bits, range(90, 90 + count), range(0, step * count, step), times_s, times_s, times_s[-1] + 1.0)


THREE = _frames(0.0, 1.001, 2.002)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_of_vpdq_s_tool_are_a_list_of_frames() -> None:
    frames, problems = _read([f"{30 * at},{90 + at},{_hex(at)},{at * 1.001:.3f}" for at in range(3)])
    assert problems == []
    assert frames is not None
    assert frames.bits.tobytes().hex() == "".join(_hex(at) for at in range(3))
    assert (frames.qualities.tolist(), frames.numbers.tolist()) == ([90, 91, 92], [0, 30, 60])
    assert frames.times_s.tolist() == frames.until_s.tolist() == [0.0, 1.001, 2.002]
    assert frames.duration_s == pytest.approx(3.003)


@pytest.mark.parametrize(
    "line",
    [
        "{n},{q},{h},{t}",
        "{q},{n},{h},{t}",
        "{h},{q},{t}",
        "{h},{t},{q}",
        "{n},{h},{q},{t}",
        "{q},{h},{t}",
        "{n}, {q}, {h}, {t}",
    ],
)
def test_columns_are_told_by_what_they_hold(line: str) -> None:
    lines = [line.format(n=15 * at, q=100 - at % 3, h=_hex(at), t=f"{at * 0.5:.3f}") for at in range(20)]
    frames, problems = _read(lines)
    assert problems == []
    assert frames is not None
    assert frames.qualities.tolist() == [100 - at % 3 for at in range(20)]
    assert frames.times_s.tolist() == [at * 0.5 for at in range(20)]


def test_a_quality_of_100_and_a_time_in_whole_seconds_are_not_mixed_up() -> None:
    frames, _ = _read([f"{_hex(at)},{at},100" for at in range(4)])
    assert frames is not None
    assert (frames.times_s.tolist(), frames.qualities.tolist()) == ([0, 1, 2, 3], [100] * 4)


def test_a_header_says_which_column_is_which() -> None:
    header = "timestamp,hash,frame,quality"
    assert is_frame_line(header)
    frames, problems = _read([header, *(f"{at}.0,{_hex(at)},{at},{at}" for at in range(3))])
    assert problems == []
    assert frames is not None
    assert frames.qualities.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"60,101,{_hex(2)},2.0", "its quality is no whole number from 0 to 100"),
        (f"60,100,{_hex(2)[1:]},2.0", "its hash has not 64 hex digits"),
        (f"60,100,{_hex(2)}", "it has not the 4 cells that a frame has"),
        (f"60,100,{_hex(2)},soon", "its time is no number of seconds"),
        (f"60,100,{_hex(2)},1e300", "its time is no number of seconds"),
        (f"60,100,{_hex(2)},0.5", "its time is before that of the frame above it"),
        (f"x,100,{_hex(2)},2.0", "its frame number is none"),
        (f"60,-1,{_hex(2)},2.0", "its quality is no whole number from 0 to 100"),
    ],
)
def test_a_line_that_is_no_frame_is_reported_and_the_others_are_the_list(line: str, reason: str) -> None:
    good = [f"{30 * at},100,{_hex(at)},{at}.000" for at in range(4)]
    frames, problems = _read([*good[:2], line, *good[2:]])
    assert problems == [(3, reason)]
    assert frames is not None
    assert len(frames) == 4


def test_lines_of_which_none_is_a_frame_are_all_reported() -> None:
    frames, problems = _read(["a,b", "c,d"])
    assert frames is None
    assert [number for number, _ in problems] == [1, 2]
    assert _read([]) == (None, [])


@given(st.text("0123456789abcdef,.eE-+ n", max_size=90), st.text("0123456789,. e", max_size=20))
@example("1,1," + "a" * 64 + ",1", "")
def test_no_line_breaks_the_reader(line: str, other: str) -> None:
    frames, problems = _read([line, other, f"0,100,{_hex(0)},0.0"])
    assert len(problems) + (0 if frames is None else len(frames)) <= 3


@given(
    st.lists(
        st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 100), st.integers(0, 5_000)),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_as_text_or_json_reads_back(rows: list[tuple[bytes, int, int]]) -> None:
    times = np.cumsum([step for _, _, step in rows]) / 1000
    bits = [list(value) for value, _, _ in rows]
    frames = FrameList.of(bits, [quality for _, quality, _ in rows], range(len(rows)), times, times, float(times[-1]))
    again, problems = _read([line.rstrip("\n") for line in vpdq_lines(frames)])
    assert problems == []
    assert again is not None
    for read in (again, _video(read_video(None, json.loads(vpdq_json(frames))))):
        assert read.bits.tolist() == frames.bits.tolist()
        assert read.qualities.tolist() == frames.qualities.tolist()
        assert read.times_s.tolist() == frames.times_s.tolist()


@pytest.mark.shared
def test_every_published_list_is_read_whole(shared_data: Path) -> None:
    lists = sorted((shared_data / "reference/threatexchange/vpdq/sample-hashes").glob("*.txt"))
    assert lists
    for path in lists:
        lines = path.read_text().split("\n")[:-1]
        frames, problems = _read(lines)
        assert problems == []
        assert frames is not None
        assert [line.rstrip("\n") for line in vpdq_lines(frames)] == lines


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spelling", ["{h},{q},{t:.3}", "{h},{t:.3},{q}"])
def test_a_list_of_python_threatexchange_is_read_in_either_order(spelling: str) -> None:
    frames = _video(read_video([spelling.format(h=_hex(at), q=100, t=float(at)) for at in range(12)]))
    assert frames.times_s.tolist() == list(range(12))
    assert frames.qualities.tolist() == [100] * 12


def test_times_of_three_digits_are_restored_where_the_step_is_steady() -> None:
    times = [at * 1.001 for at in range(1_500)]
    frames = _video(read_video([f"{_hex(at)},100,{time:.3}" for at, time in enumerate(times)]))
    assert np.abs(frames.times_s - times).max() < 1.0
    assert len(set(frames.times_s.tolist())) == len(times)


def test_times_of_three_digits_stay_as_they_are_where_the_step_is_not_steady() -> None:
    times = [0.0, 1.0, 2.0, 700.0, 1234.5]
    frames = _video(read_video([f"{_hex(at)},100,{time:.3}" for at, time in enumerate(times)]))
    assert frames.times_s.tolist() == [0.0, 1.0, 2.0, 700.0, 1230.0]


def test_frames_may_be_objects() -> None:
    objects = [{"frame": 30 * at, "quality": 90, "hash": _hex(at), "time_s": at / 2, "other": None} for at in range(3)]
    assert _video(read_video(None, objects)).times_s.tolist() == [0.0, 0.5, 1.0]


def test_the_packed_text_loses_nothing_and_agrees_with_the_digest() -> None:
    assert _video(read_video(THREE.digest().hex(), packed_text(THREE))) == THREE
    assert _video(read_video(packed_text(THREE))) == THREE
    assert read_video("0" * 64, packed_text(THREE)) == "its value is not the digest of its frames"


@pytest.mark.parametrize(
    ("value", "frames", "reason"),
    [
        ("0" * 64, None, "a vpdq signal without frames"),
        (None, "", "a vpdq signal without frames"),
        (None, [], "its frames are no list"),
        (None, {}, "its frames are no list"),
        (None, "[", "its frames are no JSON"),
        (None, "[" * 100_000, "its frames are no JSON"),
        (None, "AAAA", "its frames are no packed list"),
        ("no base64!", None, "its frames are no packed list"),
        (None, [None], "one of its frames is none"),
        (None, [[{}]], "one of its frames is none"),
        (None, ["x"], "one of its frames is none: it is no frame of a video"),
        (
            None,
            [f"{_hex(0)},100,0.0", f"{_hex(1)},200,1.0"],
            "one of its frames is none: its quality is no whole number from 0 to 100",
        ),
    ],
)
def test_what_is_no_list_of_frames_is_told_why(value: object, frames: object, reason: str) -> None:
    assert read_video(value, frames) == reason


# ── TMK ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tmk_signal_is_recognised_and_not_taken() -> None:
    head = b"TMK1FVECPDQF" + struct.pack("<5i", 15, 4, 32, 256, 300)
    assert "20 seconds" in about_tmk(head + bytes(263_344 - len(head)))
    assert "has not its 263,344 bytes" in about_tmk(head)
    assert "0 seconds" in about_tmk(b"TMK1FVECPDQF" + bytes(263_332))


@pytest.mark.shared
def test_published_tmk_signals_are_recognised(shared_data: Path) -> None:
    paths = sorted((shared_data / "reference/threatexchange/tmk/sample-hashes").glob("*.tmk"))
    assert paths
    assert all("ask whoever made it" in about_tmk(path.read_bytes()) for path in paths)
