from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidRequest
from hedgerow.web.api.paging import LARGEST_ID, paged, read_cursor, write_cursor


@given(st.integers(0, LARGEST_ID), st.text().filter(lambda text: "\0" not in text))
def test_what_was_written_is_read_back(number: int, text: str) -> None:
    assert read_cursor(write_cursor(number, text), int, str) == (number, text)


@given(st.text())
def test_anything_else_is_refused_and_never_a_failure(text: str) -> None:
    try:
        found = read_cursor(text, int)
    except InvalidRequest:
        return
    assert isinstance(found[0], int)


@pytest.mark.parametrize("parts", [(-1,), (2**63,), ("1",), (True,), (1, 2), (), (None,), (1.5,)])
def test_a_cursor_of_another_list_is_refused(parts: tuple[object, ...]) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(write_cursor(*parts), int)


def test_the_last_page_has_no_next() -> None:
    assert paged([1, 2, 3], 3, lambda item: (item,)) == {"items": [1, 2, 3], "next": None}
    assert paged([1, 2, 3], 2, lambda item: (item,)) == {"items": [1, 2], "next": write_cursor(2)}
