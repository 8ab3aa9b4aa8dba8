from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidContent
from hedgerow.hma.model import HeldBy
from hedgerow.hma.rules import (
    FARTHEST_DISABLE_S,
    check_disable_until,
    check_metadata,
    check_name,
    check_note,
    check_ratio,
    draw,
    is_disabled,
    told_of,
)

__all__: list[str] = []

NOW_S = 1_800_000_000


@pytest.mark.parametrize("name", ["A", "TEST_BANK", "X1", "A" * 100])
def test_names_as_hma_s_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "1X", "A B", "A\n", "Ä", "A" * 101, "_A"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidContent, match="Bank names must"):
        check_name(name)


@given(st.floats())
def test_a_ratio_is_between_0_and_1(ratio: float) -> None:
    if math.isfinite(ratio) and 0 <= ratio <= 1:
        assert check_ratio(ratio) == ratio
    else:
        with pytest.raises(InvalidContent):
            check_ratio(ratio)


@pytest.mark.parametrize("value", [0, 1, "0", "12", NOW_S + FARTHEST_DISABLE_S - 1])
def test_a_time_until_which_something_is_disabled(value: Any) -> None:
    assert check_disable_until(value, NOW_S) == int(value)


@pytest.mark.parametrize("value", [-1, "-1", None, True, 1.5, [], NOW_S + FARTHEST_DISABLE_S, "9" * 40, "１２", "1\n"])
def test_what_is_no_such_time(value: Any) -> None:
    with pytest.raises(InvalidContent):
        check_disable_until(value, NOW_S)


@pytest.mark.parametrize("note", [5, "x" * 256, "\0", "\ud800"])
def test_what_is_no_note(note: Any) -> None:
    with pytest.raises(InvalidContent):
        check_note(note)


@pytest.mark.parametrize(
    "metadata",
    [
        [1],
        "x",
        {"nope": 1},
        {"content_id": 5},
        {"json": []},
        {"content_id": "\0"},
        {"json": {"a": "\0"}},
        {"json": {"a": "x" * 70_000}},
    ],
)
def test_what_is_no_metadata(metadata: Any) -> None:
    with pytest.raises(InvalidContent):
        check_metadata(metadata)


def test_the_same_seed_draws_the_same_and_it_is_python_s_own() -> None:
    import random  # noqa: PLC0415  (only here)

    assert draw("1234", is_bypassed=False) == random.Random("1234").random()  # noqa: S311  (no secret)
    assert 0 <= draw(None, is_bypassed=False) < 1


@given(st.integers(min_value=0, max_value=2 * NOW_S), st.integers(min_value=2, max_value=2 * NOW_S))
def test_a_content_is_disabled_at_0_for_ever_at_1_never_else_until_then(now_s: int, until: int) -> None:
    assert is_disabled(0, now_s)
    assert not is_disabled(1, now_s)
    assert is_disabled(until, now_s) == (now_s < until)


held = st.builds(
    HeldBy,
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(1, 3),
    st.sampled_from([0, 1, 1, 1, NOW_S - 1, NOW_S + 1]),
    st.sampled_from([0.0, 0.5, 1.0]),
)


@given(
    st.lists(st.tuples(held, st.integers(0, 31))),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.one_of(st.none(), st.sets(st.integers(1, 3))),
)
def test_a_client_is_told_of_each_content_once_at_its_least_distance(
    found: list[tuple[HeldBy, int]], drawn: float, banks: set[int] | None
) -> None:
    told = told_of([(each, distance, str(distance)) for each, distance in found], now_s=NOW_S, drawn=drawn, banks=banks)
    may = [
        (each.content, distance)
        for each, distance in found
        if each.content is not None
        and each.disable_until_ts not in {0, NOW_S + 1}
        and each.enabled_ratio >= drawn
        and (banks is None or each.bank_id in banks)
    ]
    least = {content: min(distance for other, distance in may if other == content) for content, _ in may}
    assert [(each.content, distance) for distance, each, _ in told] == sorted(
        least.items(), key=lambda pair: (pair[1], pair[0])
    )
