from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.matching.segments import Segment
from hedgerow.scanning.timeline import segment_rows, segment_timeline

LEFT, RIGHT, NARROWEST = 40.0, 720.0, 3.0


def _segment(query: tuple[float, float], known: tuple[float, float]) -> Segment:
    return Segment(*query, *known, 3, 4.5, 1.0)


def _parts(svg: str) -> list[tuple[float, float]]:
    """Give the left and right end of every stretch drawn, above and below in turn."""
    found = ET.fromstring(svg).iter("rect")  # noqa: S314  (our own drawing)
    places = [(float(each.get("x", "")), float(each.get("width", ""))) for each in found if each.get("class") == "part"]
    return [(left, left + width) for left, width in places]


def test_each_track_has_its_own_scale() -> None:
    svg = segment_timeline("c", [_segment((50, 100), (0, 5))], 100.0, 10.0)
    assert _parts(svg) == [(380.0, 720.0), (40.0, 380.0)]


def test_a_moment_of_a_long_film_is_drawn_wide_enough_to_be_seen() -> None:
    svg = segment_timeline("c", [_segment((7199, 7200), (0, 1))], 7200.0, 1.0)
    (left, right), _ = _parts(svg)
    assert right - left == pytest.approx(NARROWEST)
    assert right <= RIGHT + 0.1


times = st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)).map(lambda each: (min(each), max(each)))
segments = st.lists(st.builds(_segment, times, times), min_size=1, max_size=50)


@given(segments, st.floats(0, 1e9), st.floats(0, 1e9))
def test_whatever_the_lengths_claim_the_drawing_is_well_formed_and_within_its_tracks(
    found: list[Segment], query_s: float, known_s: float
) -> None:
    svg = segment_timeline("c", found, query_s, known_s)
    for left, right in _parts(svg):
        assert LEFT - 0.1 <= left < right <= RIGHT + 0.1
    assert svg.count('class="tick"') <= 30
    assert len(segment_rows(found)) == len(found)


def test_it_has_a_title_a_description_and_ids_of_its_own() -> None:
    svg = segment_timeline("clip-7", [_segment((62, 72), (0, 10))], 100.0, 10.0)
    root = ET.fromstring(svg)  # noqa: S314  (our own drawing)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "clip-7-title clip-7-desc"
    described = root.find("desc")
    assert described is not None
    assert described.text == (
        "1: 1:02 to 1:12 of this file is 0:00 to 0:10 of the known clip. The table below holds the same figures."
    )


def test_every_stretch_that_has_room_is_numbered_and_no_number_covers_another() -> None:
    crossing = [_segment((10 * at, 10 * at + 9), (90 - 10 * at, 99 - 10 * at)) for at in range(10)]
    svg = segment_timeline("c", crossing, 100.0, 100.0)
    discs = re.findall(r'class="disc" cx="([\d.]+)" cy="([\d.]+)"', svg)
    places = [complex(float(x), float(y)) for x, y in discs]
    assert len(places) >= 3
    assert all(abs(one - other) >= 23.9 for at, one in enumerate(places) for other in places[:at])


def test_of_very_many_stretches_the_longest_are_drawn_and_the_description_says_so() -> None:
    many = [_segment((at, at + 0.5 + at / 1000), (at, at + 0.5)) for at in range(100)]
    svg = segment_timeline("c", many, 100.0, 100.0)
    assert len(_parts(svg)) == 80
    assert "97 more stretches. The 40 longest are drawn." in svg
    assert 'class="mark"' in svg
    assert len(segment_rows(many)) == 100
