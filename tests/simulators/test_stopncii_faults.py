"""StopNCII.org, played as it is in life: what its data has been seen to do, and a reader who is not misled by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.simulators.stage import Answer, Request, fault_from_text
from hedgerow.simulators.stopncii import ENDED_STATUSES, StopNciiPlay

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = int(START.timestamp())
KEYS = {"ocp-apim-subscription-key": "simulator-subscription", "x-functions-key": "simulator-fetch"}


def value(number: int) -> str:
    return f"{number + 1:064x}"


def ask(play: StopNciiPlay, query: Mapping[str, object], *, now: datetime = START, fault: str = "") -> Answer:
    """Fetch as the stage does."""
    read = {name: (str(each),) for name, each in query.items()}
    request = Request("GET", "/v1/FetchHashes", read, KEYS, b"", "here")
    assert play.call_of(request) == "fetch"
    assert play.is_authorized("fetch", request)
    return play.answer("fetch", request, now, fault_from_text(f"fetch:1:{fault}") if fault else None)


def page(play: StopNciiPlay, start: int = 10, token: str = "", size: int = 100, **more: Any) -> dict[str, Any]:
    query = {"startTimestamp": start, "pageSize": size, **({"nextPageToken": token} if token else {})}
    answer = ask(play, query, **more)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


def walk(play: StopNciiPlay, size: int = 100) -> list[dict[str, Any]]:
    pages = [page(play, size=size)]
    while pages[-1]["hasMoreRecords"]:
        pages.append(page(play, token=pages[-1]["nextPageToken"], size=size))
    return pages


def values(pages: list[dict[str, Any]]) -> list[str]:
    return [each["hashValue"] for one in pages for each in one["hashRecords"]]


def edit(play: StopNciiPlay, do: str, number: int, *, now: datetime = START, **more: Any) -> Mapping[str, Any]:
    return play.edit({"do": do, "hashValue": value(number), **more}, now)


def filled(count: int = 5, **more: Any) -> StopNciiPlay:
    """Hold some hashes; each is a minute younger than the one before."""
    seeds = [{"hashValue": value(number), "lastModtimestamp": SECOND - 6000 + number * 60} for number in range(count)]
    return StopNciiPlay(seeds, **more)


def status(play: StopNciiPlay, number: int) -> str:
    found = play.record(value(number))
    assert found is not None
    return str(found["hashStatus"])


def token_status(play: StopNciiPlay, token: str, **more: Any) -> int:
    return ask(play, {"startTimestamp": 10, "pageSize": 2, "nextPageToken": token}, **more).status


# ── what goes wrong in life ──────────────────────────────────────────────────────────────────────────────────────


def test_zeros_are_in_the_set_for_good_and_nobody_is_expected_to_hold_them() -> None:
    play = filled(2)
    expected = play.expected()
    told = page(play, fault="zeros")
    assert told["hashRecords"][-1]["hashValue"] == "0" * 32
    assert told["hashRecords"][-1]["hashStatus"] == "Active"
    assert told["count"] == len(told["hashRecords"]) == 3
    assert "0" * 32 in values(walk(play))
    assert play.expected() == expected


@pytest.mark.parametrize(("fault", "signal_type"), [("unknown_type", "ImageOfTomorrow"), ("unknown_type=X", "X")])
def test_a_type_that_nobody_knows_is_in_the_set_for_good_and_to_be_kept(fault: str, signal_type: str) -> None:
    play = filled(2)
    told = page(play, size=1, fault=fault)["hashRecords"][-1]
    assert told["signalType"] == signal_type
    assert (signal_type, told["hashValue"]) in play.expected()
    assert told["hashValue"] in values(walk(play))


def test_cases_may_be_an_array_where_an_object_belongs() -> None:
    play = filled(2)
    assert [each["caseNumbers"] for each in page(play, fault="empty_array")["hashRecords"]] == [[], []]
    assert all(each["caseNumbers"] for each in page(play)["hashRecords"])


def test_a_word_that_nobody_knows_may_stand_in_a_case_and_in_feedback() -> None:
    play = filled(3)
    edit(play, "feedback", 2, source="A", feedbackValue="Blocked", tags=["Nude"])
    edit(play, "delete", 0)
    told = {each["hashValue"]: each for each in page(play, size=1, fault="unknown_enum")["hashRecords"]}
    assert set(told[value(1)]["caseNumbers"].values()) == {"Undefined"}
    assert [each["feedbackValue"] for each in told[value(1)]["CSPFeedbacks"]] == ["Undefined"]
    assert told[value(1)]["hashStatus"] == "Active"
    assert "Undefined" not in json.dumps(walk(play))
    (record,) = [
        each for each in page(play, start=SECOND, fault="unknown_enum")["hashRecords"] if "CSPFeedbacks" in each
    ]
    assert record["CSPFeedbacks"] == [{"source": "A", "feedbackValue": "Undefined", "tags": ["Nude"]}]


def test_a_hash_may_have_a_status_that_nobody_knows_and_is_live() -> None:
    play = filled(2)
    (record,) = page(play, size=1, fault="unknown_enum=hashStatus")["hashRecords"]
    assert record["hashStatus"] == "Undefined"
    assert status(play, 0) == "Undefined"
    assert len(play.expected()) == 2
    assert play.expected({"Active"}) == {("ImagePDQ", value(1))}


def is_broken(answer: Answer) -> bool:
    try:
        json.loads(answer.body)
    except ValueError:
        return answer.status == 200
    return False


def broken_pages(play: StopNciiPlay, size: int, start: int = 10) -> bool:
    """Say whether a walk ends at a page that cannot be read."""
    token = ""
    while True:
        query: dict[str, object] = {"startTimestamp": start, "pageSize": size}
        answer = ask(play, {**query, "nextPageToken": token} if token else query)
        if is_broken(answer):
            return True
        told = json.loads(answer.body)
        if not told["hasMoreRecords"]:
            return False
        token = told["nextPageToken"]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_corrupt_place_breaks_every_page_with_it_until_it_is_mended(size: int) -> None:
    play = filled(corrupt_at=2)
    for _ in range(3):
        assert broken_pages(play, size)
    assert play.unreadable() == {("ImagePDQ", value(2))}
    assert ("ImagePDQ", value(2)) in play.expected()
    assert not broken_pages(play, size, start=SECOND - 6000 + 3 * 60)
    play.edit({"do": "mend"}, START)
    assert not broken_pages(play, size)
    assert play.unreadable() == set()


def test_a_smaller_page_shows_what_stands_before_a_corrupt_place() -> None:
    play = filled(corrupt_at=2)
    assert is_broken(ask(play, {"startTimestamp": 10, "pageSize": 3}))
    assert values([page(play, size=2)]) == [value(0), value(1)]


def test_a_place_may_be_corrupted_by_a_fault_or_by_an_edit() -> None:
    play = filled()
    query = {"startTimestamp": 10, "pageSize": 2}
    assert is_broken(ask(play, query, fault="corrupt_page"))
    assert is_broken(ask(play, query))
    play.edit({"do": "mend", "hashValue": value(0)}, START)
    assert not is_broken(ask(play, query, fault="corrupt_page=4"))
    assert play.unreadable() == {("ImagePDQ", value(4))}
    play.edit({"do": "mend"}, START)
    assert edit(play, "corrupt", 1) == {"corrupt": 1}
    assert is_broken(ask(play, query))


def test_all_tokens_may_end_at_once() -> None:
    play = filled()
    token = page(play, size=2)["nextPageToken"]
    assert token_status(play, token, fault="expired_token") == 400
    assert token_status(play, token) == 400
    assert len(values(walk(play, size=2))) == 5


@pytest.mark.parametrize(("fault", "number"), [("mutate", 0), ("mutate=ahead", 4)])
def test_the_set_may_change_in_its_middle(fault: str, number: int) -> None:
    play = filled(is_shuffled=False)
    token = page(play, size=2)["nextPageToken"]
    page(play, token=token, size=2, fault=fault)
    assert status(play, number) == "Withdrawn"
    assert len(play.expected()) == 4


def test_the_first_page_of_a_set_has_nothing_behind_it_to_change() -> None:
    play = filled()
    page(play, size=2, fault="mutate")
    assert (status(play, 4), len(play.expected())) == ("Withdrawn", 4)


def test_a_page_may_be_empty_though_more_follow() -> None:
    play = filled()
    told = page(play, size=2, fault="empty_page")
    assert (told["count"], told["hasMoreRecords"]) == (0, True)
    assert values([page(play, token=told["nextPageToken"], size=2)]) == [value(0), value(1)]


def test_a_record_may_come_twice_in_a_page() -> None:
    assert values([page(filled(), size=2, fault="repeated")]) == [value(0), value(1), value(0)]


# ── an honest client holds what it must ──────────────────────────────────────────────────────────────────────────


class Client:
    """Somebody who follows the rules: replace whole records, go on by the token, commit at the end of a set only."""

    def __init__(self) -> None:
        self.start, self.token = 10, ""
        self.held: dict[tuple[str, str], str] = {}

    def ask(self, play: StopNciiPlay, size: int, fault: str, now: datetime) -> bool:
        """Take one page; say whether the set is at its end."""
        query: dict[str, object] = {"startTimestamp": self.start, "pageSize": size}
        answer = ask(play, query={**query, "nextPageToken": self.token} if self.token else query, fault=fault, now=now)
        if answer.status == 400:
            self.token = ""
            return False
        told = json.loads(answer.body)
        for each in told["hashRecords"]:
            self.held[each["signalType"], each["hashValue"]] = each["hashStatus"]
        self.token = told["nextPageToken"] if told["hasMoreRecords"] else ""
        if not told["hasMoreRecords"]:
            self.start = told["nextSetTimestamp"]
        return not told["hasMoreRecords"]

    def live(self) -> set[tuple[str, str]]:
        return {key for key, word in self.held.items() if word not in ENDED_STATUSES and key != ("ImagePDQ", "0" * 32)}


FAULTS = [
    "",
    "",
    "zeros",
    "unknown_type",
    "empty_array",
    "unknown_enum",
    "unknown_enum=hashStatus",
    "mutate",
    "mutate=ahead",
]
FAULTS += ["expired_token", "empty_page", "repeated"]
STEP = st.one_of(
    st.tuples(st.sampled_from(["create", "withdraw_case", "delete", "reactivate", "feedback"]), st.integers(0, 6)),
    st.tuples(st.just("page"), st.sampled_from(FAULTS)),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 1, 5, 700])),
    st.tuples(st.just("restart"), st.just(0)),
)


@given(st.lists(STEP, max_size=40), st.integers(1, 3), st.booleans())
def test_whatever_happens_who_follows_the_rules_holds_the_set(
    steps: list[tuple[str, Any]], size: int, is_shuffled: bool
) -> None:
    play, client, now = filled(3, is_shuffled=is_shuffled), Client(), START
    for do, what in steps:
        if do == "page":
            client.ask(play, size, what, now)
        elif do == "wait":
            now += timedelta(seconds=what)
        elif do == "restart":  # the beginning of the set and the records are kept, the token is not
            client.token = ""
        else:
            try:
                edit(play, do, what, now=now, **({"feedbackValue": "Blocked"} if do == "feedback" else {}))
            except ValueError:
                continue  # there is no such record or case
    for _ in range(2):  # the set that was begun, and one after it
        while not client.ask(play, size, "", now):
            pass
    assert client.live() == play.expected()
