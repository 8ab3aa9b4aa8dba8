from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import InvalidExchange, InvalidSignal, NotArmed, PartnerError, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.http import PartnerHttp
from hedgerow.exchanges.model import Place
from hedgerow.exchanges.shield import Known, Shield, ShieldAnswer, shield_http, shield_place
from hedgerow.simulators.shield import ShieldPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__: list[str] = []

ABUSE, HARM, FIXTURE, NOVEL, OTHER = (bytes([number]) * 32 for number in (1, 60, 90, 170, 255))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, trust_env=False, verify=False) as opened:  # noqa: S501  (plain HTTP)
        yield opened


def _play(**more: Any) -> ShieldPlay:
    known = {ABUSE: "csam", HARM: "harmful-abusive-material", FIXTURE: "test", NOVEL: "csam-adjacent"}
    return ShieldPlay({bits.hex(): word for bits, word in known.items()}, **more)


def _shield(url: str, client: httpx.Client, **more: Any) -> Shield:
    http = shield_http(shield_place(base_url=url), is_armed=False, sleep=lambda _: None, client=client)
    return Shield(http, "simulator", "simulator", **more)


def _asked_of(answer: Any, bits: Sequence[bytes] = (ABUSE,), **more: Any) -> dict[bytes, ShieldAnswer | None]:
    """Ask a service that answers one thing."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body))) as opened:
        return _shield("http://127.0.0.1:1", opened, **more).look_up(bits)


def _text(bits: bytes) -> str:
    return base64.b64encode(bits).decode()


# ── answers ──


def test_each_answer_is_what_the_service_knows(client: httpx.Client) -> None:
    with Simulator(_play()) as simulator:
        told = _shield(simulator.url, client).look_up([ABUSE, HARM, FIXTURE, NOVEL, OTHER])
        assert {bits: each and (each.known, each.match_type) for bits, each in told.items()} == {
            ABUSE: (Known.CSAM, "near"),
            HARM: (Known.HARMFUL, "near"),
            FIXTURE: (Known.TEST, "near"),
            NOVEL: (Known.UNKNOWN, "near"),
            OTHER: (Known.NO_KNOWN_MATCH, None),
        }
        assert simulator.play.breaches == []


def test_a_person_looks_at_what_is_known_and_at_words_that_nobody_knows() -> None:
    for_a_person = {each for each in Known if ShieldAnswer(each, each.value).is_for_a_person}
    assert for_a_person == {Known.CSAM, Known.HARMFUL, Known.UNKNOWN}


def test_a_word_that_nobody_knows_is_kept() -> None:
    told = _asked_of({"scanned_hashes": {_text(ABUSE): {"classification": "grave-new-thing", "match_type": 5}}})
    assert told == {ABUSE: ShieldAnswer(Known.UNKNOWN, "grave-new-thing", None)}


@pytest.mark.parametrize("fault", ["null_answer", "missing_key", "null_answer=all", "missing_key=all"])
def test_what_is_not_answered_is_not_no_match(client: httpx.Client, fault: str) -> None:
    with Simulator(_play(), faults=[f"pdq:1:{fault}"]) as simulator:
        shield = _shield(simulator.url, client)
        told = shield.look_up([ABUSE, OTHER])
        assert told[ABUSE] is None
        assert (told[OTHER] is None) == fault.endswith("all")
        again = shield.look_up([bits for bits, each in told.items() if each is None])
        assert again[ABUSE] == ShieldAnswer(Known.CSAM, "csam", "near")


@pytest.mark.parametrize(
    "said", [None, "csam", 5, [], {}, {"classification": None}, {"classification": ""}, {"classification": ["csam"]}]
)
def test_what_has_no_classification_is_no_answer(said: Any) -> None:
    assert _asked_of({"scanned_hashes": {_text(ABUSE): said}}) == {ABUSE: None}


@pytest.mark.parametrize("said", [{}, {"scanned_hashes": {}}, {"scanned_hashes": []}, {"scanned_hashes": None}])
def test_an_empty_answer_answers_nothing(said: Any) -> None:
    assert _asked_of(said, [ABUSE, OTHER]) == {ABUSE: None, OTHER: None}


def test_an_answer_about_something_else_is_nobodys() -> None:
    other = {"classification": "csam", "match_type": "near"}
    urlsafe = base64.urlsafe_b64encode(b"\xfb\xef\xbe" + bytes(29)).decode()
    told = _asked_of({"scanned_hashes": {_text(OTHER): other, urlsafe: other}}, [ABUSE, b"\xfb\xef\xbe" + bytes(29)])
    assert set(told.values()) == {None}


def test_an_answer_that_contradicts_itself_is_for_a_person() -> None:
    said = {"classification": "no-known-match", "near_match_details": {"classification": "csam"}}
    told = _asked_of({"scanned_hashes": {_text(ABUSE): said}})[ABUSE]
    assert told is not None
    assert told.is_for_a_person


def test_null_is_no_match_only_for_whoever_says_so(client: httpx.Client) -> None:
    with Simulator(_play(is_null_no_match=True)) as simulator:
        assert _shield(simulator.url, client).look_up([OTHER]) == {OTHER: None}
        told = _shield(simulator.url, client, is_null_no_match=True).look_up([OTHER])[OTHER]
        assert told is not None
        assert told.known is Known.NO_KNOWN_MATCH
    assert _asked_of({"scanned_hashes": {}}, is_null_no_match=True) == {ABUSE: None}


# ── trouble ──


@pytest.mark.parametrize("fault", ["unauthorized", "too_many", "server_error", "unavailable", "drop_after", "redirect"])
def test_whatever_fails_leaves_the_question_owed(client: httpx.Client, fault: str) -> None:
    with Simulator(_play(), faults=[f"pdq:*:{fault}"]) as simulator:
        shield = _shield(simulator.url, client)
        with pytest.raises(PartnerError):
            shield.look_up([ABUSE])
        simulator.faults.clear()
        told = shield.look_up([ABUSE])[ABUSE]
        assert told is not None
        assert told.known is Known.CSAM


def test_a_question_changes_nothing_and_is_asked_again_at_once(client: httpx.Client) -> None:
    with Simulator(_play(), faults=["pdq:1:unavailable", "pdq:1:drop_during"]) as simulator:
        assert _shield(simulator.url, client).look_up([ABUSE])[ABUSE] is not None
        assert [each.status for each in simulator.transcript()] == [503, None, 200]


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[]", b"5", b"[" * 100_000, b'{"scanned_hashes": "all"}'])
def test_an_answer_that_cannot_be_read_leaves_the_question_owed(body: bytes) -> None:
    with pytest.raises(PartnerUnavailable):
        _asked_of(body)


def test_wrong_credentials_are_refused_and_quoted_nowhere(client: httpx.Client) -> None:
    with Simulator(_play(user="another")) as simulator:
        shield = _shield(simulator.url, client)
        with pytest.raises(PartnerRefused) as caught:
            shield.look_up([ABUSE])
        assert caught.value.status == 401
        assert "simulator" not in f"{caught.value}{shield!r}"


# ── what leaves the house ──


def test_many_hashes_are_asked_about_in_bounded_calls_and_each_once(client: httpx.Client) -> None:
    many = [number.to_bytes(32, "big") for number in range(250)]
    with Simulator(_play(most_hashes=100)) as simulator:
        shield = _shield(simulator.url, client)
        assert [len(each) for each in shield.batches(many + many)] == [100, 100, 50]
        assert simulator.play.asked_count == 250
        assert list(shield.look_up(many)) == many
        assert list(shield.batches([])) == []


def test_what_was_answered_before_the_trouble_is_kept(client: httpx.Client) -> None:
    with Simulator(_play(), faults=["pdq:2:unauthorized"]) as simulator:
        batches = _shield(simulator.url, client, most_at_a_time=1).batches([ABUSE, OTHER])
        assert next(batches)[ABUSE] is not None
        with pytest.raises(PartnerRefused):
            next(batches)


def test_only_hashes_leave_and_only_to_their_one_path() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"scanned_hashes": {}})

    with httpx.Client(transport=httpx.MockTransport(answer)) as opened:
        asked = [secrets.token_bytes(32) for _ in range(5)]
        _shield("http://127.0.0.1:1", opened, most_at_a_time=3).look_up(asked)
    assert {(each.method, each.url.path, each.url.query) for each in requests} == {("POST", "/v1/pdq/", b"")}
    sent = [json.loads(each.content) for each in requests]
    assert {key for each in sent for key in each} == {"hashes"}
    texts = [text for each in sent for text in each["hashes"]]
    assert {len(text) for text in texts} == {44}
    assert [base64.b64decode(text) for text in texts] == asked


@pytest.mark.parametrize("what", [b"", bytes(31), bytes(33), bytes(3_000_000), "00" * 32, None, memoryview(bytes(32))])
def test_nothing_is_sent_where_one_of_them_is_no_hash(client: httpx.Client, what: Any) -> None:
    with Simulator(_play()) as simulator:
        with pytest.raises(InvalidSignal):
            _shield(simulator.url, client, most_at_a_time=1).look_up([ABUSE, what])
        assert simulator.transcript() == []


def test_its_http_can_speak_to_no_other_path(client: httpx.Client) -> None:
    with Simulator(_play()) as simulator:
        http = shield_http(shield_place(base_url=simulator.url), is_armed=False, client=client)
        for path in ("/../media/submit", f"{simulator.url}/v1/media/submit", f"{simulator.url}/v1/pdqx", "../media"):
            with pytest.raises(PartnerRefused):
                http.send("POST", path, b"a picture")
        assert simulator.play.breaches == []
        assert simulator.transcript() == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/media"])
def test_an_http_that_could_is_not_taken(url: str) -> None:
    with pytest.raises(ValueError, match="nowhere else"):
        Shield(PartnerHttp(url), "u", "p")


# ── places ──


def test_production_is_spoken_to_only_when_somebody_has_armed_it() -> None:
    for place in (shield_place("production"), shield_place(base_url="https://elsewhere.example")):
        with pytest.raises(NotArmed):
            shield_http(place, is_armed=False)
        assert shield_http(place, is_armed=True).base_url == f"{place.base_url}/v1/pdq"


def test_without_a_word_it_is_the_simulator() -> None:
    assert shield_place() == Place("simulator", "http://127.0.0.1:8104", is_production=False)
    with pytest.raises(InvalidExchange):
        shield_place("test")
