"""Another Hedgerow that shares lists, played: order and cursors, epochs, opinions, who may read, and its faults."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.simulators.feed import FORMAT, FeedKey, FeedPlay, SharedList
from hedgerow.simulators.stage import Answer, Request, Simulator, fault_from_text

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VALUE = "0f" * 32
LIST = "/api/v1/sharing/shared"
NARROW, SILENT = "narrow-key", "silent-key"


def later(**step: float) -> datetime:
    return START + timedelta(**step)


def ask(  # noqa: PLR0913  (the parts of a request)
    play: FeedPlay,
    path: str = LIST,
    query: Mapping[str, object] | None = None,
    *,
    method: str = "GET",
    now: datetime = START,
    fault: str = "",
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Ask as the stage does."""
    read = {name: (str(each),) for name, each in (query or {}).items()}
    sent = {"authorization": f"Bearer {play.key if key is None else key}", **(headers or {})}
    request = Request(method, path, read, sent, body, "here")
    call = play.call_of(request)
    if call is None:
        return Answer(404)
    if not play.is_authorized(call, request):
        return play.refusal(call, request)
    return play.answer(call, request, now, fault_from_text(f"{call}:1:{fault}") if fault else None)


def value_of(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def problem_of(answer: Answer) -> tuple[int, str]:
    """Return the status and the word of a problem."""
    assert answer.content_type == "application/problem+json"
    said = json.loads(answer.body)
    assert said["status"] == answer.status
    assert said["title"]
    assert said["detail"].endswith(".")
    assert said["type"] == f"/problems/{said['reason'].replace('_', '-')}"
    return answer.status, said["reason"]


def page(play: FeedPlay, now: datetime = START, fault: str = "", **query: object) -> dict[str, Any]:
    """Return a page; a cursor goes with the epoch that there is, unless another is said."""
    if "after" in query:
        query = {"epoch": play.lists["shared"].epoch, **query}
    found: dict[str, Any] = value_of(ask(play, query=query, now=now, fault=fault))
    assert found["format"] == FORMAT
    return found


def walk(play: FeedPlay, limit: int = 1000) -> list[dict[str, Any]]:
    pages = [page(play, limit=limit)]
    while pages[-1]["has_more"]:
        pages.append(page(play, limit=limit, after=pages[-1]["checkpoint"]))
    return [each for one in pages for each in one["entries"]]


def ids(entries: list[dict[str, Any]]) -> list[int]:
    return [each["id"] for each in entries]


def filled(count: int = 5, **more: Any) -> FeedPlay:
    play = FeedPlay(**more)
    for number in range(count):
        play.edit({"do": "create"}, later(milliseconds=250 * number))
    return play


def state(play: FeedPlay, entry: int, opinion: object, word: str = "k1", reason: object = None, **more: Any) -> Answer:
    body = json.dumps({"opinion": opinion, "reason": reason}).encode()
    headers = {"idempotency-key": word} if word else {}
    return ask(play, f"{LIST}/entries/{entry}/opinion", method="POST", headers=headers, body=body, **more)


# ── order and cursors ──


def test_pages_are_joined_without_a_seam_in_the_order_of_changes() -> None:
    play = filled(7)
    entries = walk(play, limit=3)
    assert ids(entries) == [1, 2, 3, 4, 5, 6, 7]
    assert [each["updated_at"] for each in entries][:2] == ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00.250000Z"]


def test_an_entry_has_all_its_fields_and_a_deleted_one_hardly_any() -> None:
    play = filled(0)
    said = {"type": "sha256", "value": VALUE, "quality": 87, "category": "A1", "contributor": "them"}
    play.edit({"do": "create", **said, "may_redistribute": True}, START)
    play.edit({"do": "create"}, START)
    play.edit({"do": "delete", "id": 2}, later(seconds=1))
    assert walk(play) == [
        {
            "id": 1,
            "updated_at": "2026-11-22T12:00:00Z",
            "deleted": False,
            **said,
            "may_redistribute": True,
            "added_at": "2026-11-22T12:00:00Z",
        },
        {"id": 2, "updated_at": "2026-11-22T12:00:01Z", "deleted": True},
    ]


def test_nothing_may_be_passed_on_unless_it_says_so() -> None:
    play = filled(1)
    assert walk(play)[0]["may_redistribute"] is False


def test_the_change_number_alone_decides_where_entries_of_one_moment_stand() -> None:
    play = FeedPlay()
    play.edit({"do": "create", "count": 5}, START)
    first = page(play, limit=2)
    moment, _, change = first["checkpoint"].partition(",")
    assert ids(page(play, after=f"1999-01-01T00:00:00Z,{change}")["entries"]) == [3, 4, 5]
    assert ids(page(play, after=f"{moment},{int(change) + 1}")["entries"]) == [4, 5]


def test_what_changes_moves_to_the_end_and_comes_once() -> None:
    play = filled(4)
    first = page(play, limit=2)
    play.edit({"do": "update", "id": 1, "category": "B2"}, later(minutes=1))
    rest = page(play, after=first["checkpoint"])
    assert ids(rest["entries"]) == [3, 4, 1]
    assert ids(walk(play)) == [2, 3, 4, 1]


def test_a_time_never_falls_where_the_clock_of_an_edit_does() -> None:
    play = filled(1)
    play.edit({"do": "create"}, later(hours=1))
    play.edit({"do": "create"}, START)
    times = [datetime.fromisoformat(each["updated_at"]) for each in walk(play)]
    assert times == sorted(times)


def test_an_empty_page_gives_a_checkpoint_from_which_nothing_is_missed() -> None:
    play = FeedPlay()
    empty = page(play)
    assert empty["entries"] == []
    assert empty["has_more"] is False
    play.edit({"do": "create"}, later(seconds=1))
    after = page(play, after=empty["checkpoint"])
    assert ids(after["entries"]) == [1]
    assert page(play, after=after["checkpoint"])["checkpoint"] == after["checkpoint"]


def test_an_unchanged_list_says_the_same_again_from_any_checkpoint() -> None:
    play = filled(6)
    for limit in (1, 2, 5):
        checkpoint = page(play, limit=limit)["checkpoint"]
        assert page(play, after=checkpoint) == page(play, after=checkpoint)
        assert ids(page(play, after=checkpoint)["entries"]) == list(range(limit + 1, 7))


@pytest.mark.parametrize("after", ["7", "yesterday,7", "2026-11-22T12:00:00Z,", "2026-99-22T12:00:00Z,1", "x" * 600])
def test_a_cursor_that_is_none_is_refused(after: str) -> None:
    play = filled(1)
    assert problem_of(ask(play, query={"after": after, "epoch": page(play)["epoch"]})) == (422, "invalid_request")


def test_a_cursor_without_its_epoch_is_refused_as_a_hedgerow_refuses_it() -> None:
    play = filled(1)
    assert problem_of(ask(play, query={"after": page(play)["checkpoint"]})) == (422, "invalid_request")


@pytest.mark.parametrize("limit", ["0", "1001", "many", "-1"])
def test_a_limit_out_of_range_is_refused(limit: str) -> None:
    assert problem_of(ask(filled(1), query={"limit": limit})) == (422, "invalid_request")


# ── epochs ──


def test_a_restore_brings_the_older_state_back_in_a_new_epoch_and_every_cursor_is_gone() -> None:
    play = filled(3)
    start, end = page(play, limit=1), page(play)
    play.edit({"do": "update", "id": 1, "category": "B2"}, later(minutes=1))
    play.edit({"do": "delete", "id": 2}, later(minutes=2))
    play.edit({"do": "create"}, later(minutes=3))
    latest = page(play)
    done = play.edit({"do": "restore", "steps": 3}, later(minutes=4))
    for old in (start, end, latest):
        asked = {"after": old["checkpoint"], "epoch": old["epoch"]}
        assert problem_of(ask(play, query=asked)) == (410, "feed_epoch_gone")
    anew = page(play)
    assert anew["epoch"] == done["epoch"] != end["epoch"]
    assert anew["entries"] == end["entries"]
    assert set(play.expected()) == {1, 2, 3}


def test_a_restored_list_may_give_a_number_a_second_time() -> None:
    play = filled(1)
    play.edit({"do": "create", "value": VALUE}, START)
    play.edit({"do": "restore"}, START)
    play.edit({"do": "create", "value": "ee" * 32}, START)
    assert play.expected()[2].value == "ee" * 32


def test_a_cursor_that_has_not_been_given_yet_is_gone_too() -> None:
    play = filled(1)
    asked = {"after": "2026-11-22T12:00:00Z,999", "epoch": page(play)["epoch"]}
    assert problem_of(ask(play, query=asked)) == (410, "feed_epoch_gone")


def test_an_epoch_that_is_said_must_be_the_one_that_is() -> None:
    play = filled(1)
    known = page(play)
    assert page(play, after=known["checkpoint"], epoch=known["epoch"])["entries"] == []
    answer = ask(play, query={"after": known["checkpoint"], "epoch": "another"})
    assert problem_of(answer) == (410, "feed_epoch_gone")


def test_restores_go_back_through_epochs_in_the_order_of_the_times() -> None:
    play = filled(3)
    play.edit({"do": "update", "id": 1}, later(minutes=1))
    page(play, later(minutes=2), fault="epoch_gone")
    play.edit({"do": "update", "id": 2}, later(minutes=3))
    play.edit({"do": "restore", "steps": 2}, later(minutes=4))
    assert ids(walk(play)) == [1, 2, 3]
    times = [datetime.fromisoformat(each["updated_at"]) for each in walk(play)]
    assert times == sorted(times)


# ── who may read ──


def guarded() -> FeedPlay:
    lists = [SharedList("shared"), SharedList("other", "Another.", may_redistribute=True)]
    keys = {NARROW: FeedKey("narrow", frozenset({"other"})), SILENT: FeedKey("silent", may_state_opinions=False)}
    return FeedPlay(lists, keys=keys)


def test_a_key_is_told_the_lists_that_it_may_read() -> None:
    play = guarded()
    play.edit({"do": "create", "list": "other", "count": 2}, START)
    play.edit({"do": "delete", "list": "other", "id": 1}, START)
    other = {"name": "other", "count": 1, "may_redistribute": True, "note": "Another."}
    shared = {"name": "shared", "count": 0, "may_redistribute": False, "note": ""}
    assert value_of(ask(play, "/api/v1/sharing")) == {"format": FORMAT, "lists": [shared, other]}
    assert value_of(ask(play, "/api/v1/sharing", key=NARROW))["lists"] == [other]
    assert value_of(ask(play, "/api/v1/sharing/other", key=NARROW))["entries"][0]["may_redistribute"] is True


def test_nobody_without_a_key_reads_anything() -> None:
    play = guarded()
    for path in ("/api/v1/sharing", LIST):
        answer = ask(play, path, key="wrong")
        assert problem_of(answer) == (401, "key_refused")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert problem_of(ask(play, path, headers={"authorization": f"Basic {play.key}"}))[0] == 401


def test_a_list_that_is_not_shared_with_a_key_is_403_and_one_that_is_not_there_404() -> None:
    play = guarded()
    assert problem_of(ask(play, key=NARROW)) == (403, "permission_denied")
    assert problem_of(ask(play, "/api/v1/sharing/nothing")) == (404, "list_not_found")
    assert ask(play, "/api/v1/nothing").status == 404


# ── opinions ──


def test_an_opinion_is_taken_once_and_a_replay_is_answered_the_same() -> None:
    play = filled(2)
    first = state(play, 1, "dispute", reason="A logo.")
    again = state(play, 1, "dispute", reason="A logo.", now=later(hours=1))
    assert value_of(first) == {"id": 1, "opinion": "dispute", "stated_at": "2026-11-22T12:00:00Z"}
    assert again.body == first.body
    assert again.note == "replayed"
    assert [(each.entry, each.opinion, each.reason) for each in play.stated] == [(1, "dispute", "A logo.")]


def test_an_opinion_takes_the_place_of_the_earlier_one_and_none_takes_it_back() -> None:
    play = filled(2)
    state(play, 1, "agree", "k1")
    state(play, 1, "dispute", "k2")
    state(play, 2, "seen", "k3")
    assert {place[1]: each.opinion for place, each in play.opinions().items()} == {1: "dispute", 2: "seen"}
    state(play, 1, "none", "k4")
    assert {place[1] for place in play.opinions()} == {2}
    assert len(play.stated) == 4


def test_an_opinion_does_not_move_the_entry() -> None:
    play = filled(2)
    checkpoint = page(play)["checkpoint"]
    state(play, 1, "agree")
    assert page(play, after=checkpoint)["entries"] == []


def test_a_key_of_idempotency_is_needed_and_belongs_to_one_request() -> None:
    play = filled(2)
    assert problem_of(state(play, 1, "agree", word="")) == (400, "idempotency_key_missing")
    state(play, 1, "agree")
    assert problem_of(state(play, 1, "dispute")) == (422, "idempotency_key_reused")
    assert problem_of(state(play, 2, "agree")) == (422, "idempotency_key_reused")
    assert len(play.stated) == 1


@pytest.mark.parametrize(("opinion", "reason"), [("maybe", None), (None, None), ("agree", 7), ("agree", "x" * 1001)])
def test_an_opinion_that_does_not_fit_is_refused(opinion: object, reason: object) -> None:
    play = filled(1)
    assert problem_of(state(play, 1, opinion, reason=reason)) == (422, "invalid_request")
    assert play.stated == []


def test_an_opinion_on_nothing_or_by_a_key_that_may_not_is_refused() -> None:
    play = guarded()
    play.edit({"do": "create", "count": 2}, START)
    play.edit({"do": "delete", "id": 2}, START)
    assert problem_of(state(play, 2, "agree", "k1")) == (404, "entry_not_found")
    assert problem_of(state(play, 3, "agree", "k2")) == (404, "entry_not_found")
    assert problem_of(state(play, 1, "agree", "k3", key=SILENT)) == (403, "permission_denied")
    assert problem_of(state(play, 1, "agree", "k4", key=NARROW)) == (403, "permission_denied")
    assert play.stated == []


# ── faults ──


def test_an_epoch_that_goes_lets_every_cursor_go_and_keeps_the_entries() -> None:
    play = filled(3)
    before = page(play)
    answer = ask(play, query={"after": before["checkpoint"], "epoch": before["epoch"]}, fault="epoch_gone")
    assert problem_of(answer) == (410, "feed_epoch_gone")
    after = page(play)
    assert after["epoch"] != before["epoch"]
    assert after["entries"] == before["entries"]


def test_a_type_that_nobody_knows_is_an_entry_like_any() -> None:
    play = filled(1)
    entries = page(play, fault="unknown_type=pdq-of-tomorrow")["entries"]
    assert [each["type"] for each in entries] == ["pdq", "pdq-of-tomorrow"]
    assert play.expected()[2].kind == "pdq-of-tomorrow"


def test_a_field_that_nobody_knows_comes_once() -> None:
    play = filled(1)
    plain, odd = page(play), page(play, fault="unknown_field=marks")
    assert "marks" in odd
    assert set(odd["entries"][0]) - set(plain["entries"][0]) == {"marks"}
    assert page(play) == plain
    listed = value_of(ask(play, "/api/v1/sharing", fault="unknown_field"))
    assert "of_tomorrow" in listed["lists"][0]


def test_a_mutation_updates_what_was_passed_deletes_what_comes_and_creates() -> None:
    play = filled(5)
    first = page(play, limit=2)
    rest = page(play, later(minutes=1), fault="mutate", after=first["checkpoint"])["entries"]
    assert [(each["id"], each["deleted"]) for each in rest] == [
        (4, False),
        (5, False),
        (1, False),
        (3, True),
        (6, False),
    ]


def test_a_shuffled_page_has_the_same_entries_and_the_right_checkpoint() -> None:
    play = filled(30)
    plain, shuffled = page(play, limit=20), page(play, limit=20, fault="shuffled_within_page")
    assert ids(shuffled["entries"]) != ids(plain["entries"])
    assert sorted(ids(shuffled["entries"])) == ids(plain["entries"])
    assert shuffled["checkpoint"] == plain["checkpoint"]


def test_too_many_calls_are_a_problem_too() -> None:
    answer = ask(filled(1), fault="busy=7")
    assert problem_of(answer) == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == "7"


# ── edits ──


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"do": "dance"},
        {"do": "update", "id": 77},
        {"do": "update", "id": "1"},
        {"do": "delete"},
        {"do": "recreate", "id": 1},
        {"do": "create", "list": "nothing"},
        {"do": "create", "count": 0},
        {"do": "create", "count": 2, "value": VALUE},
        {"do": "create", "quality": "high"},
        {"do": "restore", "steps": 2},
        {"do": "restore", "steps": 0},
    ],
)
def test_a_change_that_cannot_be_done_is_a_sentence_and_changes_nothing(change: dict[str, Any]) -> None:
    play = filled(1)
    before = page(play)
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        play.edit(change, later(minutes=1))
    assert page(play) == before


