"""Project Arachnid's Shield, played: questions about hashes, and the refusal of anything else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import RealNameRefused
from hedgerow.simulators.shield import Breach, ShieldPlay
from hedgerow.simulators.stage import Answer, Request, Simulator, fault_from_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KNOWN = (1 << 200) - 1
LOGIN = "Basic " + base64.b64encode(b"simulator:simulator").decode()


def b64(bits: int) -> str:
    return base64.b64encode(bits.to_bytes(32)).decode()


def moved(bits: int, distance: int) -> int:
    """Give a hash that many bits away."""
    return bits ^ ((1 << distance) - 1) << 100


def play_with(classification: str = "csam", **more: Any) -> ShieldPlay:
    return ShieldPlay({f"{KNOWN:064x}": classification}, **more)


def ask(
    play: ShieldPlay,
    body: object,
    *,
    method: str = "POST",
    path: str = "/v1/pdq/",
    headers: Mapping[str, str] | None = None,
    fault: str = "",
) -> Answer:
    """Ask as the stage does."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, path, {}, {"authorization": LOGIN} if headers is None else headers, sent, "here")
    call = play.call_of(request)
    if call is None:
        return Answer(404)
    if not play.is_authorized(call, request):
        return play.refusal(call, request)
    return play.answer(call, request, NOW, fault_from_text(f"{call}:1:{fault}") if fault else None)


def told(play: ShieldPlay, *hashes: int, **more: Any) -> dict[str, Any]:
    answer = ask(play, {"hashes": [b64(each) for each in hashes]}, **more)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)["scanned_hashes"]
    return found


# ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("classification", ["csam", "harmful-abusive-material", "test", "a-new-one"])
@pytest.mark.parametrize("path", ["/v1/pdq", "/v1/pdq/"])
def test_a_known_hash_is_classified_and_the_match_is_near(path: str, classification: str) -> None:
    play = play_with(classification)
    (answer,) = told(play, KNOWN, path=path).values()
    assert answer["classification"] == classification
    assert answer["match_type"] == "near"
    details = answer["near_match_details"]
    assert set(details) == {"timestamp", "sha1_base32", "sha256_hex", "classification"}
    assert (len(details["sha1_base32"]), len(details["sha256_hex"])) == (32, 64)
    assert details["sha256_hex"] == details["sha256_hex"].upper()
    assert details["classification"] == classification
    assert play.breaches == []


def test_a_hash_is_near_within_31_bits_and_no_further() -> None:
    play = play_with()
    found = told(play, moved(KNOWN, 31), moved(KNOWN, 32))
    assert [each["classification"] for each in found.values()] == ["csam", "no-known-match"]
    assert [play.expected(key) for key in found] == ["csam", "no-known-match"]


def test_every_hash_that_was_asked_about_is_a_key_of_the_answer() -> None:
    asked = [KNOWN, moved(KNOWN, 40), moved(KNOWN, 50)]
    play = play_with()
    assert list(told(play, *asked)) == [b64(each) for each in asked]
    assert play.asked_count == 3


def test_no_known_match_has_no_details() -> None:
    assert told(play_with(), moved(KNOWN, 60)) == {
        b64(moved(KNOWN, 60)): {"classification": "no-known-match", "match_type": None, "near_match_details": None}
    }


def test_the_gravest_of_the_near_ones_speaks_and_then_the_nearest() -> None:
    near, further = moved(KNOWN, 3), moved(KNOWN, 9)
    play = ShieldPlay({f"{near:064x}": "harmful-abusive-material", b64(further): "csam"})
    assert told(play, KNOWN)[b64(KNOWN)]["classification"] == "csam"
    twice = ShieldPlay({f"{near:064x}": "csam", b64(further): "csam"})
    alone = ShieldPlay({f"{near:064x}": "csam"})
    assert told(twice, KNOWN) == told(alone, KNOWN)


