"""What goes wrong in a walk: entries that move, addresses that go sour, and pages that cannot be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay

if TYPE_CHECKING:
    from collections.abc import Callable

NS = "{https://hashsharing.ncmec.org/hashsharing/v2}"


def test_a_hot_second_holds_more_than_a_page_and_can_be_walked_through(service: Callable[..., Any]) -> None:
    caller = service(generated=5)
    caller.read(fault="hot_second=2500")
    second = "/v2/entries?from=2026-11-22T11:59:59Z&to=2026-11-22T12:00:00Z"
    pages = caller.walk(second)
    assert [len(caller.held([page])) for page in pages] == [1000, 1000, 500]
    assert {each.findtext(f"{NS}timestamp") for page in pages for each in caller.on(page)} == {"2026-11-22T12:00:00Z"}
    assert caller.held(caller.walk()) == caller.play.expected()
    caller.now += timedelta(seconds=1)
    caller.read(second, fault="hot_second")
    assert len(caller.play.expected()) == 5 + 2500 + 2500


def test_an_entry_that_changes_in_a_walk_leaves_it_and_one_is_skipped(service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4, cursors="offset")
    caller.now += timedelta(minutes=1)
    first = caller.read()
    rest = caller.walk(caller.following(first), fault="mutate")
    assert len(caller.held([first, *rest])) < 10
    assert "max=9&" in caller.following(rest[0]), "the betrayal that a client may watch for"
    assert caller.held(caller.walk(caller.all.replace("12:00:00Z", "12:01:00Z"))) == caller.play.expected()


def test_a_kept_walk_skips_nothing_but_what_has_left_it(service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4, cursors="kept")
    first = caller.read()
    caller.now += timedelta(minutes=1)
    for key in list(caller.play.expected())[::2]:
        caller.edit("delete", member=key[0], id=key[1])
    pages = [first, *caller.walk(caller.following(first))]
    assert sum(len(caller.held([page])) for page in pages) < 10
    late = caller.walk(caller.all.replace("12:00:00Z", "12:01:00Z"))
    assert caller.held([*pages, *late]) == caller.play.expected()


def test_mutations_happen_one_at_a_time_in_their_order(service: Callable[..., Any]) -> None:
    caller = service(generated=3)
    times: list[datetime] = []
    caller.play.mutations += [{"do": "delete", "member": 42, "id": "made-up-0"}, times.append]
    assert len(caller.held([caller.read(fault="mutate")])) == 2
    assert len(caller.held([caller.read(fault="mutate")])) == 2
    assert times == [caller.now]
    assert caller.play.mutations == []


def test_a_sour_next_stays_sour_and_a_new_walk_is_good(service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4)
    path = caller.following(caller.read())
    assert [caller.ask(path, fault="sour_next").status, caller.ask(path).status] == [400, 400]
    assert caller.held(caller.walk()) == caller.play.expected()


@pytest.mark.parametrize(("argument", "status"), [("", 400), ("=404", 404), ("=500", 500), ("=200", 400)])
def test_a_first_page_may_give_out_a_next_that_is_sour_already(
    argument: str, status: int, service: Callable[..., Any]
) -> None:
    caller = service(generated=10, page_size=4)
    path = caller.following(caller.read(fault=f"sour_next{argument}"))
    assert [caller.ask(path).status, caller.ask(path).status] == [status, status]
    assert caller.held(caller.walk()) == caller.play.expected()


def test_times_may_have_fractions(service: Callable[..., Any]) -> None:
    caller = service(generated=3)
    caller.edit("delete", member=42, id="made-up-0")
    page = caller.read(fault="fractional")
    times = [each.findtext(f"{NS}timestamp") for each in caller.on(page)]
    assert len(times) == 3
    assert all(each.endswith(".125Z") for each in times)
    assert page.find(f"{NS}images").get("maxTimestamp") == max(times)


@pytest.mark.parametrize("kind", ["unknown_element", "unknown_classification"])
def test_the_unheard_of_stays_and_belongs_to_what_is_expected(kind: str, service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4)
    caller.edit("delete", member=42, id="made-up-0")
    before = caller.play.expected()
    first = caller.read(fault=kind)
    pages = [first, *caller.walk(caller.following(first))]
    assert caller.held(pages) == caller.play.expected() == caller.held(caller.walk())
    (changed,) = [key for key, entry in caller.play.expected().items() if before[key] != entry]
    classification, prints = caller.play.expected()[changed]
    if kind == "unknown_element":
        assert prints - before[changed][1] == {("unheardof", "a value")}
    else:
        assert classification not in {"A1", "A2", "B1", "B2", None}


def test_an_empty_page_may_have_a_next_that_has_its_entries(service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4)
    first = caller.read(fault="empty_page_with_next")
    assert list(caller.on(first)) == []
    second = caller.read(caller.following(first))
    third = caller.read(caller.following(second), fault="empty_page_with_next")
    assert (len(list(caller.on(second))), list(caller.on(third))) == (4, [])
    pages = [first, second, third, *caller.walk(caller.following(third))]
    assert caller.held(pages) == caller.play.expected()


@pytest.mark.parametrize("path", ["/v2/entries", "/v2/members", "/v2/categorizations", "/v2/feedback/MD5/reasons"])
def test_a_document_may_not_be_closed(path: str, service: Callable[..., Any]) -> None:
    answer = service(generated=3).ask(path, fault="malformed_xml")
    assert (answer.status, answer.note) == (200, "malformed")
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.body)


def test_a_spoiled_entry_spoils_its_page_until_it_is_mended(service: Callable[..., Any]) -> None:
    caller = service(generated=10, page_size=4)
    caller.edit("spoil", member=43, id="made-up-4")
    first = caller.ask(caller.all)
    caller.edit("mend", member=43, id="made-up-4")
    paths = [caller.all, *(caller.following(page) for page in caller.walk())][:3]
    caller.edit("spoil", member=43, id="made-up-4")
    notes = [[caller.ask(each).note for each in paths] for _ in range(2)]
    assert sorted(notes[0]) == ["", "", "malformed"]
    assert notes[0] == notes[1]
    assert first.note == notes[0][0]
    caller.edit("mend", member=43, id="made-up-4")
    assert [caller.ask(each).note for each in paths] == ["", "", ""]


def test_every_kind_of_fault_is_tried_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert {kind for kind in NcmecHashesPlay.fault_kinds if f'"{kind}' in text} == set(NcmecHashesPlay.fault_kinds)
