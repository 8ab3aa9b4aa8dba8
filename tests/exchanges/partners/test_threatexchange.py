"""ThreatExchange's adapter against its simulator: whatever is edited, broken or killed, the copy ends as the group."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.mirror import Mirror
from tests.exchanges.partners.threatexchange_world import World, expected_of, said_of

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Place, Record, Withdrawal
from hedgerow.exchanges.partners.threatexchange import ThreatExchange
from hedgerow.simulators.threatexchange import updates
from hedgerow.simulators.threatexchange.updates import Updates
from hedgerow.testing import PartnerConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.exchanges.model import Page, Session


class TestThreatExchange(PartnerConformance):
    records = 8

    def world(self) -> World:
        return World()


@pytest.fixture
def world() -> Iterator[World]:
    opened = World()
    yield opened
    opened.close()


@contextmanager
def opened(world: World, **config: Any) -> Iterator[Session]:
    session = world.session(**config)
    try:
        yield session
    finally:
        session.http.close()


@contextmanager
def opened_as(world: World, token: str) -> Iterator[Session]:
    with opened(world) as session:
        yield replace(session, credentials={"api_token": token})


def fetched(world: World, mirror: Mirror, **config: Any) -> bool:
    with opened(world, **config) as session:
        return mirror.fetch(session)


def pages(world: World, checkpoint: dict[str, Any] | None, **config: Any) -> list[Page]:
    with opened(world, **config) as session:
        return list(world.partner.pages(session, checkpoint))


def held(mirror: Mirror) -> dict[str, Any]:
    return {key: said_of(record) for key, record in mirror.records.items()}


def synchronise(world: World, mirror: Mirror) -> None:
    """Fetch without faults until there is nothing more; a stale checkpoint, or what was away, takes one fetch more."""
    world.simulator.faults.clear()
    for _ in range(3):
        if fetched(world, mirror) and held(mirror) == expected_of(world.play):
            return
    assert held(mirror) == expected_of(world.play)


# ── the property ─────────────────────────────────────────────────────────────────────────────────────────────────

_OF_THE_STAGE = (
    *("drop_before", "drop_during", "drop_after", "unauthorized", "too_many", "server_error", "bad_gateway"),
    *("unavailable", "truncated", "not_what_was_asked", "huge=1", "redirect"),
)
_REFUSALS = ("expired_token", "throttled", "throttled=4")
_OF_PAGES = ("shuffled", "foreign_next", "sour_cursor")
# A change at every call would never let a fetch end: the partner would have more for ever.
_CHANGES = (
    "missing_descriptors",
    "empty_array",
    "missing_owner",
    "oscillating",
    "unknown_type",
    "unknown_status",
    "mutate",
)
_LASTING = (*_OF_THE_STAGE, *_REFUSALS, *_OF_PAGES)
_FAULTS = (*_LASTING, *_CHANGES)
_EDITS = ("create", "update", "delete", "recreate", "react", "other_descriptor")
_STEPS = st.one_of(
    st.tuples(st.sampled_from(_EDITS), st.integers(0, 9)),
    st.tuples(st.just("fault"), st.tuples(st.sampled_from(_FAULTS), st.sampled_from(("1", "2", "3")))),
    st.tuples(st.just("fault"), st.tuples(st.sampled_from(_LASTING), st.just("*"))),
    st.tuples(st.just("fetch"), st.none() | st.integers(0, 4)),
    st.tuples(st.just("restart"), st.integers(0, 99)),
    st.tuples(st.just("time"), st.sampled_from((0, 1, 59, 600, 86_400))),
)


def edit(world: World, what: str, number: int) -> None:
    items = [each for each in world.play.items() if each["group"] == world.play.group]
    change: dict[str, Any] = {"do": what}
    if what == "create":
        kinds = ("HASH_PDQ", "HASH_MD5", "HASH_SHA256", "TEXT_STRING")
        change |= {"count": number % 5 + 1, "type": kinds[number % 4]}
    elif items:
        change["id"] = items[number % len(items)]["id"]
    if what in {"update", "other_descriptor"}:
        change["status"] = ("MALICIOUS", "SUSPICIOUS", "NON_MALICIOUS", "UNKNOWN")[number % 4]
    if what == "react":
        change["reaction"] = ("HELPFUL", "DISAGREE_WITH_TAGS", "NON_MALICIOUS")[number % 3]
    with suppress(ValueError):  # what it is about is not there: nothing to do
        world.simulator.edit(change)


_EXAMPLES = settings().max_examples if settings().max_examples > 20 else 12  # each is a simulator and dozens of calls


@settings(max_examples=_EXAMPLES, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_STEPS, min_size=4, max_size=25), st.integers(1, 4))
def test_whatever_happens_the_copy_becomes_what_the_group_has(steps: list[tuple[str, Any]], page_limit: int) -> None:
    world = World(page_limit)
    try:
        mirror = Mirror(world.partner)
        world.create(6)
        for what, argument in steps:
            if what == "fault":
                world.simulator.faults.add(f"threat_updates:{argument[1]}:{argument[0]}")
            elif what == "time":
                world.pass_time(argument)
            elif what == "restart":
                mirror.checkpoint = mirror.saved[argument % len(mirror.saved)] if mirror.saved else None
            elif what == "fetch":
                with opened(world) as session:
                    try:
                        mirror.fetch(session, dies_after=argument)
                    except PartnerError:
                        assert session.http.calls < 200  # it ends, whatever is wrong
            else:
                edit(world, what, argument)
        synchronise(world, mirror)
    finally:
        world.close()


@pytest.mark.parametrize("fault", _FAULTS)
def test_after_a_fault_at_each_call_nothing_is_missing(world: World, fault: str) -> None:
    world.create(7)
    mirror = Mirror(world.partner)
    for call in range(1, 5):
        world.simulator.faults.add(f"threat_updates:{call}:{fault}")
        with suppress(PartnerError):
            fetched(world, mirror)
        world.simulator.faults.clear()
    synchronise(world, mirror)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Europe/Berlin", "UTC"])
def test_the_same_is_asked_in_every_time_zone_and_never_a_time_to_come(
    world: World, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        world.create(7)
        mirror = Mirror(world.partner)
        fetched(world, mirror)
        world.pass_time(3600)
        world.create(2)
        fetched(world, mirror)
        asked = [each.path.split("start_time=")[1].split("&")[0] for each in world.simulator.transcript()]
    finally:
        monkeypatch.undo()
        time.tzset()
    # In seconds since 1970, of which START is the 1795348800th: what was created 7 and 14 seconds later, and from there
    # again what was read before, five minutes of it.
    assert list(dict.fromkeys(asked)) == ["0", "1795348807", "1795348814", "1795348514"]
    assert max(map(int, asked)) <= int(world.simulator.clock.now().timestamp())
    assert held(mirror) == expected_of(world.play)
    assert mirror.records.popitem()[1].updated_at is not None


# ── runs and checkpoints ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_update_reads_a_little_of_what_was_read_before(world: World) -> None:
    world.create(4)
    mirror = Mirror(world.partner)
    fetched(world, mirror)
    world.pass_time(86_400)
    keys = [each.key for page in pages(world, mirror.checkpoint) for each in page.items]
    assert set(keys) == set(mirror.records)  # all four lie within the overlap
    world.create(1)
    fetched(world, mirror)
    assert len({each.key for page in pages(world, mirror.checkpoint) for each in page.items}) == 1


def test_an_empty_page_that_names_a_next_one_is_no_end(world: World) -> None:
    """The reference client stops with an assertion there ("empty update?")."""
    world.create(6)  # three in each of two seconds: full pages, so that the last one is empty
    got = pages(world, None)
    assert sum(len(page.items) for page in got) >= 6
    assert got[-1].is_end


def test_a_second_that_fills_many_pages_is_read_through_and_can_be_resumed(world: World) -> None:
    world.simulator.edit({"do": "create", "count": 20})
    mirror = Mirror(world.partner)
    for _ in range(20):  # killed after each page
        with opened(world) as session:
            if mirror.fetch(session, dies_after=1):
                break
    assert held(mirror) == expected_of(world.play)


def test_a_copy_is_stale_after_85_days_without_an_end_and_not_before(world: World) -> None:
    world.create(5)
    walk = pages(world, None)
    middle, end = dict(walk[0].checkpoint), dict(walk[-1].checkpoint)
    world.pass_time(timedelta(days=85).total_seconds())
    assert pages(world, middle)
    assert pages(world, end)
    world.pass_time(1)
    for checkpoint in (middle, end):
        with pytest.raises(CheckpointStale, match="85 days"):
            pages(world, checkpoint)


def test_a_quiet_group_is_no_stale_copy(world: World) -> None:
    """The latest update is a year old; what counts is when everything was last read."""
    world.create(2)
    mirror = Mirror(world.partner)
    for _ in range(12):
        assert fetched(world, mirror)
        world.pass_time(timedelta(days=30).total_seconds())
    assert len(mirror.records) == 2


def test_what_was_withdrawn_long_ago_is_gone_after_a_stale_copy_is_walked_through_again(world: World) -> None:
    key, *_ = world.create(5)
    mirror = Mirror(world.partner)
    fetched(world, mirror)
    world.withdraw(key)
    world.pass_time(timedelta(days=91).total_seconds())  # the tombstone is gone, too
    assert not fetched(world, mirror)
    assert fetched(world, mirror)
    assert key not in mirror.records
    assert held(mirror) == expected_of(world.play)


def test_a_checkpoint_of_another_group_or_other_filters_is_stale(world: World) -> None:
    world.create(2)
    checkpoint = dict(pages(world, None)[-1].checkpoint)
    for config in ({"only_tags": ["a"]}, {"only_owners": [1]}, {"types": ["HASH_MD5"]}, {"privacy_group": 7}):
        with pytest.raises(CheckpointStale, match="another group"):
            pages(world, checkpoint, **config)
    for damaged in ({}, checkpoint | {"version": 2}, checkpoint | {"more": 1}):
        with pytest.raises(CheckpointStale):
            pages(world, damaged)
    assert pages(world, checkpoint, api_version="v25.0")  # says nothing about the set


def test_filters_withdraw_what_no_longer_fits(world: World) -> None:
    key = world.simulator.edit({"do": "create", "tags": ["wanted"]})["id"]
    other = world.simulator.edit({"do": "create", "owner": "910000002", "tags": ["other"]})["id"]
    got = {each.key: type(each) for page in pages(world, None, only_tags=["wanted"]) for each in page.items}
    assert got == {key: Record, other: Withdrawal}
    got = {each.key: type(each) for page in pages(world, None, only_owners=[910000002]) for each in page.items}
    assert got == {key: Withdrawal, other: Record}
    world.pass_time(1)
    world.simulator.edit({"do": "update", "id": key, "tags": ["unwanted"]})
    got = {each.key: type(each) for page in pages(world, None, only_tags=["wanted"]) for each in page.items}
    assert got[key] is Withdrawal


def test_only_the_types_that_are_wanted_are_asked_for(world: World) -> None:
    world.create(2)
    wanted = world.simulator.edit({"do": "create", "type": "HASH_MD5"})["id"]
    got = [each.key for page in pages(world, None, types=["HASH_MD5"]) for each in page.items]
    assert set(got) == {wanted}


# ── pages that cannot be read ────────────────────────────────────────────────────────────────────────────────────


def test_one_update_that_cannot_be_read_is_found_among_many_and_skipped_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [world.create(1)[0] for _ in range(9)]
    bad = keys[4]
    view = type(world.play._updates).answer

    def answer(*args: Any) -> Any:
        answered = view(*args)
        return type(answered)(200, answered.body[:-9]) if bad.encode() in answered.body else answered

    monkeypatch.setattr(type(world.play._updates), "answer", answer)
    mirror = Mirror(world.partner)
    with pytest.raises(PageUnreadable) as caught:
        fetched(world, mirror)
    assert set(mirror.records) == set(keys[:4])
    error = caught.value
    assert error.skip is not None
    assert "the second of 2026-11-22 12:01:03 UTC" in error.skip  # each was created 14 s after the one before
    assert len(world.simulator.transcript()) < 70
    mirror.checkpoint = dict(error.skip_to or {})
    assert fetched(world, mirror)
    assert set(mirror.records) == set(keys) - {bad}


def test_where_nothing_can_be_read_nothing_can_be_skipped(world: World) -> None:
    world.create(3)
    world.simulator.faults.add("threat_updates:*:not_what_was_asked")
    with pytest.raises(PageUnreadable, match="no JSON") as caught:
        pages(world, None)
    assert caught.value.skip is None
    assert len(world.simulator.transcript()) < 10


def test_a_passing_fault_costs_a_smaller_page_and_no_alarm(world: World) -> None:
    world.create(7)
    world.simulator.faults.add("threat_updates:2:truncated")
    mirror = Mirror(world.partner)
    assert fetched(world, mirror)
    assert held(mirror) == expected_of(world.play)


def test_a_cursor_that_is_always_refused_is_reported(world: World) -> None:
    world.simulator.edit({"do": "create", "count": 9})
    world.simulator.faults.add("threat_updates:*:sour_cursor")
    world.pass_time(60)
    with pytest.raises(PageUnreadable, match="cursors") as caught:
        pages(world, None)
    assert caught.value.skip is not None


def test_cursors_that_count_from_the_beginning_lose_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An offset shifts when an update before it moves to the end. Whoever follows the cursors misses one for each."""
    counts_from_the_beginning(monkeypatch)
    keys = [world.create(1)[0] for _ in range(12)]

    def disturb(number: int) -> None:
        if number == 0:
            world.change(keys[0])
            world.change(keys[1])

    naive: set[str] = set()
    with opened(world) as session:
        params = {"access_token": world.play.token, "limit": "3"}
        for number in range(9):
            said = session.http.get(f"/v26.0/{world.play.group}/threat_updates", params=params).json()
            naive |= {each["id"] for each in said["data"]}
            disturb(number)
            if "next" not in said.get("paging", {}):
                break
            params["after"] = said["paging"]["cursors"]["after"]
    assert len(set(keys) - naive) == 2
    mirror = Mirror(world.partner)
    with opened(world) as session:
        for number, page in enumerate(world.partner.pages(session, None)):
            mirror.apply(page)
            disturb(number)
    assert held(mirror) == expected_of(world.play)


def counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the simulator's cursors be numbers of updates that were passed over."""
    matching, paging = Updates._matching, updates.paging
    passed: list[int] = []

    def counted(self: Updates, group: Any, window: Any, now: Any) -> Any:
        passed.append(window.after)
        return islice(matching(self, group, replace(window, after=0), now), window.after, None)

    def counting(request: Any, first: int, last: int, **more: Any) -> Any:
        return paging(request, first, passed[-1] + 3, **more)

    monkeypatch.setattr(Updates, "_matching", counted)
    monkeypatch.setattr(updates, "paging", counting)


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_that_is_refused_stops_the_exchange_though_the_status_is_400(world: World) -> None:
    world.simulator.faults.add("threat_updates:1:expired_token")
    with pytest.raises(PartnerRefused, match="access token") as caught:
        pages(world, None)
    assert caught.value.status == 401
    with opened_as(world, "900000001|wrong") as session, pytest.raises(PartnerRefused) as caught:
        list(world.partner.pages(session, None))
    assert caught.value.status == 401


@pytest.mark.parametrize("code", ["4", "17", "32", "613"])
def test_throttling_is_no_refusal_whatever_its_status_is(world: World, code: str) -> None:
    world.simulator.faults.add(f"threat_updates:1:throttled={code}")
    with pytest.raises(PartnerUnavailable, match=f"error {code}"):
        pages(world, None)
    assert len(world.simulator.transcript()) == 1  # not tried again at once


