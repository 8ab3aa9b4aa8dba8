"""The seven lists, and the pages of their entries."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lxml import etree

from hedgerow.errors import RealNameRefused
from hedgerow.simulators.ncmec_hashes import ENVIRONMENTS, MEMBERS, TAKE_IT_DOWN_MEMBER, NcmecHashesPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

NS = "{https://hashsharing.ncmec.org/hashsharing/v2}"


# ── the lists ──


def test_each_of_the_seven_lists_has_its_own_members_entries_and_guids(service: Callable[..., Any]) -> None:
    caller = service(generated=20)
    guids, values = [], Counter[str]()
    for name in ENVIRONMENTS:
        members = caller.read("/v2/members", of=name)
        assert {int(each.get("id")): each.text for each in members} == MEMBERS[name]
        groups = caller.read("/v2/categorizations", of=name)
        assert groups.tag == f"{NS}availableCategorizations"
        assert [(each.get("name"), each.get("allowMultiple")) for each in groups] == [
            ("Content", "false"),
            ("Context", "true"),
            ("Egregious", "true"),
        ]
        guids += [each.get("guid") for group in groups for each in group]
        values.update(value for _, prints in caller.play.expected(name).values() for _, value in prints if value)
    assert len(ENVIRONMENTS) == 7
    assert max(Counter(guids).values()) == max(values.values()) == 1


def test_take_it_down_is_one_member_of_the_list_of_ngos(service: Callable[..., Any]) -> None:
    play = service(generated=30).play
    theirs = play.expected("npo", {TAKE_IT_DOWN_MEMBER})
    assert theirs
    assert theirs.items() < play.expected("npo").items()
    assert {member for member, _ in theirs} == {TAKE_IT_DOWN_MEMBER}
    assert TAKE_IT_DOWN_MEMBER not in MEMBERS["hashsharing"]


def test_status_says_who_is_asking(service: Callable[..., Any]) -> None:
    root = service().read("/v2/status")
    assert root.tag == f"{NS}status"
    assert [(each.tag.removeprefix(NS), each.text, each.get("id")) for each in root] == [
        ("ipAddress", "127.0.0.1", None),
        ("username", "simulator", None),
        ("member", "Sir Testington", "1"),
    ]


def test_credentials_are_a_lists_own(service: Callable[..., Any]) -> None:
    caller = service(credentials={"npo": ("other", "secret")})
    answer = caller.ask("/v2/status", of="npo")
    assert (answer.status, answer.body, answer.headers["WWW-Authenticate"]) == (401, b"", 'Basic realm="SIMULATOR"')
    assert caller.ask("/v2/status").status == 200


@pytest.mark.parametrize("authorization", ["", "Basic ?", "Basic c2ltdWxhdG9yOndyb25n", "Bearer simulator"])
def test_wrong_credentials_are_refused(authorization: str, service: Callable[..., Any]) -> None:
    assert service().ask("/v2/status", headers={"authorization": authorization}).status == 401


@pytest.mark.parametrize("path", ["/v1/status", "/v2/entries/", "/v2", "", "/v2/entries/42/a/MD5/feedback"])
def test_what_is_no_call_is_none(path: str, service: Callable[..., Any]) -> None:
    assert service().ask(path).status == 404
    assert service().ask("/v2/status", of="other").status == 404


@pytest.mark.parametrize("host", ["report.cybertip.org", "hashsharing.ncmec.org", "exttest.cybertip.org:443"])
def test_it_is_never_the_real_service(host: str) -> None:
    with pytest.raises(RealNameRefused):
        Simulator(NcmecHashesPlay(), host=host)


def test_it_is_played_on_the_stage(service: Callable[..., Any]) -> None:
    caller = service(generated=5)
    with (
        Simulator(caller.play, stands_at=caller.now) as simulator,
        # To read the machine's certificates takes longer than the calls.
        httpx.Client(base_url=simulator.url, auth=("simulator", "simulator"), verify=False) as client,  # noqa: S501  (plain HTTP)
    ):
        page = etree.fromstring(client.get(f"/hashsharing{caller.all}").content)
        assert caller.held([page]) == caller.play.expected()
        assert client.get("/hashsharing/v2/status", auth=("simulator", "wrong")).status_code == 401
        assert [each.path for each in simulator.transcript()] == [
            "/hashsharing/v2/entries?from=1970-01-01T00:00:00Z&to=2026-11-22T12:00:00Z",
            "/hashsharing/v2/status",
        ]
        assert "<td>made-up-4</td>" in client.get("/").text


# ── pages ──


def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(service: Callable[..., Any]) -> None:
    caller = service()
    for second in (9, 10, 11, 12):
        caller.edit("create", id=f"at-{second}", at=f"2026-11-20T10:00:{second:02}Z")
    window = "/v2/entries?from=2026-11-20T10:00:09{}Z&to=2026-11-20T10:00:11{}Z"
    for fractions in (("", ""), (".000", ".999"), (".5", ".123456")):
        pages = caller.walk(window.format(*fractions))
        assert {name for _, name in caller.held(pages)} == {"at-10", "at-11"}


def test_nothing_is_an_empty_list_without_a_latest_time(service: Callable[..., Any]) -> None:
    page = service().read()
    assert [(each.tag, dict(each.attrib), len(each)) for each in page] == [(f"{NS}images", {"count": "0"}, 0)]


@pytest.mark.parametrize("cursors", ["offset", "kept"])
def test_pages_are_full_and_come_in_no_order_of_time(cursors: str, service: Callable[..., Any]) -> None:
    caller = service(generated=2500, cursors=cursors)
    pages = caller.walk()
    assert [sum(1 for _ in caller.on(page)) for page in pages] == [1000, 1000, 500]
    for page in pages:
        images = page.find(f"{NS}images")
        times = [each.findtext(f"{NS}timestamp") for each in images]
        assert times != sorted(times)
        assert images.get("maxTimestamp") == max(times)
    last = [each.findtext(f"{NS}timestamp") for each in caller.on(pages[-1])]
    assert min(last) < pages[0].find(f"{NS}images").get("maxTimestamp"), "a page's latest time must be no checkpoint"
    assert caller.held(pages) == caller.play.expected()


def test_entries_that_were_made_by_hand_come_in_no_order_of_time_either(service: Callable[..., Any]) -> None:
    caller = service(page_size=10)
    for minute in range(30):
        caller.edit("create", at=f"2026-11-20T10:{minute:02}:00Z")
    times = [each.findtext(f"{NS}timestamp") for page in caller.walk() for each in caller.on(page)]
    assert len(times) == 30
    assert times != sorted(times)


def test_next_is_a_path_that_repeats_the_query_with_fractions(service: Callable[..., Any]) -> None:
    caller = service(generated=5, page_size=2)
    assert caller.following(caller.read()).startswith(
        "/v2/entries?from=1970-01-01T00%3A00%3A00.000Z&to=2026-11-22T12%3A00%3A00.000Z&start=3&size=2&max=5&"
    )
    assert [len(caller.held([page])) for page in caller.walk()] == [2, 2, 1]


@pytest.mark.parametrize(
    ("old", "new"), [("from=1970-01-01", "from=1971-01-01"), ("to=2026-11-22", "to=2026-11-21"), ("cursor=", "c=")]
)
def test_the_next_of_another_query_looks_like_the_end(old: str, new: str, service: Callable[..., Any]) -> None:
    caller = service(generated=5, page_size=2)
    path = caller.following(caller.read())
    assert old in path
    tail = caller.read(path.replace(old, new))
    assert (list(caller.on(tail)), caller.following(tail)) == ([], None)
    assert list(caller.on(caller.read(path)))
    assert not list(caller.on(caller.read(path, of="npo")))


def test_next_grows_old(service: Callable[..., Any]) -> None:
    caller = service(generated=5, page_size=2, next_life=timedelta(hours=12))
    path = caller.following(caller.read())
    caller.now += timedelta(hours=12)
    assert caller.ask(path).status == 200
    caller.now += timedelta(seconds=1)
    assert caller.ask(path).status == 400


def test_a_window_that_ends_in_the_future_is_refused_and_remembered(service: Callable[..., Any]) -> None:
    caller = service()
    late = ["2026-11-22T12:00:01Z", "2026-11-22T12:00:00.001Z", "2026-11-22T21:00:00Z"]
    for to in late:
        answer = caller.ask(f"/v2/entries?from=2026-01-01T00:00:00Z&to={to}")
        assert (answer.status, answer.note) == (400, "to lies in the future")
    caller.read()
    assert caller.play.future_queries == [("hashsharing", to) for to in late]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-01-01",
        "from=2026-13-01T00:00:00Z",
        "to=2026-01-01T00:00:00%2B01:00",
        "start=0&size=1",
        "start=1",
        "start=²&size=1",
    ],
)
def test_a_query_that_cannot_be_read_is_refused(query: str, service: Callable[..., Any]) -> None:
    assert service().ask(f"/v2/entries?{query}").status == 400


# ── fingerprints ──


def test_a_large_fingerprint_stands_as_an_address_that_ends(service: Callable[..., Any]) -> None:
    caller = service()
    caller.edit("create", id="large one", fingerprints={"videntifier": "00ff10", "tmk-pdqf": "abcd"}, kind="video")
    both = frozenset({("videntifier", ""), ("tmk-pdqf", "")})
    assert caller.held(caller.walk()) == caller.play.expected() == {(42, "large one"): (None, both)}
    (entry,) = caller.on(caller.read())
    element = entry.find(f"{NS}fingerprints/{NS}videntifier")
    assert (element.text, element.get("rel")) == (None, "self")
    href = element.get("href")
    answer = caller.ask(href)
    assert (answer.status, answer.body, answer.content_type) == (200, b"\x00\xff\x10", "application/octet-stream")
    assert caller.ask(href, of="npo").status == 404
    assert caller.ask(f"{href}0").status == 404
    caller.now += timedelta(hours=13)
    assert caller.ask(href).status == 404
    caller.now -= timedelta(hours=13)
    caller.edit("delete", member=42, id="large one")
    assert caller.ask(href).status == 404


def test_a_tombstone_stays_for_ever_and_has_nothing_but_its_name(service: Callable[..., Any]) -> None:
    caller = service(generated=16)
    for number in (0, 15):
        caller.edit("delete", member=42, id=f"made-up-{number}")
        assert (42, f"made-up-{number}") not in caller.play.expected()
    caller.now = datetime(2036, 1, 1, tzinfo=UTC)
    page = caller.read("/v2/entries?from=2026-11-22T11:59:59Z&to=2036-01-01T00:00:00Z")
    assert [each.tag for each in caller.on(page)] == [f"{NS}deletedImage", f"{NS}deletedVideo"]
    for entry in caller.on(page):
        assert {each.tag.removeprefix(NS) for each in entry} == {"member", "id", "timestamp"}


def test_names_are_escaped(service: Callable[..., Any]) -> None:
    caller = service()
    caller.edit("create", member=44, id="a<b>&\"c'", fingerprints={"netclean": "<&>"}, classification="A&B")
    wanted = {(44, "a<b>&\"c'"): ("A&B", frozenset({("netclean", "<&>")}))}
    assert caller.held(caller.walk()) == caller.play.expected() == wanted
    assert b"Example &amp; Sons" in caller.ask(caller.all).body


def test_an_unknown_fingerprint_is_written_like_any_other(service: Callable[..., Any]) -> None:
    caller = service()
    caller.edit("create", fingerprints=[["sha3-512", "ab"], ["md5", "x"], ["md5", "y"]])
    (held,) = caller.held(caller.walk()).values()
    assert held == (None, frozenset({("sha3-512", "ab"), ("md5", "x"), ("md5", "y")}))


def test_categories_are_written_with_the_lists_own_guids(service: Callable[..., Any]) -> None:
    caller = service()
    caller.edit("create", environment="npo", categories=["Viral", "Known Minor"])
    known = {
        each.get("guid"): each.get("name") for group in caller.read("/v2/categorizations", of="npo") for each in group
    }
    (entry,) = caller.on(caller.read(of="npo"))
    given = entry.findall(f"{NS}categorizations/{NS}categorization")
    assert (
        [known[each.get("guid")] for each in given] == [each.get("name") for each in given] == ["Viral", "Known Minor"]
    )
