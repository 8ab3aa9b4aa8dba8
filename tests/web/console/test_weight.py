"""What a page weighs without media, and that nothing on it moves while it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.console.conftest import House

MOST_BYTES = 120_000
TILES = 12

# Runs before anything of a page: whatever moves is written down, with what it was.
WATCH = """
window.moved = [];
new PerformanceObserver((list) => {
  for (const each of list.getEntries())
    for (const { node, previousRect: a, currentRect: b } of each.sources)
      window.moved.push(`${a.x},${a.y} to ${b.x},${b.y}: ${node && (node.outerHTML || node.data)}`.slice(0, 200));
}).observe({ type: "layout-shift", buffered: true });
"""
# What was painted is reported a frame later.
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
WEIGHT = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((each) => !new URL(each.name).pathname.startsWith("/media/"))
  .map((each) => [each.name, each.decodedBodySize])
"""
PATHS = (
    "/", "/cases", "/cases?queue=near", "/banks", "/banks/known", "/banks/known/entries/1", "/banks/known/threshold",
    "/banks/known/add", "/banks/known/import", "/reports", "/filing", "/evidence", "/evidence/1", "/deliveries",
    "/exchanges", "/sharing", "/shield", "/lookbacks", "/team", "/team/people", "/team/working", "/team/quality",
    "/team/exposure", "/insight", "/audit", "/audit/verify", "/audit/1", "/account", "/account/keys",
    "/account/exposure",
)  # fmt: skip


@pytest.fixture(scope="module")
def case(house: House) -> str:
    """Give the number of a case with as many tiles as a page shows, with texts, and with decisions to be made."""
    known = [picture(seed, 320, 240) for seed in range(1, TILES + 1)]
    house.know(*known)
    found = [house.screen(each, text_context="What was said beside it.") for each in known]
    return str(found[-1]["case"]["number"])


@pytest.fixture(scope="module")
def page(house: House, visit: Callable[..., Any], case: str) -> Any:
    """Give the page of somebody with every role, on which it is written down what moves."""
    from hedgerow import app  # noqa: PLC0415  (of this alone)

    app.change_user_roles(house.settings, "lea", ["admin", "lead", "reviewer", "approver", "custodian"])
    with visit("lea") as opened:
        opened.add_init_script(WATCH)
        yield opened


def seen(page: Any) -> list[Any]:
    page.wait_for_load_state("load")
    page.evaluate(SETTLED)
    found: list[Any] = page.evaluate("window.moved")
    return found


@pytest.mark.slow
def test_no_page_weighs_more_than_120_kilobytes_without_media_and_nothing_on_it_moves(
    page: Any, house: House, case: str
) -> None:
    weights, moved = {}, {}
    for path in (*PATHS, f"/cases/{case}", f"/cases/{case}/timeline"):
        assert page.goto(f"{house.base}{path}").status == 200, path
        moved[path] = seen(page)
        parts = page.evaluate(WEIGHT)
        assert any(name.endswith(".css") for name, _ in parts), parts
        weights[path] = sum(size for _, size in parts)
    assert {path: shifts for path, shifts in moved.items() if shifts} == {}
    assert {path: weight for path, weight in weights.items() if not 5_000 < weight <= MOST_BYTES} == {}


def test_nothing_moves_when_a_case_is_claimed_and_its_scripts_and_tiles_have_come(
    page: Any, house: House, case: str
) -> None:
    page.goto(f"{house.base}/cases/{case}")
    page.get_by_role("button", name="Take this case").click()
    page.locator("[data-claim]").first.wait_for(state="attached")
    page.reload()
    page.locator("[data-reveal] [data-hold]").first.wait_for(state="visible")  # the last of the scripts has run
    assert page.locator("[data-reveal] img").count() == TILES
    assert seen(page) == []
    # What moves would have been seen.
    page.evaluate("document.querySelector('main').prepend(document.querySelector('footer').cloneNode(true))")
    page.wait_for_function("() => window.moved.length > 0")