def test_a_deleted_entry_comes_back_under_its_number() -> None:
    play = filled(2)
    play.edit({"do": "delete", "id": 1}, later(seconds=5))
    play.edit({"do": "recreate", "id": 1, "value": VALUE}, later(seconds=6))
    assert ids(walk(play)) == [2, 1]
    assert play.expected()[1].value == VALUE


def test_two_plays_of_a_seed_make_the_same_and_items_show_no_whole_signal() -> None:
    one, two, other = filled(3), filled(3), filled(3, seed=1)
    assert page(one) == page(two) != page(other)
    assert [each["value"] for each in one.items()] == [f"{each['value'][:8]}…" for each in walk(one)]
    assert walk(one)[0]["value"] not in repr(one.expected())


# ── on the stage ──


def test_a_walk_over_http_and_an_opinion_leave_no_key_and_no_reason_in_the_transcript() -> None:
    with Simulator(filled(5), stands_at=later(hours=1), faults=["entries:2:truncated"]) as simulator:
        headers = {"authorization": f"Bearer {simulator.play.key}"}
        with httpx.Client(base_url=simulator.url, headers=headers, timeout=20, verify=False) as client:  # noqa: S501  (plain HTTP)
            first = client.get(LIST, params={"limit": 3}).json()
            with pytest.raises(json.JSONDecodeError):
                client.get(LIST, params={"after": first["checkpoint"], "epoch": first["epoch"]}).json()
            rest = client.get(LIST, params={"after": first["checkpoint"], "epoch": first["epoch"]}).json()
            assert ids(first["entries"]) + ids(rest["entries"]) == [1, 2, 3, 4, 5]
            said = {"opinion": "dispute", "reason": "A private reason."}
            done = client.post(f"{LIST}/entries/1/opinion", json=said, headers={"idempotency-key": "k1"})
            assert done.json()["opinion"] == "dispute"
            assert client.get(LIST, headers={"authorization": "Bearer nothing"}).status_code == 401
        transcript = "".join(json.dumps(each.as_json(), ensure_ascii=False) for each in simulator.transcript())
        assert simulator.play.key not in transcript
        assert "private" not in transcript
        assert first["entries"][0]["value"] not in transcript
        assert first["checkpoint"] in transcript
        assert [each.call for each in simulator.transcript()] == ["entries", "entries", "entries", "opinion", "entries"]


