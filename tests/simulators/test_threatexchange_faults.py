"""ThreatExchange, played as it is in life: its faults, what others do, and a reader who is not misled by either."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulators.graph_asking import (
    FIELDS,
    START,
    VALUE,
    ask,
    error_of,
    filled,
    ids,
    later,
    submission,
    updates,
    value_of,
    walk,
)

from hedgerow.simulators.threatexchange import REACTIONS, ThreatExchangePlay

if TYPE_CHECKING:
    from collections.abc import Mapping


# ── faults ──


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("expired_token", (400, 190)),
        ("throttled", (400, 613)),
        ("throttled=4", (403, 4)),
        ("throttled=17", (400, 17)),
        ("throttled=32", (403, 32)),
    ],
)
def test_a_fault_of_refusal_does_nothing_at_any_call(fault: str, expected: tuple[int, int]) -> None:
    play = filled(1)
    assert error_of(ask(play, f"/{play.group}/threat_updates", fault=fault)) == expected
    assert error_of(ask(play, "/threat_descriptors", submission(play), method="POST", fault=fault)) == expected
    assert play.written == []


@pytest.mark.parametrize("kind", ["missing_descriptors", "empty_array"])
def test_an_indicator_that_lost_its_descriptors_is_told_and_no_longer_expected_until_it_changes(kind: str) -> None:
    play = filled(2)
    (first, _) = sorted(play.expected().indicators)
    updates(play, later(minutes=1), fault=kind)
    told = walk(play, later(minutes=2))[-1]
    assert told["id"] == first
    assert told["should_delete"] is False
    assert told.get("descriptors") == ([] if kind == "empty_array" else None)
    assert first not in play.expected().indicators
    play.edit({"do": "update", "id": first}, later(minutes=3))
    assert walk(play, later(minutes=4))[-1]["descriptors"]["data"]
    assert first in play.expected().indicators


def test_an_opinion_without_an_owner_is_nobodys_and_the_indicator_stays() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    play.edit({"do": "other_descriptor", "id": number}, START)
    updates(play, later(minutes=1), fault="missing_owner")
    (told,) = walk(play, later(minutes=2))
    assert [each.get("owner", {}).get("id") for each in told["descriptors"]["data"]] == [None, "910000002"]
    assert play.expected().opinions[number] == {"910000002": "MALICIOUS"}


def test_an_oscillating_indicator_vanishes_from_one_walk_and_is_back_at_the_next() -> None:
    play = filled(3)
    page = updates(play, later(minutes=1), fault="oscillating", limit=2)
    (away,) = [each["id"] for each in page["data"] if "descriptors" not in each]
    assert away in play.expected().indicators
    rest = updates(play, later(minutes=1), limit=2, after=page["paging"]["cursors"]["after"])
    assert away not in ids(rest["data"])
    told = walk(play, later(minutes=2))
    assert ids(told)[-1] == away
    assert told[-1]["descriptors"]["data"]


def test_a_type_that_nobody_knows_passes_the_filter() -> None:
    play = filled(1)
    found = updates(play, fault="unknown_type=HASH_NEW", types="HASH_MD5")["data"]
    assert [each["type"] for each in found] == ["HASH_NEW"]
    assert "HASH_NEW" in {kind for kind, _ in play.expected().indicators.values()}


def test_a_status_that_nobody_knows_is_an_opinion_too() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    (told,) = updates(play, fault="unknown_status")["data"]
    assert [each["status"] for each in told["descriptors"]["data"]] == ["MALICIOUS", "UNDER_APPEAL"]
    assert play.expected().opinions[number]["910000009"] == "UNDER_APPEAL"


def test_a_mutation_updates_what_was_passed_deletes_what_comes_and_creates() -> None:
    play = filled(6)
    before = sorted(play.expected().indicators)
    first = updates(play, later(minutes=1), limit=2)
    cursor = first["paging"]["cursors"]["after"]
    rest = updates(play, later(minutes=1), fault="mutate", limit=1000, after=cursor)["data"]
    assert ids(rest)[:3] == before[3:]
    (gone,) = [each["id"] for each in rest if each["should_delete"]]
    assert gone == before[2]
    assert before[0] in ids(rest)
    assert set(play.expected().indicators) - set(before) == {ids(rest)[-1]}


def test_shuffled_updates_are_the_same_ones_and_the_cursor_stays_right() -> None:
    play = filled(40)
    plain, page = updates(play, limit=20), updates(play, limit=20, fault="shuffled")
    assert ids(page["data"]) != ids(plain["data"])
    assert sorted(ids(page["data"])) == sorted(ids(plain["data"]))
    assert page["paging"]["cursors"] == plain["paging"]["cursors"]


def test_a_next_address_may_be_foreign_and_a_cursor_sour() -> None:
    play = filled(3)
    page = updates(play, limit=2, fault="foreign_next")
    assert urlsplit(page["paging"]["next"]).netloc == "elsewhere.invalid"
    path, query = f"/{play.group}/threat_updates", {"after": page["paging"]["cursors"]["after"]}
    assert error_of(ask(play, path, query, fault="sour_cursor")) == (400, 100)
    assert value_of(ask(play, path, fault="sour_cursor"))["data"]


def test_a_fault_that_finds_nothing_says_so_in_the_transcript() -> None:
    play = filled(0)
    answer = ask(play, f"/{play.group}/threat_updates", fault="missing_owner")
    assert answer.note == "missing_owner: there is nothing to act on"
    assert ask(play, "/threat_tags", fault="shuffled").note == "shuffled has nothing to act on here"


# ── edits ──


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"do": "dance"},
        {"do": "update", "id": "77"},
        {"do": "update"},
        {"do": "recreate", "id": "3000000000000001"},
        {"do": "delete", "id": "3000000000000001", "owner": "1"},
        {"do": "create", "group": "1"},
        {"do": "create", "count": 0},
        {"do": "create", "count": 2, "value": VALUE},
        {"do": "create", "value": 7},
        {"do": "tag", "id": "3000000000000001"},
        {"do": "react", "id": "3000000000000001", "reaction": "LOVELY"},
        {"do": "react", "id": "3000000000000001", "remove": True},
    ],
)
def test_a_change_that_cannot_be_done_is_a_sentence_and_changes_nothing(change: dict[str, Any]) -> None:
    play = filled(1)
    before = play.items()
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        play.edit(change, later(minutes=1))
    assert play.items() == before


def test_a_signal_can_be_created_once_in_a_group() -> None:
    play = filled(0)
    play.edit({"do": "create", "value": VALUE}, START)
    with pytest.raises(ValueError, match="already"):
        play.edit({"do": "create", "value": VALUE}, START)


def test_many_are_created_at_once_and_two_plays_of_a_seed_make_the_same() -> None:
    one, two, other = ThreatExchangePlay(), ThreatExchangePlay(), ThreatExchangePlay(seed=1)
    for play in (one, two, other):
        play.edit({"do": "create", "count": 30}, START)
    assert len(one.expected().indicators) == 30
    assert one.expected() == two.expected()
    assert one.expected().indicators != other.expected().indicators


def test_items_show_no_whole_signal() -> None:
    play = filled(2)
    (kind, value) = play.expected().indicators[min(play.expected().indicators)]
    assert value not in str(play.items())
    assert value not in repr(play.expected())
    assert play.items()[0]["value"] == f"{value[:8]}…"
    assert kind == "HASH_PDQ"


# ── an honest reader ends with what is expected ──


@dataclass
class Reader:
    """Reads as the protocol's notes say one should: in order, replacing, resuming at the last time that was seen."""

    play: ThreatExchangePlay
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: int = 0
    read_at: datetime = START

    def read(self, now: datetime, limit: int, pages: int = 1000, fault: str = "", at: int = 0) -> bool:
        """Read up to some pages, one of them with a fault, and say whether the end was reached."""
        if now - self.read_at > timedelta(days=85):
            self.held, self.seen = {}, 0
        query: dict[str, object] = {"fields": FIELDS, "limit": limit, "start_time": self.seen}
        for number in range(pages):
            path = f"/{self.play.group}/threat_updates"
            answer = ask(self.play, path, query, now=now, fault=fault if number == at else "")
            if answer.status != 200:
                return False
            page = json.loads(answer.body)
            for each in page["data"]:
                self.take(each)
            if "next" not in page.get("paging", {}):
                self.read_at = now
                return True
            query["after"] = page["paging"]["cursors"]["after"]
        return False

    def take(self, told: dict[str, Any]) -> None:
        self.seen = max(self.seen, told["last_updated"])
        if told["should_delete"] or not told.get("descriptors"):
            self.held.pop(told["id"], None)
        else:
            self.held[told["id"]] = told

    def indicators(self) -> dict[str, tuple[str, str]]:
        return {number: (each["type"], each["indicator"]) for number, each in self.held.items()}

    def opinions(self) -> dict[str, dict[str, str]]:
        return {
            number: {one["owner"]["id"]: one["status"] for one in each["descriptors"]["data"] if "owner" in one}
            for number, each in self.held.items()
        }