def test_details_may_be_a_list_as_they_are_for_media() -> None:
    (answer,) = told(play_with(details="list"), KNOWN).values()
    assert [each["classification"] for each in answer["near_match_details"]] == ["csam"]


def test_null_may_stand_for_no_known_match() -> None:
    found = told(play_with(is_null_no_match=True), KNOWN, moved(KNOWN, 60))
    assert [each and each["classification"] for each in found.values()] == ["csam", None]


def test_there_may_be_a_limit_to_how_many_are_asked_about() -> None:
    play = play_with(most_hashes=2)
    assert len(told(play, KNOWN, 1)) == 2
    answer = ask(play, {"hashes": [b64(each) for each in range(3)]})
    assert answer.status == 400
    assert "At most 2" in json.loads(answer.body)["detail"]
    assert play.breaches == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ///",
        "Basic \N{SNOWMAN}",
        "Bearer " + LOGIN.removeprefix("Basic "),
        "Basic " + base64.b64encode(b"simulator:wrong").decode(),
        "Basic " + base64.b64encode(b"simulator").decode(),
    ],
)
def test_who_may_not_ask_is_told_what_is_needed(header: str | None) -> None:
    play = play_with()
    answer = ask(play, {"hashes": [b64(KNOWN)]}, headers={} if header is None else {"authorization": header})
    assert answer.status == 401
    assert "username and password" in json.loads(answer.body)["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert play.asked_count == 0


# ── what must never be sent ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/media", "/v1/media/", "/v1/url/", "/v1/media/submit", "/v1/pdq/more", "/"])
@pytest.mark.parametrize("headers", [None, {}])
def test_anything_else_is_refused_and_remembered(path: str, method: str, headers: dict[str, str] | None) -> None:
    play = play_with()
    answer = ask(play, b"content", method=method, path=path, headers=headers)
    assert answer.status == 403
    assert "detail" in json.loads(answer.body)
    assert play.breaches == [Breach(method, path, 7, "only hashes may be sent, to /v1/pdq")]


NO_QUESTIONS: dict[str, object] = {
    "content": b"\xff\xd8\xff\xe0",
    "brackets without end": b"[" * 100_000,
    "no object": [b64(1)],
    "no hashes": {},
    "none": {"hashes": []},
    "a text": {"hashes": b64(1)},
    "a number": {"hashes": [1]},
    "hexadecimal": {"hashes": [f"{1:064x}"]},
    "33 bytes": {"hashes": [base64.b64encode(b"x" * 33).decode()]},
    "31 bytes": {"hashes": [base64.b64encode(b"x" * 31).decode()]},
    "for addresses": {"hashes": [b64((1 << 256) - 1).replace("/", "_")]},
    "something besides": {"hashes": [b64(1)], "url": "https://a.example/"},
    "one that is none": {"hashes": [b64(1), "x"]},
}


@pytest.mark.parametrize("case", list(NO_QUESTIONS))
def test_what_is_no_question_about_hashes_is_refused_and_remembered(case: str) -> None:
    play = play_with()
    answer = ask(play, NO_QUESTIONS[case])
    assert answer.status == 400
    assert "detail" in json.loads(answer.body)
    assert [(each.path, each.problem) for each in play.breaches] == [
        ("/v1/pdq/", json.loads(answer.body)["detail"].removesuffix(" (SIMULATOR)."))
    ]
    assert b64(1) not in answer.body.decode() + repr(play.breaches)
    assert play.asked_count == 0


@pytest.mark.parametrize("path", ["/v1/media/", "/v1/pdq/"])
def test_to_look_somewhere_is_no_breach(path: str) -> None:
    play = play_with()
    assert ask(play, b"", method="GET", path=path).status == 404
    assert play.breaches == []


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fault", "count"), [("null_answer", 1), ("null_answer=all", 2)])
def test_a_hash_may_be_answered_null(fault: str, count: int) -> None:
    found = told(play_with(), KNOWN, 1, fault=fault)
    assert list(found) == [b64(KNOWN), b64(1)]
    assert list(found.values()).count(None) == count
    assert found[b64(KNOWN)] is None


@pytest.mark.parametrize(("fault", "left"), [("missing_key", [b64(1)]), ("missing_key=all", [])])
def test_a_hash_may_be_left_out(fault: str, left: list[str]) -> None:
    assert list(told(play_with(), KNOWN, 1, fault=fault)) == left


@pytest.mark.parametrize(
    ("fault", "word"), [("unknown_classification", "something-new"), ("unknown_classification=x", "x")]
)
def test_a_hash_may_be_classified_as_something_new(fault: str, word: str) -> None:
    found = told(play_with(), 1, KNOWN, fault=fault)
    assert [each["classification"] for each in found.values()] == [word, "csam"]


# ── edits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_known_can_be_changed() -> None:
    play = ShieldPlay()
    assert play.edit({"do": "create", "hash": f"{KNOWN:064X}", "classification": "test"}, NOW) == {"known": 1}
    assert play.expected(b64(KNOWN)) == "test"
    play.edit({"do": "update", "hash": b64(KNOWN), "classification": "csam"}, NOW)
    assert play.expected(b64(KNOWN)) == "csam"
    assert play.edit({"do": "delete", "hash": b64(KNOWN)}, NOW) == {"known": 0}
    assert play.expected(b64(KNOWN)) == "no-known-match"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"do": "explode", "hash": b64(1)},
        {"do": "create", "hash": b64(1)},
        {"do": "create", "hash": b64(1), "classification": ""},
        {"do": "create", "hash": b64(1), "classification": "no-known-match"},
        {"do": "create", "hash": b64(1)[:40], "classification": "csam"},
        {"do": "create", "hash": 5, "classification": "csam"},
        {"do": "create", "hash": b64(KNOWN), "classification": "csam"},
        {"do": "update", "hash": b64(1), "classification": "csam"},
        {"do": "delete", "hash": b64(1)},
        {"do": "delete", "hash": b64(KNOWN), "classification": "csam"},
    ],
)
def test_an_edit_that_cannot_be_done_says_why_without_the_hash_and_changes_nothing(change: dict[str, Any]) -> None:
    play = play_with()
    before = list(play.items())
    with pytest.raises(ValueError, match=r"\w") as caught:
        play.edit(change, NOW)
    assert not any(each in str(caught.value) for each in (b64(1)[:40], b64(KNOWN)))
    assert list(play.items()) == before


