"""What is shared, over HTTP: the answers of the protocol, with the words that the simulator has for what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role, create_key
from hedgerow.app import now
from hedgerow.app.sharing import Sharings
from hedgerow.audit import list_entries
from hedgerow.simulators.feed import FeedKey, FeedPlay, SharedList
from hedgerow.simulators.stage import Request

if TYPE_CHECKING:
    from starlette.testclient import TestClient

__all__: list[str] = []

LISTS = "/api/v1/sharing"


class Sharer:
    """A house that shares the bank `own` as `ours` with one key, which may state opinions."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.sharings = Sharings(house.database)
        house.bank("own")
        self.sharings.create("ours", "own", note="Pictures.", actor="user:1")
        self.number, self.client = self.key()
        self.sharings.add_reader("ours", self.number, may_state_opinions=True, actor="user:1")

    def key(self) -> tuple[int, TestClient]:
        with self.house.database.write() as connection:
            made = create_key(connection, "friend", scopes=["sharing.read"], actor="user:1", now=now())
        self.house.service.keyring.refresh()
        return made.key.id, self.house.with_key(made.text)

    def add(self, *numbers: int, may_be_redistributed: bool = True) -> None:
        given = [
            {
                "type": "pdq",
                "value": self.house.value(number),
                "quality": 90,
                "may_be_redistributed": may_be_redistributed,
            }
            for number in numbers
        ]
        answer = self.house.key("banks.write").post("/api/v1/banks/own/entries", json={"entries": given})
        assert answer.json()["added"] == len(numbers), answer.text

    def page(self, **query: Any) -> dict[str, Any]:
        answer = self.client.get(f"{LISTS}/ours", params=query)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def say(self, entry: int, token: str | None = "t-1", client: Any = None, **said: Any) -> Any:  # noqa: S107  (no secret)
        headers = {} if token is None else {"idempotency-key": token}
        return (client or self.client).post(f"{LISTS}/ours/entries/{entry}/opinion", json=said, headers=headers)


@pytest.fixture
def sharer(house: Any) -> Sharer:
    return Sharer(house)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def test_a_reader_sees_its_lists_and_follows_one(sharer: Sharer) -> None:
    sharer.add(1, 2, 3)
    sharer.add(4, may_be_redistributed=False)
    assert sharer.client.get(LISTS).json() == {
        "format": "hedgerow-feed/1",
        "lists": [{"name": "ours", "count": 3, "may_redistribute": False, "note": "Pictures."}],
    }
    first = sharer.page(limit=2)
    assert (first["format"], first["list"], first["has_more"]) == ("hedgerow-feed/1", "ours", True)
    rest = sharer.page(limit=2, after=first["checkpoint"], epoch=first["epoch"])
    assert rest["has_more"] is False
    told = first["entries"] + rest["entries"]
    assert [each["value"] for each in told] == [sharer.house.value(number) for number in (1, 2, 3)]
    writer = sharer.house.key("banks.write")
    gone = told[1]["id"]
    assert writer.post("/api/v1/banks/own/withdrawals", json={"entry": gone}).status_code == 200
    after = sharer.page(after=rest["checkpoint"], epoch=rest["epoch"])
    assert [(each["id"], each["deleted"]) for each in after["entries"]] == [(gone, True)]
    assert set(after["entries"][0]) == {"id", "updated_at", "deleted"}


def test_what_leaves_the_house_is_on_record_before_it_does(sharer: Sharer) -> None:
    sharer.add(1, 2)
    page = sharer.page()
    sharer.page(after=page["checkpoint"], epoch=page["epoch"])  # nothing leaves
    with sharer.house.database.read() as connection:
        (line,) = list_entries(connection, action="sharing.given", limit=10)
    assert line.actor == f"key:{sharer.number}"
    assert line.details["entries"] == 2


def test_what_is_refused_is_refused_in_the_protocols_words(sharer: Sharer) -> None:
    sharer.add(1)
    page = sharer.page()
    _, stranger = sharer.key()
    ask = sharer.client.get
    cursor, epoch = page["checkpoint"], page["epoch"]
    assert problem(sharer.house.nobody().get(f"{LISTS}/ours")) == (401, "key_refused")
    assert problem(stranger.get(f"{LISTS}/ours")) == (403, "permission_denied")
    assert problem(sharer.house.key("match").get(LISTS)) == (403, "permission_denied")
    assert problem(sharer.house.person(Role.ADMIN, Role.LEAD).get(LISTS)) == (403, "permission_denied")
    assert problem(ask(f"{LISTS}/none")) == (404, "list_not_found")
    assert problem(ask(f"{LISTS}/ours", params={"after": cursor, "epoch": "old"})) == (410, "feed_epoch_gone")
    for query in ({"after": "7", "epoch": epoch}, {"after": cursor}, {"limit": 0}, {"limit": 1_001}, {"limit": "x"}):
        assert problem(ask(f"{LISTS}/ours", params=query)) == (422, "invalid_request")
    assert stranger.get(LISTS).json()["lists"] == []
    sharer.sharings.switch("ours", is_enabled=False, actor="user:1")
    assert problem(ask(f"{LISTS}/ours")) == (404, "list_not_found")