def test_a_group_without_updates_is_said_plainly(world: World) -> None:
    with pytest.raises(PartnerRefused, match="threat_updates is not enabled for this privacy group"):
        pages(world, None, privacy_group=2000000000000002)


def test_any_other_500_is_tried_again_and_says_what_it_may_mean(world: World) -> None:
    world.simulator.faults.add("threat_updates:1:server_error")
    assert pages(world, None)[-1].is_end
    world.simulator.faults.add("threat_updates:*:server_error")
    with pytest.raises(PartnerUnavailable, match="threat_updates is not enabled") as caught:
        pages(world, None)
    assert caught.value.status == 500


def test_a_group_that_is_not_ours_and_a_version_that_has_ended_are_refused(world: World) -> None:
    with pytest.raises(PartnerRefused, match="is it in the privacy group"):
        pages(world, None, privacy_group=12)
    with pytest.raises(PartnerRefused, match="api_version"):
        pages(world, None, api_version="v2.0")


# ── the token ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_goes_in_a_header_and_in_the_query_only_where_that_is_wanted(world: World) -> None:
    world.create(1)
    pages(world, None)
    assert "access_token" not in world.simulator.transcript()[-1].path
    pages(world, None, token_in_query=True)
    assert "access_token=…" in world.simulator.transcript()[-1].path


