from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.world import Scripted, signal_of

from hedgerow.errors import PageUnreadable
from hedgerow.exchanges.exchanging import find_exchange, open_page
from hedgerow.exchanges.gathering import gathered
from hedgerow.exchanges.model import Page, Record, Withdrawal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.exchanges.conftest import Home
    from tests.exchanges.world import World

__all__: list[str] = []


def _page(number: int, items: int = 3, *, is_end: bool = False) -> Page:
    return Page(tuple(Record(f"{number}/{each}") for each in range(items)), {"after": number}, is_end)


def _given(pages: Iterator[Page], at: datetime, **more: Any) -> list[tuple[int, dict[str, Any], bool, int]]:
    how: dict[str, Any] = {
        "most_items": 6,
        "longest": timedelta(seconds=1),
        "now": lambda: at,
        "is_stopping": lambda: False,
        **more,
    }
    return [(len(page.items), dict(page.checkpoint), page.is_end, count) for page, count in gathered(pages, **how)]


def test_pages_share_a_transaction_up_to_so_many_items(now: datetime) -> None:
    pages = [_page(number, is_end=number == 4) for number in range(5)]
    assert _given(iter(pages), now) == [
        (6, {"after": 1}, False, 2),
        (6, {"after": 3}, False, 2),
        (3, {"after": 4}, True, 1),
    ]
    assert [count for *_, count in _given(iter(pages), now, most_items=1)] == [1] * 5
    assert _given(iter([]), now) == []
    assert _given(iter([_page(0)]), now) == [(3, {"after": 0}, False, 1)]


def test_pages_that_come_slowly_wait_for_no_other(now: datetime) -> None:
    clock = [now]

    def slow() -> Iterator[Page]:
        for number in range(3):
            clock[0] += timedelta(seconds=2)
            yield _page(number)

    assert [count for *_, count in _given(slow(), now, now=lambda: clock[0])] == [1, 1, 1]


def test_a_process_that_is_to_end_asks_for_no_more(now: datetime) -> None:
    asked: list[int] = []

    def pages() -> Iterator[Page]:
        for number in range(3):
            asked.append(number)
            yield _page(number, 1)

    together = gathered(
        pages(), most_items=6, longest=timedelta(seconds=1), now=lambda: now, is_stopping=lambda: bool(asked)
    )
    assert next(together)[1] == 1
    assert asked == [0]


def test_what_fails_behind_some_pages_fails_after_they_were_given(now: datetime) -> None:
    def pages() -> Iterator[Page]:
        yield _page(0, 1)
        yield _page(1, 1)
        raise PageUnreadable("half a page", "after 1")

    given: list[Page] = []

    def take() -> None:
        for page, _ in gathered(
            pages(), most_items=6, longest=timedelta(seconds=1), now=lambda: now, is_stopping=lambda: False
        ):
            given.append(page)

    with pytest.raises(PageUnreadable):
        take()
    assert [each.checkpoint for each in given] == [{"after": 1}]


def test_a_checkpoint_is_the_one_that_its_page_was_given_with(now: datetime) -> None:
    def pages() -> Iterator[Page]:
        state: dict[str, Any] = {"after": 0, "seen": [0]}
        yield Page((Record("0"),), state, is_end=False)
        state["after"] = 1
        state["seen"].append(1)
        raise PageUnreadable("half a page", "after 0")

    together = gathered(pages(), most_items=6, longest=timedelta(seconds=1), now=lambda: now, is_stopping=lambda: False)
    assert next(together)[0].checkpoint == {"after": 0, "seen": [0]}


# ── in a fetch ───────────────────────────────────────────────────────────────────────────────────────────────────


def _all_together(home: Home) -> None:
    home.together = iter([4_000] * 20)


def test_a_kill_leaves_whole_pages_and_the_place_behind_them(home: Home, world: World) -> None:
    home.create()
    for number in range(12):
        world.put(f"42/{number}", number)
    home.together = iter([6, 4_000])
    world.troubles = [None, None, None, "kill"]  # two pages are in the database, and the third is not
    assert home.fetch() is None
    assert home.live().keys() == {("md5", signal_of(n).bits) for n in range(6)}
    world.given.clear()
    end = home.fetch()
    assert end is not None
    assert (end.applied.pages, end.is_current) == (2, True)  # from there on, and not from the beginning
    assert home.live().keys() == home.wanted()


def test_a_page_that_cannot_be_read_costs_none_before_it(home: Home, world: World) -> None:
    home.create()
    _all_together(home)
    for number in range(9):
        world.put(f"42/{number}", number)
    world.troubles = [None, None, "unreadable"]
    end = home.fetch()
    assert end is not None
    assert (end.error, end.applied.pages, end.applied.added) == ("page_unreadable", 2, 6)
    assert home.live().keys() == {("md5", signal_of(n).bits) for n in range(6)}
    with home.database.read() as connection:
        assert open_page(connection, find_exchange(connection, home.name)) is not None


def test_of_one_record_on_several_pages_the_latest_counts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.create()
    _all_together(home)
    before, after = (Record("42/a", (("MD5", signal_of(number)),)) for number in (1, 2))
    pages = [
        Page((before, Record("42/b", (("MD5", signal_of(3)),))), {"after": 1}, is_end=False),
        Page((after, Withdrawal("42/b")), {"after": 2}, is_end=True),
    ]
    monkeypatch.setattr(Scripted, "pages", lambda *_: iter(pages))
    home.fetch()
    assert home.live().keys() == {("md5", signal_of(2).bits)}