def test_an_opinion_is_taken_once_and_shown(sharer: Sharer) -> None:
    sharer.add(1, 2)
    first, second = (each["id"] for each in sharer.page()["entries"])
    answer = sharer.say(first, opinion="dispute", reason="lawful")
    assert (answer.status_code, answer.json()["id"], answer.json()["opinion"]) == (200, first, "dispute")
    assert sharer.say(first, opinion="dispute", reason="lawful").json() == answer.json()
    assert problem(sharer.say(second, opinion="dispute", reason="lawful")) == (422, "idempotency_key_reused")
    assert problem(sharer.say(first, None, opinion="agree")) == (400, "idempotency_key_missing")
    assert problem(sharer.say(first, "two words", opinion="agree")) == (400, "idempotency_key_missing")
    for body in (
        {"opinion": "like"},
        {},
        {"opinion": "agree", "reason": "x" * 1_001},
        {"opinion": "agree", "reason": 1},
    ):
        assert problem(sharer.say(first, "t-2", **body)) == (422, "invalid_request")
    assert problem(sharer.say(10**9, "t-3", opinion="agree")) == (404, "entry_not_found")
    silent, client = sharer.key()
    sharer.sharings.add_reader("ours", silent, may_state_opinions=False, actor="user:1")
    assert problem(sharer.say(first, "t-4", client, opinion="agree")) == (403, "permission_denied")
    (heard,) = sharer.sharings.opinions("ours")
    assert (heard.entry_id, heard.opinion, heard.reason, heard.is_latest) == (first, "dispute", "lawful", True)
    shown = sharer.sharings.page("ours")
    assert (shown.standing.given, len(shown.readers), shown.opinions) == (2, 2, [heard])


# ── the simulator is what readers are written against ────────────────────────────────────────────────────────────


class Played:
    """The simulator with a list `ours` of three, and two keys."""

    def __init__(self) -> None:
        self.play = FeedPlay(
            [SharedList("ours", "Pictures.")],
            keys={"stranger": FeedKey("stranger", frozenset()), "silent": FeedKey("silent", may_state_opinions=False)},
        )
        self.play.edit({"do": "create", "count": 3}, now())

    def ask(
        self, method: str, path: str, query: dict[str, str], key: str | None, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        known = {"reader": self.play.key}.get(key or "", key or "none")
        sent = {"authorization": f"Bearer {known}", **headers}
        request = Request(method, path, {name: (value,) for name, value in query.items()}, sent, body, "here")
        call = self.play.call_of(request)
        assert call is not None
        if not self.play.is_authorized(call, request):
            answer = self.play.refusal(call, request)
        else:
            answer = self.play.answer(call, request, now(), None)
        return answer.status, json.loads(answer.body)


def test_the_simulator_and_the_service_answer_alike(sharer: Sharer) -> None:
    sharer.add(1, 2, 3)
    silent, silent_client = sharer.key()
    sharer.sharings.add_reader("ours", silent, may_state_opinions=False, actor="user:1")
    clients = {
        "reader": sharer.client,
        "silent": silent_client,
        "stranger": sharer.key()[1],
        "nobody": sharer.house.nobody(),
    }
    played = Played()
    first = min(each["id"] for each in sharer.page()["entries"])
    epoch = {"real": sharer.page()["epoch"], "played": played.play.lists["ours"].epoch}

    def alike(
        method: str, path: str, key: str = "reader", *, token: str | None = None, said: Any = None, **query: str
    ) -> tuple[int, Any]:
        headers = {"content-type": "application/json"} | ({} if token is None else {"idempotency-key": token})
        body = b"" if said is None else json.dumps(said).encode()
        asked = {name: epoch["real"] if value == "epoch" else value for name, value in query.items()}
        real = clients[key].request(
            method, f"{LISTS}{path.format(entry=first)}", params=asked, headers=headers, content=body or None
        )
        asked = {name: epoch["played"] if value == "epoch" else value for name, value in query.items()}
        status, told = played.ask(method, f"{LISTS}{path.format(entry=1)}", asked, key, headers, body)
        assert real.status_code == status, (path, query, real.text, told)
        assert real.json().get("reason") == told.get("reason")
        if status == 200:
            assert real.json().keys() == told.keys()
            for name in ("entries", "lists"):
                for one, other in zip(real.json().get(name, ()), told.get(name, ()), strict=True):
                    assert one.keys() - {"is_disputed"} == other.keys()
        return status, real.json()

    assert alike("GET", "")[0] == 200
    _, page = alike("GET", "/ours", limit="2")
    assert page["has_more"]
    assert alike("GET", "/ours", epoch="epoch", after="2026-11-22T12:00:00Z,999999")[0] == 410
    assert alike("GET", "/ours", epoch="another", after="2026-11-22T12:00:00Z,1")[0] == 410
    for query in ({"after": "1", "epoch": "epoch"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "all"}):
        assert alike("GET", "/ours", **query)[0] == 422
    assert alike("GET", "/none")[0] == 404
    assert alike("GET", "/ours", "stranger")[0] == 403
    assert alike("GET", "/ours", "nobody")[0] == 401
    place = "/ours/entries/{entry}/opinion"
    assert alike("POST", place, token="t-1", said={"opinion": "agree"})[0] == 200  # noqa: S106  (no secret)
    assert alike("POST", place, token="t-1", said={"opinion": "agree"})[0] == 200  # noqa: S106  (as above)
    assert alike("POST", place, token="t-1", said={"opinion": "seen"})[0] == 422  # noqa: S106  (as above)
    assert alike("POST", place, said={"opinion": "seen"})[0] == 400
    assert alike("POST", place, token="t-2", said={"opinion": "like"})[0] == 422  # noqa: S106  (as above)
    assert alike("POST", place, "silent", token="t-3", said={"opinion": "seen"})[0] == 403  # noqa: S106  (as above)
    assert alike("POST", place, "stranger", token="t-3", said={"opinion": "seen"})[0] == 403  # noqa: S106  (as above)
    unknown = "/ours/entries/987654321/opinion"
    assert alike("POST", unknown, token="t-4", said={"opinion": "seen"})[0] == 404  # noqa: S106  (as above)
