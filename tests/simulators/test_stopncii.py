"""StopNCII.org, played: sets and pages, cases, tokens, feedback, and what goes wrong in life."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import RealNameRefused
from hedgerow.simulators.stage import Answer, Request, Simulator, fault_from_text
from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = int(START.timestamp())
SUBSCRIPTION = "simulator-subscription"
KEYS = {"FetchHashes": "simulator-fetch", "SubmitFeedback": "simulator-feedback", "SubmitHashes": "simulator-hashes"}


def value(number: int) -> str:
    return f"{number + 1:064x}"


def keys(function: str) -> dict[str, str]:
    return {"ocp-apim-subscription-key": SUBSCRIPTION, "x-functions-key": KEYS[function]}


def ask(
    play: StopNciiPlay,
    function: str = "FetchHashes",
    *,
    query: Mapping[str, object] | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    now: datetime = START,
    fault: str = "",
) -> Answer:
    """Ask as the stage does."""
    read = {name: (str(each),) for name, each in (query or {}).items()}
    method = "GET" if function == "FetchHashes" else "POST"
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, f"/v1/{function}", read, keys(function) if headers is None else headers, sent, "here")
    call = play.call_of(request)
    if call is None:
        return Answer(404)
    if not play.is_authorized(call, request):
        return play.refusal(call, request)
    return play.answer(call, request, now, fault_from_text(f"{call}:1:{fault}") if fault else None)


def page(play: StopNciiPlay, start: int = 10, token: str = "", size: int = 100, **more: Any) -> dict[str, Any]:
    query = {"startTimestamp": start, "pageSize": size, **({"nextPageToken": token} if token else {})}
    answer = ask(play, query=query, **more)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


def walk(play: StopNciiPlay, start: int = 10, size: int = 100) -> list[dict[str, Any]]:
    pages = [page(play, start, size=size)]
    while pages[-1]["hasMoreRecords"]:
        pages.append(page(play, start, pages[-1]["nextPageToken"], size))
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


# ── who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", list(KEYS))
def test_each_function_has_a_key_of_its_own(function: str) -> None:
    play = filled(takes_hashes=True)
    for other in KEYS:
        is_right = other == function
        answer = ask(play, function, headers=keys(other), query={"startTimestamp": 10}, body={})
        assert (answer.status == 401) is not is_right, other


def test_without_the_subscription_the_gateway_says_so_and_the_function_says_nothing() -> None:
    play = filled()
    right = keys("FetchHashes")
    for headers in ({}, {**right, "ocp-apim-subscription-key": "other"}, {"x-functions-key": right["x-functions-key"]}):
        answer = ask(play, headers=headers)
        assert answer.status == 401
        assert "subscription" in json.loads(answer.body)["message"]
    answer = ask(play, headers={**right, "x-functions-key": "other"})
    assert (answer.status, answer.body) == (401, b"")
    answer = ask(play, headers={"ocp-apim-subscription-key": SUBSCRIPTION})
    assert (answer.status, answer.body) == (401, b"")


def test_a_path_or_method_that_is_none_is_no_call() -> None:
    play = filled()
    for method, path in [("POST", "/v1/FetchHashes"), ("GET", "/v1/SubmitFeedback"), ("GET", "/FetchHashes")]:
        assert play.call_of(Request(method, path, {}, {}, b"", "here")) is None


# ── sets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_looks_as_the_public_sample_does() -> None:
    play = StopNciiPlay()
    edit(play, "create", 0, hashRegions=["UK"], extra={"newField": [1]}, status="Received")
    edit(play, "feedback", 0, source="Facebook", feedbackValue="Blocked", tags=["Nude"])
    told = page(play)
    assert list(told) == ["count", "nextSetTimestamp", "nextPageToken", "hasMoreRecords", "hashRecords"]
    (record,) = told["hashRecords"]
    (number,) = record.pop("caseNumbers")
    assert len(number) == 36
    assert record == {
        "newField": [1],
        "lastModtimestamp": SECOND,
        "signalType": "ImagePDQ",
        "hashValue": value(0),
        "hashStatus": "Received",
        "hashRegions": ["UK"],
        "CSPFeedbacks": [{"source": "Facebook", "feedbackValue": "Blocked", "tags": ["Nude"]}],
    }


def test_what_a_record_has_none_of_is_left_out_but_its_cases() -> None:
    (record,) = page(filled(1))["hashRecords"]
    assert set(record) == {"lastModtimestamp", "signalType", "hashValue", "hashStatus", "caseNumbers"}


@pytest.mark.parametrize("is_shuffled", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_a_set_has_every_record_once(size: int, is_shuffled: bool) -> None:
    pages = walk(filled(is_shuffled=is_shuffled), size=size)
    assert sorted(values(pages)) == [value(number) for number in range(5)]
    assert [each["count"] for each in pages] == [len(each["hashRecords"]) for each in pages]
    assert [each["hasMoreRecords"] for each in pages] == [True] * (len(pages) - 1) + [False]


def test_a_set_is_ordered_by_time_unless_it_is_shuffled() -> None:
    by_time = [value(number) for number in range(30)]
    assert values(walk(filled(30))) == by_time
    assert values(walk(filled(30, is_shuffled=True))) != by_time


def test_a_page_is_no_longer_than_the_service_allows() -> None:
    assert [each["count"] for each in walk(filled(5, page_size_limit=2), size=800)] == [2, 2, 1]


def test_a_set_begins_with_what_changed_in_its_very_second() -> None:
    play = filled()
    at = SECOND - 6000 + 3 * 60
    assert values(walk(play, start=at)) == [value(3), value(4)]
    assert values(walk(play, start=at + 1)) == [value(4)]


def test_an_empty_set_says_that_the_next_begins_where_it_did() -> None:
    told = page(filled(), start=SECOND + 500)
    assert (told["count"], told["hasMoreRecords"], told["nextSetTimestamp"]) == (0, False, SECOND + 500)


def test_pages_before_the_last_name_a_later_beginning_of_the_next_set_than_the_last() -> None:
    *early, last = walk(filled(), size=2)
    newest = SECOND - 6000 + 4 * 60
    assert [each["nextSetTimestamp"] for each in early] == [newest, newest]
    assert last["nextSetTimestamp"] == newest - 20


def test_who_believes_the_first_page_misses_the_rest_of_the_set() -> None:
    play = filled()
    first = page(play, size=2)
    seen = {*values([first]), *values(walk(play, start=first["nextSetTimestamp"]))}
    assert seen < {each for _, each in play.expected()}


def test_the_last_page_has_a_token_too_and_it_leads_to_nothing() -> None:
    play = filled()
    last = walk(play, size=2)[-1]
    after = page(play, token=last["nextPageToken"])
    assert last["nextPageToken"]
    assert (after["count"], after["hasMoreRecords"]) == (0, False)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startTimestamp": ""},
        {"startTimestamp": "-1"},
        {"startTimestamp": "1.5"},
        {"startTimestamp": "2026-01-01"},
        {"startTimestamp": "9" * 30},
        {"startTimestamp": 10, "pageSize": "0"},
        {"startTimestamp": 10, "pageSize": ""},
        {"startTimestamp": 10, "pageSize": "many"},
        {"startTimestamp": 10, "nextPageToken": "x"},
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused(query: dict[str, object]) -> None:
    answer = ask(filled(), query=query)
    assert answer.status == 400
    assert "SIMULATOR" in json.loads(answer.body)["message"]


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hash_is_withdrawn_only_when_nobody_asks_for_it_any_more() -> None:
    play = filled(1)
    second = edit(play, "create", 0)["caseNumber"]
    assert edit(play, "withdraw_case", 0)["hashStatus"] == "Active"
    assert play.expected() == {("ImagePDQ", value(0))}
    assert edit(play, "withdraw_case", 0, caseNumber=second)["hashStatus"] == "Withdrawn"
    assert play.expected() == set()
    assert values([page(play)]) == [value(0)]  # it stays in the set, and says so


def test_a_received_case_keeps_a_hash_and_an_active_one_speaks_for_all() -> None:
    play = StopNciiPlay([{"hashValue": value(0), "status": "Received"}])
    assert status(play, 0) == "Received"
    number = edit(play, "create", 0)["caseNumber"]
    assert status(play, 0) == "Active"
    edit(play, "withdraw_case", 0, caseNumber=number)
    assert status(play, 0) == "Received"


def test_a_case_of_a_status_that_nobody_knows_keeps_a_hash() -> None:
    play = StopNciiPlay([{"hashValue": value(0), "status": "Undefined"}])
    assert (status(play, 0), len(play.expected())) == ("Undefined", 1)


def test_what_is_deleted_ends_with_all_its_cases_and_may_begin_anew() -> None:
    play = filled(1)
    assert edit(play, "delete", 0)["hashStatus"] == "Deleted"
    assert play.expected() == set()
    case = edit(play, "create", 0)["caseNumber"]
    assert page(play)["hashRecords"][0]["caseNumbers"] == {case: "Active"}


@pytest.mark.parametrize("do", ["withdraw_case", "delete"])
def test_what_ended_can_be_reactivated(do: str) -> None:
    play = filled(1)
    edit(play, do, 0)
    assert edit(play, "reactivate", 0)["hashStatus"] == "Active"
    assert len(play.expected()) == 1


def test_the_same_value_of_another_type_is_another_record() -> None:
    play = StopNciiPlay()
    digest = "ab" * 16
    play.edit({"do": "create", "hashValue": digest, "signalType": "VideoMD5"}, START)
    play.edit({"do": "create", "hashValue": digest, "signalType": "Text"}, START)
    play.edit({"do": "delete", "hashValue": digest, "signalType": "Text"}, START)
    assert play.expected() == {("VideoMD5", digest)}


def test_an_update_changes_what_describes_a_record() -> None:
    play = filled(1)
    edit(play, "update", 0, hashRegions=["UK", "IE"], extra={"score": 3})
    told = page(play, start=SECOND)["hashRecords"][0]
    assert (told["hashRegions"], told["score"]) == (["UK", "IE"], 3)


def test_every_change_is_in_the_set_from_its_second_on() -> None:
    play = filled(1)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("create", {}),
        ("update", {"extra": {"a": 1}}),
        ("withdraw_case", {}),
        ("reactivate", {}),
        ("feedback", {"feedbackValue": "Blocked"}),
        ("delete", {}),
    ]
    for number, (do, more) in enumerate(changes):
        now = START + timedelta(hours=number)
        assert not values(walk(play, start=int(now.timestamp())))
        edit(play, do, 0, now=now, **more)
        assert values(walk(play, start=int(now.timestamp()))) == [value(0)], do


def test_time_never_runs_back_so_that_no_set_misses_a_change() -> None:
    play = filled(2)
    edit(play, "delete", 0)
    edit(play, "delete", 1, now=START - timedelta(days=1))
    assert sorted(values(walk(play, start=SECOND))) == [value(0), value(1)]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"do": "explode"},
        {"do": "create"},
        {"do": "create", "hashValue": ""},
        {"do": "create", "hashValue": "x", "hash_regions": []},
        {"do": "update", "hashValue": "x" * 64},
        {"do": "withdraw_case", "hashValue": value(0), "caseNumber": "x"},
        {"do": "reactivate", "hashValue": value(0)},
        {"do": "feedback", "hashValue": value(0)},
        {"do": "corrupt", "position": 5},
        {"do": "corrupt", "position": -1},
        {"do": "corrupt"},
    ],
)
def test_an_edit_that_cannot_be_done_says_why_without_the_value_and_changes_nothing(change: dict[str, Any]) -> None:
    play = filled(1)
    before = page(play)["hashRecords"]
    with pytest.raises(ValueError, match=r"\w") as caught:
        play.edit(change, START)
    assert value(0) not in str(caught.value)
    assert "xxx" not in str(caught.value)
    assert page(play)["hashRecords"] == before


def test_two_cases_cannot_be_withdrawn_where_there_is_one() -> None:
    play = filled(1)
    edit(play, "withdraw_case", 0)
    with pytest.raises(ValueError, match="no case"):
        edit(play, "withdraw_case", 0)


def test_seeds_need_a_time_that_is_one() -> None:
    with pytest.raises(ValueError, match="lastModtimestamp"):
        StopNciiPlay([{"hashValue": value(0), "lastModtimestamp": "yesterday"}])


# ── a set that changes while it is read ──────────────────────────────────────────────────────────────────────────


def test_by_time_a_record_that_changes_behind_the_reader_comes_again_at_the_end() -> None:
    play = filled()
    first = page(play, size=2)
    edit(play, "delete", 0)
    rest = page(play, token=first["nextPageToken"])
    assert values([rest])[-1] == value(0)
    assert rest["hashRecords"][-1]["hashStatus"] == "Deleted"


def test_shuffled_it_comes_only_in_the_next_set() -> None:
    play = filled(is_shuffled=True)
    first = page(play, size=2)
    passed = first["hashRecords"][0]["hashValue"]
    play.edit({"do": "delete", "hashValue": passed}, START)
    rest = page(play, token=first["nextPageToken"])
    assert passed not in values([rest])
    assert passed in values(walk(play, start=rest["nextSetTimestamp"]))


def test_who_adds_a_second_to_the_end_of_a_set_misses_what_changed_in_it() -> None:
    play = filled(overlap_s=0)
    edit(play, "create", 8)
    end = walk(play)[-1]["nextSetTimestamp"]
    edit(play, "create", 9)
    assert end == SECOND
    assert values(walk(play, start=end + 1)) == []
    assert value(9) in values(walk(play, start=end))


# ── page tokens ──────────────────────────────────────────────────────────────────────────────────────────────────


def token_status(play: StopNciiPlay, token: str, start: int = 10, **more: Any) -> int:
    query = {"startTimestamp": start, "pageSize": 2, "nextPageToken": token}
    return ask(play, query=query, **more).status


def test_a_token_looks_as_the_real_ones_do_and_has_no_value_in_it() -> None:
    told = page(filled(), size=2)
    token = told["nextPageToken"]
    assert token.startswith("W3siY29tcG9zaXRlVG9rZW4iOnsidG9rZW4iOi")
    assert not any(each in base64.b64decode(token).decode() for each in values([told]))


def test_a_token_ends_soon() -> None:
    play = filled(token_life=timedelta(minutes=5))
    token = page(play, size=2)["nextPageToken"]
    assert token_status(play, token, now=START + timedelta(minutes=5)) == 200
    assert token_status(play, token, now=START + timedelta(minutes=5, seconds=1)) == 400


def test_a_token_belongs_to_its_set_and_to_its_service() -> None:
    play = filled()
    token = page(play, size=2)["nextPageToken"]
    assert token_status(play, token) == 200
    assert token_status(play, token, start=11) == 400
    assert token_status(filled(), token) == 400


SPOILED = [
    "x",
    "\N{SNOWMAN}",
    base64.b64encode(b"[1]").decode(),
    base64.b64encode(b"[" * 100_000).decode(),
    base64.b64encode(b"[[]]").decode(),
    base64.b64encode(b'{"compositeToken":5}').decode(),
    base64.b64encode(b'[{"compositeToken":{"token":5}}]').decode(),
    base64.b64encode(b'[{"compositeToken":{"token":"%s"}}]' % (b"0" * 60)).decode(),
]


@pytest.mark.parametrize("token", SPOILED)
def test_a_token_that_is_none_of_ours_is_refused(token: str) -> None:
    assert token_status(filled(), token) == 400


def test_a_token_that_was_changed_on_its_way_is_refused() -> None:
    play = filled()
    token = page(play, size=2)["nextPageToken"]
    other = "A" if token[100] != "A" else "B"
    for changed in (token[:-8], token.replace("W3si", "W3s ", 1), token[:100] + other + token[101:]):
        assert token_status(play, changed) == 400


def test_a_page_can_be_had_again_and_with_another_size() -> None:
    play = filled()
    token = page(play, size=2)["nextPageToken"]
    assert values([page(play, token=token, size=1)]) == [value(2)]
    assert values([page(play, token=token, size=5)]) == [value(2), value(3), value(4)]


# ── feedback and hashes that are submitted ───────────────────────────────────────────────────────────────────────


def said(number: int, word: str = "Blocked", **more: Any) -> dict[str, Any]:
    return {"hashValue": value(number), "feedbackValue": word, "tags": ["Nude"], **more}


def test_feedback_is_kept_and_shows_in_the_next_set() -> None:
    play = filled()
    body = {"count": 2, "hashFeedbacks": [said(1), said(2, "NotBlocked")]}
    answer = ask(play, "SubmitFeedback", body=body)
    assert (answer.status, answer.body) == (200, b"{}")
    assert [(each.at, each.hash_value, each.value, each.tags) for each in play.feedback] == [
        (START, value(1), "Blocked", ("Nude",)),
        (START, value(2), "NotBlocked", ("Nude",)),
    ]
    told = {each["hashValue"]: each for each in page(play, start=SECOND)["hashRecords"]}
    assert set(told) == {value(1), value(2)}
    assert told[value(1)]["CSPFeedbacks"] == [{"source": "Hedgerow", "feedbackValue": "Blocked", "tags": ["Nude"]}]


def test_the_last_feedback_of_a_platform_counts_and_each_submission_is_kept() -> None:
    play = filled()
    edit(play, "feedback", 1, source="Another", feedbackValue="NotBlocked")
    for word in ("Blocked", "Blocked", "Withdrawn"):
        assert ask(play, "SubmitFeedback", body={"count": 1, "hashFeedbacks": [said(1, word)]}).status == 200
    found = play.record(value(1))
    assert found is not None
    assert [(each["source"], each["feedbackValue"]) for each in found["CSPFeedbacks"]] == [
        ("Another", "NotBlocked"),
        ("Hedgerow", "Withdrawn"),
    ]
    assert [each.value for each in play.feedback] == ["Blocked", "Blocked", "Withdrawn"]


def test_feedback_reaches_the_value_whatever_its_types() -> None:
    play = filled(1)
    play.edit({"do": "create", "hashValue": value(0), "signalType": "Text"}, START)
    ask(play, "SubmitFeedback", body={"count": 1, "hashFeedbacks": [said(0)]})
    assert all("CSPFeedbacks" in each for each in page(play)["hashRecords"])


BAD_FEEDBACK: dict[str, object] = {
    "no JSON": b"{",
    "brackets without end": b"[" * 100_000,
    "no object": [said(1)],
    "no list": {"count": 1, "hashFeedbacks": said(1)},
    "an empty list": {"count": 0, "hashFeedbacks": []},
    "no objects": {"count": 1, "hashFeedbacks": [value(1)]},
    "another count": {"count": 1, "hashFeedbacks": [said(1), said(2)]},
    "no count": {"hashFeedbacks": [said(1)]},
    "no value": {"count": 1, "hashFeedbacks": [{"feedbackValue": "Blocked"}]},
    "an unknown word": {"count": 2, "hashFeedbacks": [said(1), said(2, "Removed")]},
    "tags that are none": {"count": 1, "hashFeedbacks": [said(1, tags="Nude")]},
    "an unknown hash": {"count": 2, "hashFeedbacks": [said(1), said(77)]},
}


@pytest.mark.parametrize("case", list(BAD_FEEDBACK))
def test_feedback_that_is_wrong_is_refused_as_a_whole_and_names_no_value(case: str) -> None:
    play = filled()
    before = page(play)["hashRecords"]
    answer = ask(play, "SubmitFeedback", body=BAD_FEEDBACK[case])
    assert answer.status == 400
    assert value(1) not in answer.body.decode() + answer.note
    assert (play.feedback, page(play)["hashRecords"]) == ([], before)


def submitted(signal_type: str = "ImagePDQ", hash_value: str = value(9)) -> dict[str, Any]:
    record = {"lastModtimestamp": SECOND, "signalType": signal_type, "hashValue": hash_value}
    return {"count": 1, "hashRecords": [{**record, "CSPFeedbacks": [{"feedbackValue": "Blocked", "tags": []}]}]}


def test_hashes_are_taken_only_where_the_service_takes_them() -> None:
    play = filled(1)
    assert ask(play, "SubmitHashes", body=submitted()).status == 404
    assert (play.submitted, len(play.expected())) == ([], 1)
    play = filled(1, takes_hashes=True)
    assert ask(play, "SubmitHashes", body=submitted()).status == 200
    assert play.submitted == [("ImagePDQ", value(9))]
    assert ("ImagePDQ", value(9)) in play.expected()
    found = play.record(value(9))
    assert found is not None
    assert (found["hashStatus"], found["caseNumbers"]) == ("Active", {})
    assert found["CSPFeedbacks"] == [{"source": "Hedgerow", "feedbackValue": "Blocked", "tags": []}]


@pytest.mark.parametrize(
    ("signal_type", "hash_value"),
    [
        ("StopNCIISignalType.ImagePDQ", value(9)),
        ("Unknown", value(9)),
        ("ImagePDQ", "0" * 64),
        ("ImagePDQ", value(9)[:32]),
        ("VideoMD5", value(9)),
    ],
)
def test_a_hash_that_is_none_of_its_type_is_refused(signal_type: str, hash_value: str) -> None:
    play = filled(1, takes_hashes=True)
    assert ask(play, "SubmitHashes", body=submitted(signal_type, hash_value)).status == 400
    assert play.submitted == []


# ── on the stage ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_the_stage_a_set_is_read_over_http_and_no_secret_is_in_the_transcript() -> None:
    faults = ["fetch:2:corrupt_page", "feedback:1:unauthorized"]
    with Simulator(filled(), stands_at=START, faults=faults) as simulator:
        assert simulator.url.endswith("/v1")
        with httpx.Client(
            base_url=simulator.url,
            headers=keys("FetchHashes"),
            verify=False,  # noqa: S501  (plain HTTP)
        ) as client:
            query: dict[str, Any] = {"startTimestamp": 10, "pageSize": 2}
            token = client.get("/FetchHashes", params=query).json()["nextPageToken"]
            broken = client.get("/FetchHashes", params={**query, "nextPageToken": token})
            with pytest.raises(ValueError, match=r"\w"):
                broken.json()
            simulator.edit({"do": "mend"})
            rest = client.get("/FetchHashes", params={**query, "nextPageToken": token}).json()
            assert values([rest]) == [value(2), value(3)]
            body = {"count": 1, "hashFeedbacks": [said(1)]}
            replies = [client.post("/SubmitFeedback", json=body, headers=keys("SubmitFeedback")) for _ in range(2)]
            assert [each.status_code for each in replies] == [401, 200]
            assert client.post("/SubmitHashes", json=submitted()).status_code == 404
            shown = client.get(simulator.pages).text
            listed = client.get(f"{simulator.pages}/simulator/items").json()
        assert len(simulator.play.feedback) == 1
        text = "".join(json.dumps(each.as_json(), ensure_ascii=False) for each in simulator.transcript())
    assert "startTimestamp=10&pageSize=2&nextPageToken=…" in text
    assert not any(each in text + shown for each in (token, value(1), *KEYS.values(), SUBSCRIPTION))
    assert listed["items"][1] == {
        "type": "ImagePDQ",
        "value": "00000000…",
        "status": "Active",
        "cases": "1 live of 1",
        "feedback": "Hedgerow: Blocked",
        "changed": "2026-11-22T12:00:00+00:00",
    }


def test_it_never_answers_under_the_name_of_the_partner() -> None:
    with pytest.raises(RealNameRefused):
        Simulator(StopNciiPlay(), host="api.stopncii.org")


def test_made_up_records_are_the_same_in_every_run_and_can_be_held() -> None:
    play = StopNciiPlay(made_up_records(50))
    assert len(play.expected()) == 50
    assert list(made_up_records(2))[1:] == list(made_up_records(1, first=1))
    assert len(values(walk(play, size=7))) == 50


def test_what_is_held_never_shows_its_value() -> None:
    play = filled(1)
    ask(play, "SubmitFeedback", body={"count": 1, "hashFeedbacks": [said(0)]})
    assert value(0) not in repr(play.feedback) + repr(list(play._store))
