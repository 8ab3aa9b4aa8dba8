from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.exchanges.partners.ncmec_windows import BEGINNING, Mark, Stuck, in_words, written
from hedgerow.exchanges.partners.ncmec_wire import EntriesPage, Paging

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__: list[str] = []

NOW = datetime(2026, 11, 22, 12, 30, 15, 123_456, tzinfo=UTC)
EDGE = datetime(2026, 11, 22, 12, 30, 10, tzinfo=UTC)
LIFE = timedelta(hours=12)
MOST = 400_000
FIRST = Mark(BEGINNING, NOW, "list")


def _page(count: int, start: int | None = None, most: int | None = None, *, name: str = "") -> EntriesPage:
    """Return a page with so many entries, and an address of a next page where `start` is given."""
    path = f"/v2/entries?page={start}{name}"
    return EntriesPage((), count, None if start is None else Paging(path, start, 1000, most))


def _opened(mark: Mark = FIRST, now: datetime = NOW) -> Mark:
    return mark.ready(now, LIFE)


def _after(mark: Mark, page: EntriesPage, now: datetime = NOW, clock: datetime | None = None) -> tuple[Mark, bool]:
    return mark.after(page, now, clock, MOST)


def _hour() -> Mark:
    """Return a window of the hour before now."""
    return _opened(replace(FIRST, start=EDGE - timedelta(hours=1)))


