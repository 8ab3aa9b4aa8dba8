"""Results and headers for the tests of reports."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from hedgerow.banks.model import Match
from hedgerow.hashing import Unchecked
from hedgerow.hashing.caution import Caution
from hedgerow.matching.segments import Segment
from hedgerow.media import MediaInfo
from hedgerow.scanning.model import FileResult, ScanStatistics, ThroughputSample
from hedgerow.scanning.report import BankLine, ReportHeader

__all__: list[str] = []

CLIP = Match(
    "clips & more",
    12,
    "vpdq",
    9,
    "letterbox trimmed, mirrored",
    "A2",
    "exchange:example",
    segments=(
        Segment(300.0, 330.0, 90.0, 120.0, 30, 15.1, 1.1),
        Segment(62.0, 72.5, 0.0, 10.0, 10, 8.74, 1.0),
    ),
    known_share=0.3333,
    query_share=0.045,
    false_match_probability=2.6e-8,
    known_duration_s=120.0,
)

JPEG = MediaInfo("image/jpeg", 640, 480)

HOSTILE = "<script>alert(1)</script>\"'&\n\u202egpj.exe\udcff//evil.example/x.jpg"


@pytest.fixture
def results() -> list[FileResult]:
    """Give one result of each kind, with hostile names."""
    return [
        FileResult("photos/a.jpg", None, JPEG, is_seen=True),
        FileResult(
            "photos/b.jpg",
            None,
            JPEG,
            (
                Match("known", 7, "pdq", 4, "mirrored", "A1", "exchange:example", false_match_probability=0.0003),
                Match("other & more", 8, "md5", 0, "as is", None, "person"),
            ),
            is_seen=True,
        ),
        FileResult(HOSTILE, None, None, unchecked=Unchecked("damaged", "The picture is damaged: <b>bad</b>.")),
        FileResult(
            "=cmd|' /C calc'!A0", None, JPEG, (Match("known", 7, "pdq", 31, "as is", "=1+1", "@x"),), is_seen=True
        ),
        FileResult(
            "box.zip",
            "in/side.gif",
            MediaInfo("image/gif", 64, 64, 900),
            is_seen=True,
            unchecked=Unchecked("frame_limit", "Only the first 256 frames were hashed."),
        ),
        FileResult(
            "films/long.mp4", None, MediaInfo("video/mp4", 1280, 720, 21_000, duration_s=845.0), (CLIP,), is_seen=True
        ),
        FileResult(
            "plain.png", None, MediaInfo("image/png", 9, 9), is_seen=True, caution=Caution("low_quality", "Too plain.")
        ),
    ]


@pytest.fixture
def header(results: list[FileResult]) -> ReportHeader:
    """Give a header whose counts are those of `results`."""
    statistics = ScanStatistics(files=7, size_bytes=6_000, duration_s=12.5, links_skipped=2)
    for result in results:
        statistics.count(result)
    statistics.samples = [ThroughputSample(2.0, 1), ThroughputSample(6.0, 4), ThroughputSample(12.5, 7)]
    assert statistics.unchecked == Counter(damaged=1, frame_limit=1)
    return ReportHeader(
        ("photos", "box <1>.zip"),
        datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        "0.1.0",
        (BankLine("known", 31, 12_345), BankLine("other & more", 20, 1)),
        statistics,
    )
