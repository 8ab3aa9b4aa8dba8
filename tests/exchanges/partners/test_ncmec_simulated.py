"""The adapter beside a service that shares no judgement with it: whatever happens, in the end both hold the same."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.errors import OpinionRefused, PageUnreadable, PartnerError, PartnerRefused
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.partners.ncmec import TAKE_IT_DOWN, Ncmec
from hedgerow.simulators.ncmec_hashes import CALLER_MEMBER, TAKE_IT_DOWN_MEMBER, NcmecHashesPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from hedgerow.exchanges.model import Record, Session

__all__: list[str] = []

PARTNER = Ncmec()
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIST = "hashsharing"
KEYS = {"user": "simulator", "password": "simulator"}
EXAMPLES = 12 if settings.default is None or settings.default.max_examples <= 20 else 300
MADE_UP = 14

FAULTS = (
    *("drop_before", "drop_during", "drop_after", "unauthorized", "too_many", "server_error", "bad_gateway"),
    *("unavailable", "truncated", "not_what_was_asked", "redirect", "fractional", "empty_page_with_next"),
    *("sour_next", "sour_next=404", "sour_next=500", "sour_next=503", "malformed_xml", "hot_second=7", "mutate"),
)
# ``unknown_element`` and ``unknown_classification`` are not among them: they change an entry, but not its time.

IDS = [*(f"e{number}" for number in range(4)), *(f"made-up-{number}" for number in range(0, MADE_UP, 3))]
EDIT = st.builds(
    lambda do, member, name: {"do": do, "member": member, "id": name},
    st.sampled_from(["create", "create", "update", "reclassify", "delete", "recreate", "spoil", "mend"]),
    st.sampled_from([42, 43]),
    st.sampled_from(IDS),
)
STEP = st.one_of(
    EDIT.map(lambda each: ("edit", each)),
    st.builds(lambda n, kind: ("fault", f"entries:{n}:{kind}"), st.integers(1, 4), st.sampled_from(FAULTS)),
    st.none().map(lambda _: ("fetch", None)),
    st.integers(0, 4).map(lambda pages: ("fetch", pages)),
    st.integers(0, 50).map(lambda back: ("restart", back)),
    st.sampled_from([1, 10, 400, 13 * 3600, 57 * 86_400]).map(lambda seconds: ("wait", seconds)),
)


def _play(generated: int = MADE_UP, **more: Any) -> NcmecHashesPlay:
    first = START - timedelta(days=2)
    return NcmecHashesPlay(generated=generated, generated_from=first, generated_over=timedelta(days=1), **more)


def _session(
    simulator: Simulator[NcmecHashesPlay], client: httpx.Client, environment: str = LIST, **config: Any
) -> Session:
    base_url = f"{simulator.url}/{environment}"
    return open_session(base_url, client, simulator.clock.now, config=config, credentials=KEYS)


def _of(record: Record) -> tuple[str | None, frozenset[tuple[str, str]]]:
    """Return what a record says in the simulator's words."""
    prints = [(kind, signal.value) for kind, signal in record.signals]
    prints += [(each.type, each.value or "") for each in record.opaque]
    return record.category, frozenset((kind.lower().replace("_", "-"), value) for kind, value in prints)


def _held(mirror: Mirror) -> dict[tuple[int, str], tuple[str | None, frozenset[tuple[str, str]]]]:
    keys = {key: key.partition("/") for key in mirror.records}
    return {(int(member), name): _of(mirror.records[key]) for key, (member, _, name) in keys.items()}