# ── an honest reader ends with what is expected ──


@dataclass
class Reader:
    """Reads as the protocol has it: in order, replacing; anew where the epoch is gone, forgetting what is not there."""

    play: FeedPlay
    held: dict[int, dict[str, Any]] = field(default_factory=dict)
    checkpoint: str = ""
    epoch: str = ""
    unseen: set[int] = field(default_factory=set)

    def read(self, now: datetime, limit: int, pages: int = 1000, fault: str = "", at: int = 0) -> bool:
        """Read up to some pages, one of them with a fault, and say whether the end was reached."""
        for number in range(pages):
            place = {"after": self.checkpoint, "epoch": self.epoch} if self.checkpoint else {}
            query = {"limit": limit, **place}
            answer = ask(self.play, query=query, now=now, fault=fault if number == at else "")
            if answer.status == 410:
                self.checkpoint, self.unseen = "", set(self.held)
                continue
            if answer.status != 200:
                return False
            found = json.loads(answer.body)
            if self.epoch != found["epoch"]:
                self.unseen = set(self.held)
            self.epoch = found["epoch"]
            for each in found["entries"]:
                self.take(each)
            self.checkpoint = found["checkpoint"]
            if not found["has_more"]:
                for entry in self.unseen:
                    self.held.pop(entry, None)
                self.unseen.clear()
                return True
        return False

    def take(self, told: dict[str, Any]) -> None:
        self.unseen.discard(told["id"])
        if told["deleted"]:
            self.held.pop(told["id"], None)
        else:
            self.held[told["id"]] = {name: told[name] for name in ("type", "value", "category")}