CREATIONS = st.fixed_dictionaries(
    {"do": st.just("create"), "type": st.sampled_from(["HASH_PDQ", "HASH_MD5", "URI"]), "count": st.integers(1, 4)}
)
CHANGES = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["delete", "recreate", "update", "tag", "react", "other_descriptor"]),
        "which": st.integers(0, 9),
        "status": st.sampled_from(["MALICIOUS", "NON_MALICIOUS", "SUSPICIOUS"]),
        "tags": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2),
        "reaction": st.sampled_from(REACTIONS),
    }
)
READS = st.fixed_dictionaries(
    {
        "limit": st.integers(1, 4),
        "pages": st.sampled_from([1000, 1, 2]),
        "fault": st.sampled_from(["", *sorted(ThreatExchangePlay.fault_kinds)]),
        "at": st.integers(0, 2),
    }
)
PAUSES = st.sampled_from([0.5, 30.0, 90_000.0, 91 * 86_400.0])
STEPS = st.lists(st.one_of(CHANGES, READS, PAUSES, CREATIONS), min_size=5, max_size=25)


def play_change(play: ThreatExchangePlay, change: Mapping[str, Any], now: datetime) -> None:
    """Do a change to whichever indicator its number points at, where there is one to do it to."""
    wanted = "withdrawn" if change["do"] == "recreate" else ""
    known = [each["id"] for each in play.items() if (each["state"] == "withdrawn") == bool(wanted)]
    if "which" in change and not known:
        return
    number = {"id": known[change["which"] % len(known)]} if "which" in change else {}
    play.edit({**change, **number}, now)


@given(STEPS)
def test_an_honest_reader_holds_what_is_expected_after_any_edits_faults_and_broken_walks(steps: list[Any]) -> None:
    play, now = filled(4), later(minutes=1)
    reader = Reader(play)
    reader.read(now, 1000)
    for step in steps:
        if isinstance(step, float):
            now += timedelta(seconds=step)
        elif "limit" in step:
            reader.read(now, **step)
        else:
            play_change(play, step, now)
    assert reader.read(now + timedelta(seconds=1), 3)
    expected = play.expected()
    assert reader.indicators() == expected.indicators
    assert reader.opinions() == expected.opinions