def _take(step: tuple[str, Any], simulator: Simulator[NcmecHashesPlay], mirror: Mirror, session: Session) -> None:
    what, of = step
    if what == "edit":
        change = {**of, "classification": "B2"} if of["do"] == "reclassify" else of
        with contextlib.suppress(ValueError):  # nothing is there that could be changed so
            simulator.edit(change)
    elif what == "fault":
        simulator.faults.add(of)
    elif what == "wait":
        simulator.clock.advance(seconds=of)
    elif what == "restart":
        if mirror.saved:
            mirror.checkpoint = mirror.saved[-1 - of % len(mirror.saved)]
    else:
        with contextlib.suppress(PartnerError):
            mirror.fetch(session, dies_after=of)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(
    st.lists(STEP, max_size=20),
    st.sampled_from(["offset", "kept"]),
    st.sampled_from([2, 3, 1000]),
    st.sampled_from([5, 400_000, 400_000]),
)
def test_whatever_happened_the_mirror_holds_the_partners_list(
    client: httpx.Client,
    steps: list[tuple[str, Any]],
    cursors: Literal["offset", "kept"],
    page_size: int,
    most: int,
) -> None:
    with Simulator(_play(cursors=cursors, page_size=page_size), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, most_in_window=most)
        for each in steps:
            _take(each, simulator, mirror, session)
        simulator.faults.clear()
        for name in IDS:
            for member in (42, 43):
                simulator.edit({"do": "mend", "member": member, "id": name})
        simulator.clock.advance(seconds=10)
        ends = [mirror.fetch(session) for _ in range(2)]
        assert ends[1]
        assert _held(mirror) == simulator.play.expected(LIST)
        assert simulator.play.future_queries == []
        assert "the next of another query" not in {each.note for each in simulator.transcript()}


# ── withdrawals ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_entry_stops_matching_with_the_next_fetch_and_may_come_back(client: httpx.Client) -> None:
    with Simulator(_play(3), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert len(mirror.matched()) == 3
        key = min(mirror.records)
        member, _, name = key.partition("/")
        for do, is_there in (("delete", False), ("recreate", True)):
            simulator.clock.advance(hours=1)
            simulator.edit({"do": do, "member": int(member), "id": name})
            simulator.clock.advance(seconds=10)
            assert mirror.fetch(session)
            assert (key in mirror.matched()) is is_there


def test_a_fingerprint_that_was_taken_out_of_an_entry_is_gone(client: httpx.Client) -> None:
    with Simulator(_play(0), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        md5, sha1 = "d3" * 16, "2f" * 20
        about = {"member": 42, "id": "e1"}
        simulator.edit({"do": "create", **about, "fingerprints": {"md5": md5, "sha1": sha1}})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert mirror.matched() == {"42/e1": (("MD5", md5), ("SHA1", sha1))}
        simulator.edit({"do": "update", **about, "fingerprints": {"sha1": sha1}})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert mirror.matched() == {"42/e1": (("SHA1", sha1),)}


# ── zones, and the time ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def _zone_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    if before is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("_zone_back")
def test_in_every_zone_the_same_is_asked_for_and_nothing_is_missed(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the released client, three quarters of this never arrive in Tokyo and Berlin.
    asked: dict[str, list[str]] = {}
    for zone in ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        with Simulator(_play(5, page_size=4), stands_at=START) as simulator:
            mirror, session = Mirror(PARTNER), _session(simulator, client)
            # the machine's clock, as its zone has it
            session = replace(session, now=lambda clock=simulator.clock: clock.now().astimezone())
            for hour in range(24):
                simulator.edit({"do": "create", "member": 42, "id": f"h{hour}"})
                simulator.clock.advance(hours=1)
                assert mirror.fetch(session)
            assert _held(mirror) == simulator.play.expected(LIST)
            assert simulator.play.future_queries == []
            asked[zone] = [each.path for each in simulator.transcript()]
    assert asked["UTC"][0] == "/hashsharing/v2/entries?from=1970-01-01T00:00:00Z&to=2026-11-22T12:59:55Z"
    assert all(each == asked["UTC"] for each in asked.values())


@pytest.mark.parametrize("fault", ["fractional", "unknown_element", "unknown_classification"])
def test_what_the_released_client_dies_of_is_read(client: httpx.Client, fault: str) -> None:
    with Simulator(_play(), stands_at=START, faults=[f"entries:*:{fault}"]) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)


# ── inside a window ──────────────────────────────────────────────────────────────────────────────────────────────


def _pages(simulator: Simulator[NcmecHashesPlay]) -> list[str]:
    """Return which pages were asked for: where each begins, as its address says."""
    return [each.path.partition("start=")[2].partition("&")[0] or "1" for each in simulator.transcript()]


def _windows(simulator: Simulator[NcmecHashesPlay]) -> list[str]:
    """Return the windows that were opened: from and to."""
    return [each.path.partition("?")[2] for each in simulator.transcript() if "start=" not in each.path]


def test_a_second_that_holds_many_entries_is_gone_on_with_in_the_middle(client: httpx.Client) -> None:
    with Simulator(_play(0, page_size=10), stands_at=START) as simulator:
        simulator.edit({"do": "hot_second", "count": 45})
        simulator.clock.advance(seconds=10)
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        fetches = 0
        while not mirror.fetch(session, dies_after=1):
            fetches += 1
        assert fetches == 4
        assert _held(mirror) == simulator.play.expected(LIST)
        # each died when it had asked for one page too many, and none began at the beginning again
        assert _pages(simulator) == ["1", "11", "11", "21", "21", "31", "31", "41", "41"]


def test_a_death_within_a_window_goes_on_with_the_next_page(client: httpx.Client) -> None:
    with Simulator(_play(10, page_size=3), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert not mirror.fetch(session, dies_after=2)
        simulator.clock.advance(hours=3)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)
        # the third page was asked for and lost; after the walk of three hours a short window follows
        assert _pages(simulator) == ["1", "4", "7", "7", "10", "1"]


def test_the_address_of_a_next_page_is_only_used_in_its_own_window(client: httpx.Client) -> None:
    # The released client once kept the address and moved the window: all of the history was skipped.
    with Simulator(_play(10, page_size=3), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        mirror.fetch(session, dies_after=1)
        simulator.clock.advance(hours=13)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)
        first, again, *_ = _windows(simulator)
        assert first == again
        assert "the next of another query" not in {each.note for each in simulator.transcript()}


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
@pytest.mark.parametrize("page", [2, 4])
def test_a_sour_address_begins_the_same_window_anew(client: httpx.Client, status: int, page: int) -> None:
    faults = [f"entries:{page}:sour_next={status}"]
    with Simulator(_play(10, page_size=3), stands_at=START, faults=faults) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)
        windows = _windows(simulator)
        assert len(windows) == 2
        assert windows[0] == windows[1]


def test_where_every_address_goes_sour_windows_become_as_narrow_as_a_page(client: httpx.Client) -> None:
    with Simulator(_play(10, page_size=3), stands_at=START, faults=["entries:*:sour_next"]) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)