CREATIONS = st.fixed_dictionaries({"do": st.just("create"), "count": st.integers(1, 4)})
RESTORES = st.fixed_dictionaries({"do": st.just("restore"), "steps": st.integers(1, 4)})
CHANGES = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["delete", "recreate", "update"]),
        "which": st.integers(0, 9),
        "category": st.sampled_from(["A1", "B2"]),
    }
)
READS = st.fixed_dictionaries(
    {
        "limit": st.integers(1, 4),
        "pages": st.sampled_from([1000, 1, 2]),
        "fault": st.sampled_from(["", *sorted(FeedPlay.fault_kinds)]),
        "at": st.integers(0, 2),
    }
)
PAUSES = st.sampled_from([0.25, 30.0, 86_400.0])
STEPS = st.lists(st.one_of(CHANGES, READS, PAUSES, CREATIONS, RESTORES), min_size=5, max_size=25)


def play_change(play: FeedPlay, change: Mapping[str, Any], now: datetime) -> None:
    """Do a change to whichever entry its number points at, where there is one to do it to."""
    wanted = "deleted" if change["do"] == "recreate" else "live"
    known = [each["id"] for each in play.items() if each["state"] == wanted]
    if "which" in change and not known:
        return
    number = {"id": known[change["which"] % len(known)]} if "which" in change else {}
    try:
        play.edit({**change, **number}, now)
    except ValueError:
        assert change["do"] == "restore"  # the only one that may find too little to do


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
    expected = {
        number: {"type": each.kind, "value": each.value, "category": each.category}
        for number, each in play.expected().items()
    }
    assert reader.held == expected
