"""Made-up entries: the same in every run, spread over time, and had without having them all."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.simulators.ncmec_hashes.generated import Generated
from hedgerow.simulators.ncmec_hashes.model import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

NS = "{https://hashsharing.ncmec.org/hashsharing/v2}"
START = datetime(2025, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=365)


def test_they_are_the_same_in_every_run_and_others_with_another_seed(service: Callable[..., Any]) -> None:
    first, again, other = (service(generated=511, seed=seed).play.expected() for seed in (1, 1, 2))
    assert first == again
    assert first.keys() == other.keys()
    values = [value for _, prints in [*first.values(), *other.values()] for _, value in prints]
    assert len(values) == len(set(values)) == 2 * (511 * 2 + 511 - 31)


def test_one_that_is_written_by_itself_is_written_as_the_many_are(service: Callable[..., Any]) -> None:
    caller = service(generated=600)
    many = caller.ask(caller.all).body
    holdings = caller.play._lists["hashsharing"]
    holdings.special.update(range(600))
    one_by_one = caller.ask(caller.all).body
    # Addresses belong to the asking; the rest must be alike to the byte.
    assert re.sub(rb'href="[^"]*"', b"", many) == re.sub(rb'href="[^"]*"', b"", one_by_one)


@pytest.mark.parametrize("count", [1, 7, 1000, 5_000_000])
def test_they_are_spread_over_their_span_and_found_by_their_time(count: int) -> None:
    made_up = Generated("npo", count, 0, {42: "x"}, seconds(START), int(SPAN.total_seconds()))
    for number in (0, count // 3, count - 1):
        at = made_up.timestamp_s(number)
        found = made_up.between(at - 1, at)
        assert number in found
        assert {made_up.timestamp_s(found[0]), made_up.timestamp_s(found[-1])} == {at}
    assert len(made_up.between(0, 2**40)) == count
    assert len(made_up.between(0, 1)) == len(made_up.between(2**40, 2**41)) == 0
    assert seconds(START) == made_up.timestamp_s(0) <= made_up.timestamp_s(count - 1) < seconds(START + SPAN)


def test_any_page_of_five_million_can_be_had_and_changed(service: Callable[..., Any]) -> None:
    caller = service(generated=5_000_000)
    caller.edit("delete", member=42, id="made-up-4999998")
    page = caller.read()
    path = caller.following(page)
    assert "&max=5000000&" in path
    assert [each.tag for each in caller.on(page)].count(f"{NS}deletedImage") == 1
    tail = caller.walk(path.replace("start=1001", "start=4998999"))
    assert [sum(1 for _ in caller.on(each)) for each in tail] == [1000, 2]
    assert len(caller.play.items()) == 7 * 5_000_000
    assert caller.play.items()[-1]["id"] == "made-up-4999999"


def test_they_are_of_every_sort_that_a_client_must_read(service: Callable[..., Any]) -> None:
    caller = service(generated=1000)
    entries = list(caller.on(caller.read()))
    sorts = Counter(tuple(each.tag.removeprefix(NS) for each in entry.find(f"{NS}fingerprints")) for entry in entries)
    assert sorts == {("md5", "sha1", "pdq"): 938, ("md5", "sha1"): 61, ("videntifier",): 1}
    assert {entry.findtext(f"{NS}classification") for entry in entries} == {"A1", "A2", "B1", "B2", None}
    assert sum(1 for entry in entries if entry.find(f"{NS}feedback") is not None) == 200
    lengths = {
        (each.tag.removeprefix(NS), len(each.text or "")) for entry in entries for each in entry[-2:] for each in each
    }
    assert lengths == {("md5", 32), ("sha1", 40), ("pdq", 64), ("videntifier", 0)}


def test_only_its_own_member_has_an_entry() -> None:
    made_up = Generated("npo", 10, 0, {42: "x", 43: "y"}, 0, 100)
    assert made_up.number_of(43, "made-up-3") == 3
    assert {
        made_up.number_of(*key) for key in [(42, "made-up-3"), (43, "made-up-03"), (42, "made-up-10"), (42, "x")]
    } == {None}
