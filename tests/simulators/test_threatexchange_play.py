"""ThreatExchange, played: updates and tombstones, what an app writes, and the manners of the Graph API."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from tests.simulators.graph_asking import (
    FIELDS,
    HERE,
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

from hedgerow.errors import RealNameRefused
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.threatexchange import TOMBSTONE_LIFE, ThreatExchangePlay, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_APP = "910000001"


def submit(play: ThreatExchangePlay, now: datetime = START, **more: str) -> str:
    number: str = value_of(ask(play, "/threat_descriptors", submission(play, **more), method="POST", now=now))["id"]
    return number


# ── the order of updates ──


def test_updates_come_in_the_order_of_their_last_change_and_pages_are_joined_without_a_seam() -> None:
    play = filled(7)
    found = walk(play, later(hours=1), limit=3)
    assert [each["last_updated"] for each in found] == sorted(each["last_updated"] for each in found)
    assert set(ids(found)) == set(play.expected().indicators)
    assert len(found) == 7


def test_what_changes_moves_to_the_end_even_in_the_middle_of_a_walk() -> None:
    play = filled(4)
    first = updates(play, limit=2)
    changed = first["data"][0]["id"]
    play.edit({"do": "update", "id": changed, "status": "SUSPICIOUS"}, later(minutes=1))
    rest = updates(play, limit=1000, after=first["paging"]["cursors"]["after"])["data"]
    assert ids(rest)[-1] == changed
    assert len(rest) == 3
    assert rest[-1]["descriptors"]["data"][0]["status"] == "SUSPICIOUS"


def test_start_is_inclusive_and_stop_is_not_so_that_windows_join() -> None:
    play = filled(6)
    middle = int(later(seconds=3).timestamp())
    before, after = walk(play, stop_time=middle), walk(play, start_time=middle)
    assert len(before) == 3
    assert len(after) == 3
    assert not set(ids(before)) & set(ids(after))


def test_a_full_page_names_a_next_one_even_where_nothing_follows() -> None:
    play = filled(2)
    page = updates(play, limit=2)
    assert "next" in page["paging"]
    assert updates(play, limit=2, after=page["paging"]["cursors"]["after"]) == {"data": []}


def test_the_next_address_is_absolute_on_the_callers_host_and_repeats_the_query_with_the_token() -> None:
    play = filled(3)
    split = urlsplit(updates(play, limit=2, start_time=5)["paging"]["next"])
    query = dict(parse_qsl(split.query))
    assert (split.scheme, split.netloc, split.path) == ("http", HERE, f"/v26.0/{play.group}/threat_updates/")
    assert query["access_token"] == play.token
    assert query["fields"] == FIELDS
    assert query["start_time"] == "5"


def test_a_page_may_have_fewer_than_were_asked_for() -> None:
    play = filled(5, page_limit=2)
    assert len(updates(play, limit=100)["data"]) == 2
    assert len(walk(play, limit=100)) == 5


def test_types_are_filtered_there() -> None:
    play = filled(2)
    play.edit({"do": "create", "type": "HASH_MD5"}, START)
    assert [each["type"] for each in walk(play, types="HASH_MD5,HASH_SHA256")] == ["HASH_MD5"]


# ── deletions ──


def test_a_deletion_is_told_without_descriptors_for_ninety_days_and_then_no_more() -> None:
    play = filled(2)
    gone = min(play.expected().indicators)
    play.edit({"do": "delete", "id": gone}, later(hours=1))
    deleted_at = later(hours=1)
    (told,) = [each for each in walk(play, deleted_at) if each["should_delete"]]
    assert told["id"] == gone
    assert "descriptors" not in told
    assert gone in ids(walk(play, deleted_at + TOMBSTONE_LIFE))
    assert gone not in ids(walk(play, deleted_at + TOMBSTONE_LIFE + timedelta(seconds=1)))
    assert gone not in play.expected().indicators


def test_what_comes_back_keeps_its_number_and_is_told_once() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    play.edit({"do": "delete", "id": number}, later(minutes=1))
    play.edit({"do": "recreate", "id": number}, later(minutes=2))
    (told,) = walk(play, later(minutes=3))
    assert told["id"] == number
    assert told["should_delete"] is False


def test_one_owner_may_take_back_what_it_says_while_anothers_opinion_stays() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    play.edit({"do": "other_descriptor", "id": number, "status": "NON_MALICIOUS"}, START)
    assert play.expected().opinions[number] == {OTHER_APP: "MALICIOUS", "910000002": "NON_MALICIOUS"}
    play.edit({"do": "delete", "id": number, "owner": OTHER_APP}, START)
    assert play.expected().opinions[number] == {"910000002": "NON_MALICIOUS"}
    (told,) = walk(play)
    assert [each["owner"]["id"] for each in told["descriptors"]["data"]] == ["910000002"]


def test_a_group_without_updates_is_answered_500_and_an_unknown_one_as_missing() -> None:
    play = filled(1)
    assert error_of(ask(play, "/2000000000000002/threat_updates")) == (500, 1)
    assert error_of(ask(play, "/2000000000000099/threat_updates")) == (400, 100)


# ── what is shown ──


def test_only_the_fields_that_are_asked_for_come_and_always_the_number() -> None:
    play = filled(1)
    (told,) = value_of(ask(play, f"/{play.group}/threat_updates", {"fields": "type,descriptors{owner{id}}"}))["data"]
    assert set(told) == {"id", "type", "descriptors"}
    (said,) = told["descriptors"]["data"]
    assert said == {"id": said["id"], "owner": {"id": OTHER_APP}}


@pytest.mark.parametrize(
    "fields", ["nonsense", "descriptors{nonsense}", "id,", "descriptors{id", "id}", "a{b{c{d{e{f}}}}}"]
)
def test_fields_that_do_not_exist_or_fit_are_refused(fields: str) -> None:
    play = filled(1)
    status, code = error_of(ask(play, f"/{play.group}/threat_updates", {"fields": fields}))
    assert (status, code) in {(400, 100), (400, 2500)}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "many"},
        {"start_time": "-1"},
        {"start_time": "yesterday"},
        {"stop_time": "99999999999999999999"},
        {"types": "HASH_NOTHING"},
        {"after": "%%%"},
        {"after": "bm90aGluZw"},
    ],
)
def test_a_parameter_that_does_not_fit_is_error_100(query: dict[str, str]) -> None:
    play = filled(1)
    assert error_of(ask(play, f"/{play.group}/threat_updates", query)) == (400, 100)


def test_objects_are_asked_for_by_their_numbers() -> None:
    play = filled(2)
    descriptors = [each["descriptors"]["data"][0]["id"] for each in walk(play)]
    query = {"ids": ",".join(descriptors), "fields": "raw_indicator,type,added_on,owner,tags,my_reactions,confidence"}
    found = value_of(ask(play, "/", query))
    assert set(found) == set(descriptors)
    shown = found[descriptors[0]]
    assert shown["raw_indicator"] in {value for _, value in play.expected().indicators.values()}
    assert shown["added_on"] == "2026-11-22T12:00:00+0000"
    assert shown["tags"]["data"][0]["text"] == "media_type_photo"
    assert "my_reactions" not in shown
    only = value_of(ask(play, f"/{descriptors[0]}", {"fields": "status"}))
    assert only == {"id": descriptors[0], "status": "MALICIOUS"}
    assert error_of(ask(play, "/", {"ids": f"{descriptors[0]},77"})) == (404, 803)
    assert error_of(ask(play, "/", {"ids": ",".join(["1"] * 51)})) == (400, 100)
    assert error_of(ask(play, "/77")) == (400, 100)
    number = min(play.expected().indicators)
    said = value_of(ask(play, f"/{number}", {"fields": "descriptors"}))["descriptors"]["data"]
    assert ids(said) == descriptors[:1]


def test_an_app_sees_its_own_groups_and_nobody_elses() -> None:
    play = filled(0)
    names = "id,name,description,members_can_see,members_can_use,last_updated,added_on,threat_updates_enabled"
    query = {"fields": names}
    member = value_of(ask(play, f"/{play.app}/threat_privacy_groups_member", query))["data"]
    assert {each["id"]: each["threat_updates_enabled"] for each in member} == {
        play.group: True,
        "2000000000000002": False,
    }
    owner = value_of(ask(play, f"/{play.app}/threat_privacy_groups_owner", query))["data"]
    assert [each["id"] for each in owner] == ["2000000000000002"]
    assert error_of(ask(play, f"/{OTHER_APP}/threat_privacy_groups_member")) == (403, 10)


def test_tags_are_found_by_the_beginning_of_their_text() -> None:
    play = filled(1)
    play.edit({"do": "tag", "id": min(play.expected().indicators), "tags": ["media_type_video", "other"]}, START)
    found = value_of(ask(play, "/threat_tags/", {"text": "media_type"}))["data"]
    assert [each["text"] for each in found] == ["media_type_photo", "media_type_video"]
    assert len({each["id"] for each in found}) == 2


def test_descriptors_are_searched_for() -> None:
    play = filled(3)
    number = submit(play, status="NON_MALICIOUS", tags="mine,ours", confidence="90")
    query: dict[str, object] = {"fields": "id,status,confidence"}

    def found(**more: object) -> list[str]:
        return ids(value_of(ask(play, "/threat_descriptors", {**query, **more}))["data"])

    assert len(found()) == 4
    assert found(owner=play.app) == [number]
    assert found(status="NON_MALICIOUS") == [number]
    assert found(text=VALUE, strict_text="true") == [number]
    assert found(text=VALUE[:10], strict_text="true") == []
    assert found(text=VALUE[:10]) == [number]
    assert found(tags="mine,nothing") == [number]
    assert found(tags="mine,nothing", tags_are_anded="true") == []
    assert found(min_confidence=80) == [number]
    assert found(privacy_groups="2000000000000002") == []
    assert found(type="HASH_MD5") == []
    assert found(until=int(later(seconds=1).timestamp())) == found()[:2]
    first = value_of(ask(play, "/threat_descriptors", {**query, "limit": 3}))
    rest = value_of(ask(play, "/threat_descriptors", {**query, "after": first["paging"]["cursors"]["after"]}))
    assert ids(first["data"]) + ids(rest["data"]) == found()


# ── what an app writes ──


def test_a_descriptor_of_ours_is_shared_with_the_group_and_a_second_one_takes_its_place() -> None:
    play = filled(0)
    number = submit(play)
    assert submit(play, later(minutes=1), status="NON_MALICIOUS") == number
    (told,) = walk(play, later(minutes=2))
    assert (told["indicator"], told["type"]) == (VALUE, "HASH_PDQ")
    assert [(each["owner"]["id"], each["status"]) for each in told["descriptors"]["data"]] == [
        (play.app, "NON_MALICIOUS")
    ]
    assert play.written == [Written("submit", number, ("MALICIOUS",)), Written("submit", number, ("NON_MALICIOUS",))]


def test_parameters_may_come_as_a_form_or_as_json() -> None:
    play = filled(0)
    form = urlencode({**submission(play), "access_token": play.token}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    first = value_of(ask(play, "/threat_descriptors", method="POST", body=form, headers=headers, token=""))
    as_json = json.dumps({**submission(play), "privacy_members": [play.group]}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {play.token}"}
    second = value_of(ask(play, "/threat_descriptors", method="POST", body=as_json, headers=headers, token=""))
    assert first == second == {"success": True, "id": first["id"]}
    headers = {"content-type": "application/json"}
    assert error_of(ask(play, "/threat_descriptors", method="POST", body=b"[1]", headers=headers)) == (400, 100)


@pytest.mark.parametrize("missing", ["indicator", "type", "description", "share_level", "status", "privacy_type"])
def test_a_descriptor_needs_six_fields(missing: str) -> None:
    play = filled(0)
    said = {name: value for name, value in submission(play).items() if name != missing}
    assert error_of(ask(play, "/threat_descriptors", said, method="POST")) == (400, 100)
    assert play.written == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"type": "HASH_NOTHING"}, (400, 100)),
        ({"indicator": "0f" * 16}, (400, 100)),
        ({"indicator": "zz" * 32}, (400, 100)),
        ({"status": "BAD"}, (400, 100)),
        ({"share_level": "PINK"}, (400, 100)),
        ({"share_level": "WHITE"}, (400, 100)),
        ({"privacy_type": "VISIBLE"}, (400, 100)),
        ({"privacy_type": "EVERYBODY"}, (400, 100)),
        ({"privacy_members": ""}, (400, 100)),
        ({"privacy_members": "2000000000000099"}, (403, 10)),
        ({"confidence": "101"}, (400, 100)),
        ({"severity": "HIGH"}, (400, 100)),
    ],
)
def test_a_descriptor_that_does_not_fit_is_refused_and_nothing_is_quoted(
    more: dict[str, str], expected: tuple[int, int]
) -> None:
    play = filled(0)
    answer = ask(play, "/threat_descriptors", submission(play, **more), method="POST")
    assert error_of(answer) == expected
    assert more.get("indicator", VALUE).encode() not in answer.body
    assert play.expected().indicators == {}


def test_a_visible_descriptor_is_not_in_the_groups_updates() -> None:
    play = filled(0)
    submit(play, privacy_type="VISIBLE", share_level="GREEN", privacy_members="")
    assert walk(play) == []


def test_reactions_are_added_and_taken_back_and_move_the_indicator() -> None:
    play = filled(2)
    first = walk(play)[0]
    number = first["descriptors"]["data"][0]["id"]
    ask(play, f"/{number}", {"reactions": "HELPFUL,SAW_THIS_TOO"}, method="POST", now=later(minutes=1))
    told = walk(play, later(minutes=2))[-1]
    assert told["id"] == first["id"]
    assert told["descriptors"]["data"][0]["reactions"] == [
        {"key": "HELPFUL", "value": play.app},
        {"key": "SAW_THIS_TOO", "value": play.app},
    ]
    assert play.expected().reactions[first["id"]]["HELPFUL"] == {play.app}
    shown = value_of(ask(play, f"/{number}", {"fields": "my_reactions"}))
    assert shown["my_reactions"] == "HELPFUL,SAW_THIS_TOO"
    ask(play, f"/{number}", {"reactions_to_remove": "HELPFUL,SAW_THIS_TOO"}, method="POST", now=later(minutes=3))
    assert play.expected().reactions[first["id"]] == {}
    assert play.written == [
        Written("react", number, ("+HELPFUL", "+SAW_THIS_TOO")),
        Written("react", number, ("-HELPFUL", "-SAW_THIS_TOO")),
    ]


def test_reactions_of_several_apps_are_joined_by_commas() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    for app in ("910000003", "910000002"):
        play.edit({"do": "react", "id": number, "app": app, "reaction": "INGESTED"}, START)
    (told,) = walk(play)
    assert told["descriptors"]["data"][0]["reactions"] == [{"key": "INGESTED", "value": "910000002,910000003"}]


def test_an_owner_that_changes_its_tags_clears_the_disagreement_with_them() -> None:
    play = filled(1)
    (number,) = play.expected().indicators
    play.edit({"do": "react", "id": number, "reaction": "DISAGREE_WITH_TAGS"}, START)
    play.edit({"do": "react", "id": number, "reaction": "HELPFUL"}, START)
    play.edit({"do": "update", "id": number, "status": "SUSPICIOUS"}, START)
    assert set(play.expected().reactions[number]) == {"DISAGREE_WITH_TAGS", "HELPFUL"}
    play.edit({"do": "tag", "id": number, "tags": ["better"]}, START)
    assert set(play.expected().reactions[number]) == {"HELPFUL"}


def test_nobody_reacts_to_its_own_or_with_a_word_that_nobody_knows_or_changes_anothers() -> None:
    play = filled(1)
    other = walk(play)[0]["descriptors"]["data"][0]["id"]
    own = submit(play)
    assert error_of(ask(play, f"/{own}", {"reactions": "HELPFUL"}, method="POST")) == (400, 100)
    assert error_of(ask(play, f"/{other}", {"reactions": "LOVELY"}, method="POST")) == (400, 100)
    assert error_of(ask(play, f"/{other}", {"status": "UNKNOWN"}, method="POST")) == (403, 10)
    assert error_of(ask(play, f"/{other}", method="DELETE")) == (403, 10)
    assert error_of(ask(play, "/77", {"reactions": "HELPFUL"}, method="POST")) == (400, 100)
    assert len(play.written) == 1


def test_an_own_descriptor_is_changed_and_deleted() -> None:
    play = filled(0)
    number = submit(play, tags="a,b")
    changes = {"status": "SUSPICIOUS", "add_tags": "c", "remove_tags": "a"}
    assert value_of(ask(play, f"/{number}", changes, method="POST")) == {"success": True}
    (told,) = walk(play)
    said = told["descriptors"]["data"][0]
    assert [each["text"] for each in said["tags"]["data"]] == ["b", "c"]
    assert said["status"] == "SUSPICIOUS"
    assert value_of(ask(play, f"/{number}", method="DELETE")) == {"success": True}
    (told,) = walk(play)
    assert told["should_delete"] is True
    assert play.expected().indicators == {}
    assert error_of(ask(play, f"/{number}", method="DELETE")) == (400, 100)


# ── who may ask ──


def test_the_token_may_come_in_the_header() -> None:
    play = filled(1)
    for kind in ("Bearer", "OAuth"):
        headers = {"authorization": f"{kind} {play.token}"}
        assert value_of(ask(play, f"/{play.group}/threat_updates", token="", headers=headers))["data"]


def test_a_wrong_token_is_error_190_with_http_400_and_a_missing_one_104() -> None:
    play = filled(1)
    path = f"/{play.group}/threat_updates"
    assert error_of(ask(play, path, token=f"{play.app}|{'x' * 20}")) == (400, 190)
    assert error_of(ask(play, path, token="")) == (400, 104)
    assert error_of(ask(play, path, headers={"authorization": "Bearer nothing"})) == (400, 190)


def test_any_version_is_taken_but_an_expired_one_and_none() -> None:
    play = filled(1, expired_versions=("v21.0",))
    path = f"/{play.group}/threat_updates"
    assert value_of(ask(play, path, version="/v99.0"))["data"]
    assert error_of(ask(play, path, version="/v21.0")) == (400, 2635)
    assert ask(play, path, version="").status == 404
    assert ask(play, "/unheard/of").status == 404


# ── on the stage ──


@pytest.fixture
def simulator() -> Iterator[Simulator[ThreatExchangePlay]]:
    with Simulator(filled(5), stands_at=later(hours=1)) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator[ThreatExchangePlay]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=20, verify=False) as made:  # noqa: S501  (plain HTTP)
        yield made


def test_a_walk_over_http_follows_the_next_address_and_the_transcript_has_no_token(
    simulator: Simulator[ThreatExchangePlay], client: httpx.Client
) -> None:
    query = {"access_token": simulator.play.token, "fields": FIELDS, "limit": "2"}
    page = client.get(f"/v26.0/{simulator.play.group}/threat_updates/", params=query).json()
    found = ids(page["data"])
    while "next" in page.get("paging", {}):
        assert page["paging"]["next"].startswith(simulator.url)
        page = client.get(page["paging"]["next"]).json()
        found += ids(page["data"])
    assert set(found) == set(simulator.play.expected().indicators)
    said = "".join(json.dumps(each.as_json(), ensure_ascii=False) for each in simulator.transcript())
    assert simulator.play.token not in said
    assert simulator.play.token.partition("|")[2] not in said
    assert "access_token=…" in said
    assert f"fields={FIELDS[:8]}" in said
    assert {each.call for each in simulator.transcript()} == {"threat_updates"}


def test_what_is_written_over_http_leaves_no_signal_in_the_transcript(
    simulator: Simulator[ThreatExchangePlay], client: httpx.Client
) -> None:
    query = {"access_token": simulator.play.token, **submission(simulator.play)}
    number = client.post("/v26.0/threat_descriptors", params=query).json()["id"]
    client.post(f"/v26.0/{number}", params={"access_token": simulator.play.token, "status": "SUSPICIOUS"})
    assert client.delete(f"/v26.0/{number}", params={"access_token": simulator.play.token}).json() == {"success": True}
    said = "".join(json.dumps(each.as_json(), ensure_ascii=False) for each in simulator.transcript())
    assert VALUE not in said
    assert simulator.play.token not in said
    assert [each.call for each in simulator.transcript()] == ["submit", "react", "delete"]


def test_faults_are_asked_for_by_text_and_unauthorized_is_error_190(
    simulator: Simulator[ThreatExchangePlay], client: httpx.Client
) -> None:
    for text in ("threat_updates:1:unauthorized", "threat_updates:2:throttled=4", "threat_updates:3:truncated"):
        simulator.faults.add(text)
    path, query = f"/v26.0/{simulator.play.group}/threat_updates", {"access_token": simulator.play.token}
    assert client.get(path, params=query).json()["error"]["code"] == 190
    assert client.get(path, params=query).json()["error"]["code"] == 4
    with pytest.raises(json.JSONDecodeError):
        client.get(path, params=query).json()
    assert len(client.get(path, params=query).json()["data"]) == 5


@pytest.mark.parametrize("host", ["graph.facebook.com", "facebook.com", "graph.facebook.com:443"])
def test_it_never_answers_under_a_name_of_the_real_service(client: httpx.Client, host: str) -> None:
    assert client.get("/v26.0/", headers={"host": host}).status_code == 421


def test_it_never_listens_under_a_name_of_the_real_service() -> None:
    with pytest.raises(RealNameRefused):
        Simulator(ThreatExchangePlay(), host="graph.facebook.com")