# ── on the stage ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_the_stage_no_fault_hides_a_breach_and_no_hash_is_in_the_transcript() -> None:
    play = play_with()
    with Simulator(play, stands_at=NOW, faults=["pdq:1:null_answer", "breach:*:server_error"]) as simulator:
        with httpx.Client(
            base_url=simulator.url,
            auth=("simulator", "simulator"),
            verify=False,  # noqa: S501  (plain HTTP)
        ) as client:
            replies = [client.post("/v1/pdq/", json={"hashes": [b64(KNOWN)]}) for _ in range(2)]
            assert [each.json()["scanned_hashes"][b64(KNOWN)] is None for each in replies] == [True, False]
            assert play.breaches == []
            assert client.post("/v1/media/", content=b"content").status_code == 500
            page = client.get(simulator.pages).text
        assert [each.path for each in play.breaches] == ["/v1/media/"]
        text = "".join(json.dumps(each.as_json()) for each in simulator.transcript())
    assert "1 hashes" in text
    assert b64(KNOWN) not in text
    assert f"{KNOWN:064x}" not in page
    assert "BREACH: POST /v1/media/, 7 bytes" in page


def test_it_never_answers_under_the_name_of_the_partner() -> None:
    with pytest.raises(RealNameRefused):
        Simulator(ShieldPlay(), host="shield.projectarachnid.com")


def test_what_is_known_never_shows_its_hash() -> None:
    assert f"{KNOWN:064x}" not in repr(play_with()._known.values()) + repr(play_with().items())