@pytest.fixture(params=["Asia/Tokyo", "America/New_York", "Europe/Berlin", "UTC"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_times_are_written_in_utc_wherever_this_machine_is() -> None:
    # The released client writes local time with a Z behind it: east of Greenwich that lies in the future.
    assert written(BEGINNING) == "1970-01-01T00:00:00Z"
    assert written(NOW.astimezone()) == "2026-11-22T12:30:15Z"
    assert written(NOW.astimezone(datetime.now().astimezone().tzinfo)) == "2026-11-22T12:30:15Z"
    mark = _opened(now=NOW.astimezone())
    assert (mark.as_json()["from"], mark.as_json()["to"]) == ("1970-01-01T00:00:00Z", "2026-11-22T12:30:10Z")
    assert in_words(EDGE.astimezone()) == "2026-11-22 12:30:10 UTC"


def test_a_walk_begins_at_the_beginning_and_ends_some_seconds_before_now() -> None:
    mark = _opened()
    assert (mark.start, mark.end, mark.next) == (BEGINNING, EDGE, None)


def test_the_end_of_a_window_stays_while_it_is_walked_through() -> None:
    mark, is_end = _after(_opened(), _page(1000, 1001, 1500))
    assert not is_end
    later = mark.ready(NOW + timedelta(hours=3), LIFE)
    assert (later.end, later.next) == (EDGE, mark.next)


def test_the_next_window_begins_a_minute_before_the_end_of_the_last() -> None:
    mark, is_end = _after(_opened(), _page(7))
    assert is_end
    assert mark.as_json()["from"] == "2026-11-22T12:29:10Z"
    assert mark.as_json()["to"] is None


def test_a_partners_clock_that_is_behind_ours_holds_the_window_back() -> None:
    behind = EDGE - timedelta(minutes=7)
    mark, is_end = _after(_opened(), _page(7), clock=behind)
    assert (mark.start, is_end) == (behind - timedelta(seconds=60), True)
    # What its last page says does not matter: what came on the first may have changed since.
    first, _ = _after(_opened(), _page(1000, 1001, 1001), clock=behind)
    last, _ = _after(first, _page(1), clock=EDGE + timedelta(minutes=1))
    assert last.start == behind - timedelta(seconds=60)


def test_the_address_of_a_next_page_is_dropped_when_it_is_old() -> None:
    mark, _ = _after(_opened(), _page(1000, 1001, 1500))
    assert mark.ready(NOW + LIFE - timedelta(seconds=1), LIFE).next is not None
    again = mark.ready(NOW + LIFE + timedelta(seconds=1), LIFE)
    assert (again.start, again.end, again.next, again.seen) == (BEGINNING, EDGE, None, 0)


def test_a_window_whose_end_lies_in_the_future_is_opened_anew() -> None:
    mark, _ = _after(_opened(), _page(1000, 1001, 1500))
    earlier = mark.ready(NOW - timedelta(hours=2), LIFE)
    assert (earlier.end, earlier.next) == (EDGE - timedelta(hours=2), None)
    done, _ = _after(_opened(), _page(1))
    earlier = done.ready(NOW - timedelta(hours=2), LIFE)
    assert earlier.end == EDGE - timedelta(hours=2)
    assert earlier.start == EDGE - timedelta(hours=2, seconds=60)


# ── fewer than were promised ─────────────────────────────────────────────────────────────────────────────────────


def test_a_window_with_fewer_entries_than_promised_is_walked_through_anew() -> None:
    first, _ = _after(_opened(), _page(1000, 1001, 1500))
    again, is_end = _after(first, _page(499))
    assert not is_end
    assert (again.start, again.end, again.next, again.seen) == (BEGINNING, EDGE, None, 0)
    first, _ = _after(again, _page(1000, 1001, 1499))
    _, is_end = _after(first, _page(499))
    assert is_end


def test_an_empty_tail_is_no_end_though_it_comes_again() -> None:
    # Near the end of a list an address may go sour, and lead to an empty page.
    mark, ends = _hour(), []
    for _ in range(2):
        first, _ = _after(mark, _page(1000, 1001, 1500))
        mark, is_end = _after(first, _page(0))
        ends.append(is_end)
    assert ends == [False, False]
    assert mark.ready(NOW, LIFE).span_s == 1800


def test_a_partner_who_promises_roughly_is_believed_after_two_walks_alike() -> None:
    mark = _hour()
    for _ in range(2):
        first, _ = _after(mark, _page(1000, 1001, 2000))
        mark, is_end = _after(first, _page(400))
    assert is_end
    assert not mark.is_exact
    first, _ = _after(_opened(mark), _page(1000, 1001, 2000))
    assert _after(first, _page(400))[1]
    # but an empty tail is none even then
    first, _ = _after(_opened(mark), _page(1000, 1001, 2000))
    assert not _after(first, _page(0))[1]


def test_numbers_that_count_something_else_promise_nothing_exact() -> None:
    first, _ = _after(_hour(), _page(1000, 73_211, 73_900))
    assert not first.is_exact
    assert _after(first, _page(12))[1]


def test_a_page_without_entries_that_leads_on_is_no_end() -> None:
    mark, is_end = _after(_opened(), _page(0, 1, 5))
    assert not is_end
    assert mark.next is not None


def test_an_address_that_leads_back_to_itself_is_not_followed_for_ever() -> None:
    page = _page(1000, 1001, None)
    mark, _ = _after(_hour(), page)
    for _ in range(1000):
        ready = mark.ready(NOW, LIFE)
        try:
            mark, is_end = _after(ready, page)
        except Stuck:
            break
        assert not is_end
    assert ready.span_s == 1


# ── narrower and wider ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_with_too_many_entries_is_opened_half_as_wide() -> None:
    mark, is_end = _after(_hour(), _page(1000, 1001, MOST + 1))
    assert not is_end
    assert (mark.end, mark.next, mark.start) == (None, None, EDGE - timedelta(hours=1))
    assert _opened(mark).end == EDGE - timedelta(minutes=30)


def test_a_second_with_too_many_entries_is_walked_through_all_the_same() -> None:
    mark = _opened(replace(FIRST, start=EDGE - timedelta(minutes=5), widest_s=1))
    assert mark.span_s == 1
    followed, _ = _after(mark, _page(1000, 1001, 5 * MOST))
    assert followed.next is not None


def test_after_a_window_with_few_entries_the_next_is_twice_as_wide() -> None:
    mark = _opened(replace(FIRST, start=EDGE - timedelta(minutes=5), widest_s=20))
    mark, is_end = _after(mark, _page(3))
    assert (mark.start, mark.widest_s, is_end) == (EDGE - timedelta(seconds=280), 40, False)
    many = replace(_opened(mark), seen=MOST // 4)
    assert _after(many, _page(3))[0].widest_s == 40


def test_narrow_windows_leave_no_gap_and_come_to_an_end() -> None:
    mark, spans = replace(FIRST, start=EDGE - timedelta(days=300), widest_s=1), []
    for _ in range(100):
        mark = _opened(mark)
        spans.append((mark.start, mark.end))
        mark, is_end = _after(mark, _page(0))
        if is_end:
            break
    assert is_end
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert spans[-1][1] == EDGE
    assert mark.widest_s is None


def test_what_fails_is_tried_as_it_was_then_narrower_and_at_last_given_up() -> None:
    mark, spans = _hour(), []
    for _ in range(100):
        failed = mark.failed()
        if failed is None:
            break
        mark = failed.ready(NOW, LIFE)
        spans.append(mark.span_s)
    assert failed is None
    assert spans == [
        3600,
        1800,
        1800,
        900,
        900,
        450,
        450,
        225,
        225,
        112,
        112,
        56,
        56,
        28,
        28,
        14,
        14,
        7,
        7,
        3,
        3,
        1,
    ] + ([1] * 5)


def test_what_is_skipped_is_the_window_and_nothing_else() -> None:
    mark = _opened(replace(FIRST, start=EDGE - timedelta(minutes=5), widest_s=1))
    behind = _opened(mark.behind())
    assert behind.start == mark.end


def test_a_long_walk_is_followed_by_another_window_at_once() -> None:
    later = NOW + timedelta(minutes=40)
    first, _ = _after(_opened(), _page(1000, 1001, 1500), now=later)
    mark, is_end = _after(first, _page(500), now=later)
    assert not is_end
    assert mark.start == EDGE - timedelta(seconds=60)
    # though not for ever, where a single page takes long
    assert _after(_opened(), _page(3), now=later)[1]


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001  (the zone is put on below)
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
MARKS = st.builds(
    Mark,
    TIMES,
    TIMES,
    st.text(max_size=5),
    end=st.none() | TIMES,
    next=st.none() | st.text(),
    obtained_at=st.none() | TIMES,
    seen=st.integers(0, 10**9),
    promised=st.integers(0, 10**9),
    reach=st.none() | TIMES,
    widest_s=st.none() | st.integers(1, 10**10),
    tries=st.integers(0, 5),
    before=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    is_exact=st.booleans(),
)


@given(MARKS)
def test_a_checkpoint_is_read_as_it_was_written(mark: Mark) -> None:
    assert Mark.from_json(json.loads(json.dumps(mark.as_json()))) == mark


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"from": None}, {"whole_at": "soon"}, {"before": [1]}, {"to": 7}, {"next": ...}]
)
def test_a_checkpoint_that_is_none_is_told(change: dict[str, object]) -> None:
    said = {name: value for name, value in {**FIRST.as_json(), **change}.items() if value is not ...}
    with pytest.raises(ValueError, match=r"of another version|without a time|incomplete"):
        Mark.from_json(said)


def test_no_overlap_goes_back_over_what_somebody_skipped() -> None:
    second = replace(_hour(), start=EDGE - timedelta(seconds=21), end=EDGE - timedelta(seconds=20))
    following = Mark.from_json(json.loads(json.dumps(second.behind().as_json())))
    mark, is_end = _after(_opened(following), _page(0))
    assert (mark.start, is_end) == (EDGE - timedelta(seconds=20), True)
    later = NOW + timedelta(minutes=5)
    mark, _ = _after(_opened(mark, later), _page(0), later)
    assert mark.start == EDGE + timedelta(minutes=5) - timedelta(seconds=60)
