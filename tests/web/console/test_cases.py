"""A case before a real browser: everything on one screen, and on a narrow one nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import picture

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module", autouse=True)
def _known(house: Any) -> None:
    house.know(picture(1), picture(2), picture(3))


@pytest.mark.parametrize("seeds", [(1, 1, 1, 1, 1), (1, 2, 3)], ids=["copies", "parts"])
def test_a_case_stands_on_one_screen_without_scrolling(
    house: Any, visit: Callable[..., Any], seeds: tuple[int, ...]
) -> None:
    for seed in seeds:
        house.screen(picture(seed), account=f"one-screen {len(seeds)}")
    with visit("rey") as page:
        page.keyboard.press("n")
        page.wait_for_url("**/cases/2*")
        size = "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
        assert page.evaluate(size) == [800, 1280]
        assert page.get_by_role("button", name="Record and go on").is_visible()
        box = page.get_by_role("button", name="Record and go on").bounding_box()
        assert box["y"] + box["height"] <= 800
        for width in (640, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1280, "height": 800})
        page.keyboard.press("x")
        page.wait_for_url("**/cases?note=released")