@pytest.mark.parametrize("cursors", ["offset", "kept"])
@pytest.mark.parametrize("page", [2, 3, 4])
def test_an_entry_that_leaves_the_window_takes_no_other_with_it(
    client: httpx.Client, cursors: Literal["offset", "kept"], page: int
) -> None:
    play = _play(11, page_size=3, cursors=cursors)
    with Simulator(play, stands_at=START, faults=[f"entries:{page}:mutate"]) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)


def test_entries_that_change_at_every_page_are_had_once_they_rest(client: httpx.Client) -> None:
    with Simulator(_play(11, page_size=3), stands_at=START, faults=["entries:*:mutate"]) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        with contextlib.suppress(PartnerError):
            mirror.fetch(session)
        simulator.faults.clear()
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)


def test_a_list_is_walked_through_in_windows_of_few_entries(client: httpx.Client) -> None:
    with Simulator(_play(60, page_size=5), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, most_in_window=15)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)
        assert int(max(_pages(simulator), key=int)) < 15
        # and the next fetch is a single call
        before = len(simulator.transcript())
        simulator.clock.advance(hours=1)
        assert mirror.fetch(session)
        assert len(simulator.transcript()) == before + 1


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_entry_that_cannot_be_read_is_left_alone_with_its_second(client: httpx.Client) -> None:
    with Simulator(_play(20, page_size=4), stands_at=START) as simulator:
        entry = simulator.play.entry(LIST, 42, "made-up-9")
        member = 42 if entry is not None else 43
        simulator.edit({"do": "spoil", "member": member, "id": "made-up-9"})
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        with pytest.raises(PageUnreadable) as caught:
            mirror.fetch(session)
        # it stands in the way until somebody skips it
        with pytest.raises(PageUnreadable) as again:
            mirror.fetch(session)
        assert (caught.value.place, caught.value.skip) == (again.value.place, again.value.skip)
        assert caught.value.skip is not None
        assert caught.value.skip.startswith("what last changed in the second before 2026-11-2")
        mirror.checkpoint = dict(caught.value.skip_to or {})
        assert mirror.fetch(session)
        wanted = simulator.play.expected(LIST)
        del wanted[member, "made-up-9"]
        assert _held(mirror) == wanted
        # a later change brings it
        simulator.edit({"do": "mend", "member": member, "id": "made-up-9"})
        simulator.edit({"do": "update", "member": member, "id": "made-up-9"})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)


