"""The adapter of what another Hedgerow shares, against its simulator: in the end both hold the same."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.banks.vpdq import packed_text, vpdq_signal
from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.http import Limits
from hedgerow.exchanges.model import Opaque, Record, Saying, Sayings, Withdrawal
from hedgerow.exchanges.partners import hedgerow as adapter
from hedgerow.exchanges.partners.hedgerow import HedgerowFeed
from hedgerow.hashing.frame_list import FrameList
from hedgerow.simulators.feed import FeedKey, FeedPlay, SharedList
from hedgerow.simulators.stage import Simulator
from hedgerow.testing import PartnerConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

    from hedgerow.exchanges.model import Session

__all__: list[str] = []

PARTNER = HedgerowFeed()
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONFIG = {"environment": "simulator", "list": "shared"}
EXAMPLES = 12 if settings.default is None or settings.default.max_examples <= 20 else 300
FAULTS = (
    *("drop_before", "drop_during", "drop_after", "unauthorized", "too_many", "server_error", "bad_gateway"),
    *("unavailable", "truncated", "not_what_was_asked", "redirect", "epoch_gone", "unknown_type", "unknown_field"),
    *("mutate", "mutate=delete", "shuffled_within_page", "busy"),
)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_PAGE", 3)


def session_of(simulator: Simulator[FeedPlay], client: httpx.Client, **more: Any) -> Session:
    asked = {"config": CONFIG, "credentials": {"key": simulator.play.key}, **more}
    return open_session(simulator.url, client, simulator.clock.now, **asked)


class World:
    """A simulated house with small pages, for the conformance suite."""

    def __init__(self) -> None:
        self.partner = PARTNER
        self.play = FeedPlay()
        self.simulator = Simulator(self.play, stands_at=START)
        self.simulator.start()

    @property
    def secrets(self) -> Collection[str]:
        return {self.play.key, *(each.value for each in self.play.expected().values())}

    def session(self) -> Session:
        client = httpx.Client(timeout=20, trust_env=False, verify=False)  # noqa: S501  (plain HTTP)
        return session_of(self.simulator, client, limits=Limits(tries=2))

    def create(self, count: int) -> Sequence[str]:
        self.simulator.clock.advance(timedelta(seconds=1))
        return [str(each) for each in self.simulator.edit({"do": "create", "count": count})["ids"]]

    def change(self, key: str) -> None:
        self.simulator.clock.advance(timedelta(seconds=1))
        before = self.play.expected()[int(key)].category
        self.simulator.edit({"do": "update", "id": int(key), "category": "B2" if before == "A1" else "A1"})

    def withdraw(self, key: str) -> None:
        self.simulator.edit({"do": "delete", "id": int(key)})

    def restore(self, key: str) -> None:
        self.simulator.edit({"do": "recreate", "id": int(key)})

    def create_unknown(self) -> str | None:
        return str(self.simulator.edit({"do": "create", "type": "hash-of-tomorrow"})["id"])

    def spoil(self) -> bool:
        self.simulator.faults.add("entries:*:truncated")
        return True

    def mend(self) -> None:
        self.simulator.faults.clear()

    def expected(self) -> Mapping[str, Hashable]:
        return {str(key): (each.kind, each.value, each.category) for key, each in self.play.expected().items()}

    def said(self, record: Record) -> Hashable:
        held = [(kind, signal.value) for kind, signal in record.signals] + [
            (one.type, one.value) for one in record.opaque
        ]
        return *held[0], record.category

    def sayings(self, key: str) -> Mapping[str, Saying]:
        handle = {"id": int(key)}
        return {
            each.value: Saying(each, key, handle, "pdq", "0f" * 32, None, f"token-{each.value}")
            for each in PARTNER.opinions
        }

    def heard(self) -> Hashable:
        return frozenset((place, said.opinion) for place, said in self.play.opinions().items())

    def close(self) -> None:
        self.simulator.stop()


class TestHedgerow(PartnerConformance):
    records = 8

    def world(self) -> World:
        return World()


# ── whatever happens ─────────────────────────────────────────────────────────────────────────────────────────────

STEP = st.one_of(
    st.sampled_from(["create", "update", "delete", "recreate", "restore"]).flatmap(
        lambda do: st.integers(1, 12).map(lambda which: ("edit", (do, which)))
    ),
    st.builds(lambda n, kind: ("fault", f"entries:{n}:{kind}"), st.integers(1, 3), st.sampled_from(FAULTS)),
    st.none().map(lambda _: ("fetch", None)),
    st.integers(0, 3).map(lambda pages: ("fetch", pages)),
    st.integers(0, 50).map(lambda back: ("restart", back)),
    st.none().map(lambda _: ("walk", None)),
)


def take(step: tuple[str, Any], simulator: Simulator[FeedPlay], mirror: Mirror, session: Session) -> None:
    what, of = step
    if what == "edit":
        do, which = of
        change = {"do": do, "steps": which} if do == "restore" else {"do": do, "id": which}
        with contextlib.suppress(ValueError):  # nothing is there that could be changed so
            simulator.edit({"do": "create"} if do == "create" else change)
    elif what == "fault":
        simulator.faults.add(of)
    elif what == "restart":
        if mirror.saved:
            mirror.checkpoint = mirror.saved[-1 - of % len(mirror.saved)]
    else:
        with contextlib.suppress(PartnerError):
            mirror.walk(session) if what == "walk" else mirror.fetch(session, dies_after=of)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, max_size=25), st.integers(0, 3))
def test_whatever_happened_the_mirror_holds_what_is_shared(
    client: httpx.Client, steps: list[tuple[str, Any]], seed: int
) -> None:
    with Simulator(FeedPlay(seed=seed), stands_at=START) as simulator:
        simulator.edit({"do": "create", "count": 5})
        mirror, session = Mirror(PARTNER), session_of(simulator, client)
        for each in steps:
            take(each, simulator, mirror, session)
        simulator.faults.clear()
        mirror.fetch(session)  # it may be told to begin anew
        assert mirror.fetch(session)
        wanted = {str(key): each.value for key, each in simulator.play.expected().items()}
        told = {
            key: next(iter([s.value for _, s in each.signals] + [o.value for o in each.opaque]))
            for key, each in mirror.records.items()
        }
        assert told == wanted


def test_what_is_deleted_stops_matching_with_the_next_fetch(client: httpx.Client) -> None:
    with Simulator(FeedPlay(), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), session_of(simulator, client)
        simulator.edit({"do": "create", "count": 5})
        assert mirror.fetch(session)
        simulator.edit({"do": "delete", "id": 2})
        assert mirror.fetch(session)
        assert sorted(mirror.matched()) == ["1", "3", "4", "5"]


def test_a_restored_house_is_walked_through_again(client: httpx.Client) -> None:
    with Simulator(FeedPlay(), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), session_of(simulator, client)
        simulator.edit({"do": "create", "count": 5})
        simulator.edit({"do": "create"})
        assert mirror.fetch(session)
        simulator.edit({"do": "restore", "steps": 1})
        with pytest.raises(CheckpointStale):
            list(PARTNER.pages(session, mirror.checkpoint))
        mirror.fetch(session)
        assert mirror.fetch(session)
        assert sorted(mirror.matched()) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Europe/Berlin", "UTC"])
def test_the_hosts_time_zone_changes_nothing(client: httpx.Client, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        with Simulator(FeedPlay(), stands_at=START) as simulator:
            simulator.edit({"do": "create", "count": 4})
            pages = list(PARTNER.pages(session_of(simulator, client), None))
        assert [each.updated_at for page in pages for each in page.items] == [START] * 4
        assert pages[-1].checkpoint["after"] == "2026-11-22T12:00:00Z,4"
    finally:
        monkeypatch.undo()
        time.tzset()


# ── who may, and what is said back ───────────────────────────────────────────────────────────────────────────────


def test_a_wrong_key_is_refused_and_named_nowhere(client: httpx.Client) -> None:
    narrow = {"narrow-key": FeedKey("narrow", frozenset({"other"}))}
    with Simulator(FeedPlay(keys=narrow), stands_at=START) as simulator:
        for key, status in (("wrong-key", 401), ("narrow-key", 403)):
            session = session_of(simulator, client, credentials={"key": key})
            with pytest.raises(PartnerRefused) as caught:
                list(PARTNER.pages(session, None))
            assert caught.value.status == status
            assert key not in str(caught.value)
        with pytest.raises(PartnerUnavailable):
            list(PARTNER.pages(session_of(simulator, client, credentials={}), None))


def test_a_list_that_is_not_there_is_said_so_by_its_name(client: httpx.Client) -> None:
    with Simulator(FeedPlay(), stands_at=START) as simulator:
        session = session_of(simulator, client, config={**CONFIG, "list": "mistyped"})
        with pytest.raises(PartnerRefused) as caught:
            list(PARTNER.pages(session, None))
    assert str(caught.value) == "The partner refused it: it has no list called mistyped (HTTP 404)."


def test_an_opinion_arrives_once_under_its_token(client: httpx.Client) -> None:
    with Simulator(FeedPlay(), stands_at=START) as simulator:
        session = session_of(simulator, client)
        simulator.edit({"do": "create", "count": 2})
        said = Saying(Sayings.DISPUTE, "1", {"id": 1}, "pdq", "0f" * 32, "lawful", "hedgerow-opinion-7")
        for _ in range(3):
            PARTNER.send(session, said)
        assert [(each.entry, each.opinion, each.reason) for each in simulator.play.stated] == [(1, "dispute", "lawful")]
        simulator.edit({"do": "delete", "id": 2})
        for handle in ({"id": 2}, {"id": 99}, {}, {"id": "1"}):
            with pytest.raises(OpinionRefused):
                PARTNER.send(session, Saying(Sayings.AGREE, "2", handle, "pdq", "0f" * 32, None, "hedgerow-opinion-8"))


# ── what it reads ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def answered(client: httpx.Client) -> Callable[..., Session]:
    """Give a session that is answered with these bodies, one after the other."""

    def answer(*bodies: object) -> Session:
        left = list(bodies)

        def give(_request: httpx.Request) -> httpx.Response:
            body = left.pop(0)
            return httpx.Response(200, content=body if isinstance(body, bytes) else json.dumps(body).encode())

        played = httpx.Client(transport=httpx.MockTransport(give))
        return open_session("http://127.0.0.1:1", played, lambda: START, config=CONFIG, credentials={"key": "k"})

    return answer


def page(*listed: object, **more: object) -> dict[str, object]:
    usual = {"format": "hedgerow-feed/1", "list": "shared", "epoch": "e", "checkpoint": "c", "has_more": False}
    return {**usual, "entries": list(listed), **more}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        [],
        page(epoch=1),
        page(checkpoint=None),
        page(entries={}),
        page(format="hedgerow-feed/2"),
        page({"id": "1"}),
        page({"id": True}),
        page("1"),
    ],
)
def test_what_is_no_page_is_reported_with_its_place(answered: Callable[..., Session], body: object) -> None:
    with pytest.raises(PageUnreadable) as caught:
        list(PARTNER.pages(answered(body), {"after": "2026-11-22T12:00:00Z,7", "epoch": "e"}))
    assert caught.value.place == "after 2026-11-22T12:00:00Z,7"


def test_a_page_that_leads_to_itself_does_not_go_on_for_ever(answered: Callable[..., Session]) -> None:
    again = page(has_more=True)
    with pytest.raises(PageUnreadable):
        list(PARTNER.pages(answered(again, again), None))


def test_another_epoch_in_the_midst_of_pages_begins_anew(answered: Callable[..., Session]) -> None:
    session = answered(page(has_more=True), page(epoch="f", checkpoint="d"))
    with pytest.raises(CheckpointStale):
        list(PARTNER.pages(session, None))


def items(answered: Callable[..., Session], *listed: object) -> list[Record | Withdrawal]:
    (found,) = PARTNER.pages(answered(page(*listed)), None)
    return list(found.items)


def test_an_entry_is_read_with_all_that_is_said_of_it(answered: Callable[..., Session]) -> None:
    frames = FrameList.of([15] * 32, [100], [0], [0.0], [0.0], 1.0)
    video = vpdq_signal(frames)
    told = {
        "id": 7,
        "updated_at": "2026-11-22T12:00:00.250000Z",
        "deleted": False,
        "type": "vpdq",
        "value": video.value,
        "frames": packed_text(frames),
        "category": "A1",
        "contributor": "ada",
        "is_disputed": True,
        "may_redistribute": True,
        "of_tomorrow": {},
    }
    (record,) = items(answered, told)
    assert isinstance(record, Record)
    assert record.signals == (("vpdq", video),)
    assert record.signals[0][1].frames == frames
    assert (record.key, record.handle, record.category, record.contributor) == ("7", {"id": 7}, "A1", "ada")
    assert (record.is_disputed, record.may_be_redistributed) == (True, True)
    assert record.updated_at == START + timedelta(milliseconds=250)


def test_what_cannot_be_used_is_kept_and_matches_nothing(answered: Callable[..., Session]) -> None:
    listed = (
        {"id": 1, "type": "hash-of-tomorrow", "value": "ff"},
        {"id": 2, "type": "pdq", "value": "no digits"},
        {"id": 3, "type": ["pdq"], "value": {}},
        {"id": 4, "type": "vpdq", "value": "0f" * 32},
        {"id": 5, "deleted": True, "updated_at": "yesterday"},
        {"id": 6, "type": "pdq", "value": "0F" * 32, "quality": 101, "updated_at": "2026-11-22T12:00:00"},
    )
    unknown, broken, odd, bare, gone, last = items(answered, *listed)
    assert isinstance(unknown, Record)
    assert (unknown.signals, unknown.opaque) == ((), (Opaque("hash-of-tomorrow", "ff"),))
    for each, kind in ((broken, "pdq"), (bare, "vpdq")):
        assert isinstance(each, Record)
        assert (each.signals, [word for word, _ in each.refused]) == ((), [kind])
    assert isinstance(odd, Record)
    assert (odd.signals, odd.opaque) == ((), (Opaque("unknown", None),))
    assert gone == Withdrawal("5", None)
    assert isinstance(last, Record)
    assert (last.signals[0][1].value, last.signals[0][1].quality, last.updated_at) == ("0f" * 32, None, None)


@pytest.mark.parametrize("name", ["", "a/b", "x" * 101, "a\nb"])
def test_what_is_no_name_of_a_list_is_refused(name: str) -> None:
    with pytest.raises(InvalidExchange):
        PARTNER.check({**CONFIG, "list": name})


def test_a_list_with_another_name_is_asked_for_by_it(client: httpx.Client) -> None:
    play = FeedPlay([SharedList("partners.2026_x-1", seed=1)])
    with Simulator(play, stands_at=START) as simulator:
        simulator.edit({"do": "create", "count": 2})
        config = {**CONFIG, "list": "partners.2026_x-1"}
        assert sum(len(each.items) for each in PARTNER.pages(session_of(simulator, client, config=config), None)) == 2