def test_an_encoded_token_is_understood_and_one_that_no_header_holds_is_not_tried(world: World) -> None:
    for token in (world.play.token.replace("|", "%7C"), f" {world.play.token}\n"):
        with opened_as(world, token) as session:
            assert list(world.partner.pages(session, None))
    calls = len(world.simulator.transcript())
    for token in ("", "900000001|sécret", "900000001|two words"):
        with opened_as(world, token) as session, pytest.raises(PartnerRefused) as caught:
            list(world.partner.pages(session, None))
        assert not token or token not in str(caught.value)
    assert len(world.simulator.transcript()) == calls


def test_the_address_of_a_next_page_is_never_followed(world: World) -> None:
    world.simulator.edit({"do": "create", "count": 7})
    world.simulator.faults.add("threat_updates:*:foreign_next")
    mirror = Mirror(world.partner)
    assert fetched(world, mirror)
    assert held(mirror) == expected_of(world.play)


# ── configuration ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "config",
    [
        {"privacy_group": 0},
        {"privacy_group": 1.5},
        {"api_version": "26"},
        {"api_version": "v26.0/me"},
        {"page_size": 1001},
        {"types": ["HASH_PDQ,HASH_MD5"]},
        {"only_owners": [-1]},
        {"base_url": "http://graph.example"},
        {"environment": "test"},
    ],
)
def test_what_cannot_be_used_is_refused(config: dict[str, Any]) -> None:
    ThreatExchange().check({"privacy_group": 12})
    with pytest.raises(InvalidExchange):
        ThreatExchange().check({"privacy_group": 12, **config})


def test_nobody_speaks_to_meta_unless_that_is_said() -> None:
    place = ThreatExchange().place
    assert place({}).name == "simulator"
    assert place({"environment": "production"}) == Place("production", "https://graph.facebook.com", is_production=True)
    assert place({"base_url": "https://elsewhere.example"}).is_production