@pytest.mark.parametrize("fault", ["truncated", "malformed_xml", "not_what_was_asked"])
def test_a_page_that_was_cut_off_once_is_asked_for_again(client: httpx.Client, fault: str) -> None:
    with Simulator(_play(10, page_size=4), stands_at=START, faults=[f"entries:2:{fault}"]) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected(LIST)
        assert _pages(simulator) == ["1", "5", "5", "9"]


def test_a_wrong_password_is_refused(client: httpx.Client) -> None:
    with Simulator(_play(1), stands_at=START) as simulator:
        wrong = {"user": "simulator", "password": "another"}
        session = open_session(f"{simulator.url}/{LIST}", client, simulator.clock.now, credentials=wrong)
        with pytest.raises(PartnerRefused) as caught:
            list(PARTNER.pages(session, None))
        assert caught.value.status == 401


# ── members, categories, opinions ────────────────────────────────────────────────────────────────────────────────


def test_take_it_down_is_the_entries_of_its_member(client: httpx.Client) -> None:
    with Simulator(_play(9), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, "npo", only_members=[TAKE_IT_DOWN])
        assert mirror.fetch(session)
        assert _held(mirror) == simulator.play.expected("npo", {TAKE_IT_DOWN_MEMBER})
        assert mirror.records
        assert {each.contributor for each in mirror.records.values()} == {str(TAKE_IT_DOWN_MEMBER)}


def test_an_entry_that_turns_out_to_be_unconfirmed_is_withdrawn(client: httpx.Client) -> None:
    with Simulator(_play(0), stands_at=START) as simulator:
        unconfirmed = "Unconfirmed Child Sexual Abuse Material"
        mirror, session = Mirror(PARTNER), _session(simulator, client, except_categorizations=[unconfirmed])
        simulator.edit({"do": "create", "member": 42, "id": "e1", "categories": ["Viral"]})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert mirror.records["42/e1"].tags == ("Viral",)
        simulator.edit({"do": "update", "member": 42, "id": "e1", "categories": [unconfirmed]})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        assert mirror.records == {}


def test_opinions_arrive_and_ours_does_not_dispute_to_us(client: httpx.Client) -> None:
    with Simulator(_play(2), stands_at=START) as simulator:
        config = {"dispute_reason_different_media": "Example Reason 2"}
        mirror, session = Mirror(PARTNER), _session(simulator, client, **config)
        assert mirror.fetch(session)
        ((key, record), (other, another)) = mirror.records.items()
        for opinion, reason in (
            (Sayings.AGREE, None),
            (Sayings.DISPUTE, "different_media"),
            (Sayings.DISPUTE, "lawful"),
        ):
            PARTNER.send(session, Saying(opinion, key, record.handle, "MD5", "", reason, "t"))
            (vote,) = simulator.play.votes(LIST)
            assert (vote.voter, vote.element, vote.is_affirmative) == (CALLER_MEMBER, "md5", opinion is Sayings.AGREE)
        assert vote.times == 3
        about = {"member": int(another.handle["member"]), "id": another.handle["id"], "type": "sha1"}
        voter = next(each for each in (42, 43) if each != about["member"])
        simulator.edit(
            {"do": "vote", **about, "voter": voter, "is_affirmative": False, "reasons": ["Example Reason 1"]}
        )
        mirror.checkpoint = None
        assert mirror.fetch(session)
        assert (mirror.records[key].is_disputed, mirror.records[other].is_disputed) == (False, True)


def test_an_opinion_on_what_is_gone_or_our_own_is_refused(client: httpx.Client) -> None:
    with Simulator(_play(0), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        for member in (CALLER_MEMBER, 42):
            simulator.edit({"do": "create", "member": member, "id": "e1"})
        simulator.clock.advance(seconds=10)
        assert mirror.fetch(session)
        simulator.edit({"do": "delete", "member": 42, "id": "e1"})
        for key, problem in ((f"{CALLER_MEMBER}/e1", "our own"), ("42/e1", "no such entry")):
            with pytest.raises(OpinionRefused, match=problem):
                PARTNER.send(session, Saying(Sayings.AGREE, key, mirror.records[key].handle, "MD5", "", None, "t"))
        assert simulator.play.votes() == []
