from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from hedgerow.cases import Case, Decision, Queue, Stage, State, Verdict
from hedgerow.cases.model import Event
from hedgerow.cases.rules import (
    GATHERING,
    RESTING_STATE,
    TRANSITIONS,
    bits_apart,
    check_claim,
    check_classification,
    check_may_claim,
    check_tags,
    check_undo,
    decision_in_force,
    due_at,
    is_decided_in,
    is_sampled,
    is_suppressed,
    joined_queue,
    joins_cluster,
    next_state,
    stage_of,
    usable_pdq,
    why_not_claimed,
)
from hedgerow.errors import CaseTaken, ClaimLost, ClaimRefused, InvalidDecision, TransitionRefused, UndoTooLate

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CASE = Case(
    1, "2026-00001", "", "account", "a", Queue.NEAR, State.OPEN, 2, NOW, None, NOW, NOW, None, None, 0, None, None, 1,
    round=1, is_contested=False, is_gathering=True,
)  # fmt: skip
CLAIMED = replace(CASE, state=State.CLAIMED, claimed_by=7, claim_token=3, claim_expires_at=NOW + MINUTE)
DECISION = Decision(
    1, 1, None, 1, Stage.FIRST, Verdict.CONFIRMED, None, (), None, None, is_no_look=True, decided_by=7, decided_at=NOW,
    takes_effect_at=NOW + MINUTE, effected_at=None, undone_at=None, undone_by=None, supersedes_id=None,
)  # fmt: skip


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("state", "event"), sorted(each for each in product(State, Event) if each not in TRANSITIONS))
def test_every_step_that_is_not_in_the_table_is_refused(state: State, event: Event) -> None:
    with pytest.raises(TransitionRefused) as caught:
        next_state(state, event, Queue.KNOWN)
    assert (caught.value.state, caught.value.event) == (state, event)


@pytest.mark.parametrize("queue", Queue)
def test_a_released_case_waits_in_its_queue(queue: Queue) -> None:
    for event in (Event.RELEASE, Event.LAPSE, Event.SKIP):
        assert next_state(State.CLAIMED, event, queue) is RESTING_STATE[queue]
    assert next_state(State.WAITING, Event.WAKE, queue) is RESTING_STATE[queue]
    assert next_state(State.DECIDED, Event.UNDO, queue) is RESTING_STATE[queue]


def test_every_state_can_be_reached_and_left() -> None:
    reached = {RESTING_STATE[queue] for queue in Queue} | {each for each in TRANSITIONS.values() if each is not None}
    left = {state for (state, _), after in TRANSITIONS.items() if after is not state}
    assert reached == left == set(State)


def test_nothing_gathers_once_it_is_decided() -> None:
    assert not {State.DECIDED, State.ACTING, State.CLOSED, State.APPEALED, State.SAMPLED} & GATHERING


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_is_good_until_its_lease_runs_out() -> None:
    check_claim(CLAIMED, user_id=7, token=3, now=NOW + MINUTE - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("case", "user", "token", "now"),
    [
        (CLAIMED, 7, 3, NOW + MINUTE),
        (CLAIMED, 7, 2, NOW),
        (CLAIMED, 7, 4, NOW),
        (CLAIMED, 8, 3, NOW),
        (CASE, 7, 0, NOW),
    ],
)
def test_any_other_claim_is_lost(case: Case, user: int, token: int, now: datetime) -> None:
    with pytest.raises(ClaimLost):
        check_claim(case, user_id=user, token=token, now=now)


def test_a_case_somebody_works_on_is_taken_until_the_lease_runs_out() -> None:
    with pytest.raises(CaseTaken):
        check_may_claim(CLAIMED, 8, [], now=NOW)
    check_may_claim(CLAIMED, 8, [], now=NOW + MINUTE)


@pytest.mark.parametrize("state", [State.DECIDED, State.ACTING, State.CLOSED, State.WAITING])
def test_a_case_that_waits_for_nobody_is_not_claimed(state: State) -> None:
    with pytest.raises(TransitionRefused):
        check_may_claim(replace(CASE, state=state), 8, [], now=NOW)


def test_an_appeal_never_goes_to_whoever_decided_before_in_whatever_queue() -> None:
    for queue in (Queue.APPEALS, Queue.QA, Queue.ESCALATED, Queue.SECOND_OPINION):
        contested = replace(CASE, queue=queue, is_contested=True, round=2)
        assert why_not_claimed(contested, 7, [DECISION]) == "you decided it before"
        assert why_not_claimed(contested, 8, [DECISION]) is None
        with pytest.raises(ClaimRefused):
            check_may_claim(contested, 7, [DECISION], now=NOW)


def test_whoever_decided_a_part_goes_on_with_the_rest() -> None:
    assert why_not_claimed(CASE, 7, [replace(DECISION, cluster_id=3)]) is None


def test_whoever_undid_their_decision_may_take_the_appeal() -> None:
    assert why_not_claimed(replace(CASE, is_contested=True), 7, [replace(DECISION, undone_at=NOW)]) is None


def test_the_second_opinion_is_somebody_else_s() -> None:
    asked = replace(DECISION, verdict=Verdict.SECOND_OPINION)
    assert why_not_claimed(replace(CASE, queue=Queue.SECOND_OPINION), 7, [asked]) == "you asked for the second opinion"
    assert why_not_claimed(replace(CASE, queue=Queue.SECOND_OPINION), 8, [asked]) is None
    assert why_not_claimed(replace(CASE, queue=Queue.ESCALATED), 7, [asked]) is None


def test_what_somebody_skipped_is_for_others_until_it_is_to_be_decided_again() -> None:
    skipped = replace(DECISION, verdict=Verdict.SKIP)
    assert why_not_claimed(CASE, 7, [skipped]) == "you left it to others"
    assert why_not_claimed(replace(CASE, round=2), 7, [skipped]) is None


# ── time, queues ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("priority", "deadline", "hours"),
    [(1, None, 24), (2, None, 48), (3, None, 72), (4, None, 168), (4, "us_tida", 48), (1, "us_tida", 24),
     (4, "us_cybertip", 24), (4, "eu_art16", 168), (3, "unknown", 72)],
)  # fmt: skip
def test_a_case_is_due_at_the_sooner_of_its_priority_and_its_deadline(
    priority: int, deadline: str | None, hours: int
) -> None:
    assert due_at(priority, NOW, deadline) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(("queue", "arriving"), list(product(Queue, Queue)))
def test_what_arrives_moves_a_case_only_towards_more_certain_or_escalated(queue: Queue, arriving: Queue) -> None:
    order = [Queue.NEAR, Queue.KNOWN, Queue.ESCALATED]
    after = joined_queue(queue, arriving)
    if queue in order and arriving in order:
        assert order.index(after) == max(order.index(queue), order.index(arriving))
    else:
        assert after is queue


def test_the_occasion_follows_from_the_queue() -> None:
    assert [stage_of(queue) for queue in (Queue.KNOWN, Queue.APPEALS, Queue.QA)] == [
        Stage.FIRST,
        Stage.APPEAL,
        Stage.QA,
    ]


# ── clusters and suppressions ────────────────────────────────────────────────────────────────────────────────────

ZERO = bytes(32)


def _bits(count: int) -> bytes:
    return ((1 << count) - 1).to_bytes(32, "big")


def test_the_same_file_joins_whatever_else_is_known_of_it() -> None:
    assert joins_cluster(b"s", None, 0, b"s", ZERO, 31)


@pytest.mark.parametrize(
    ("apart", "distance", "other", "does_join"),
    [(31, 8, 8, True), (32, 8, 8, False), (31, 30, 20, True), (30, 30, 0, False), (0, 30, 0, False), (10, 10, 0, True)],
)
def test_near_duplicates_join_unless_one_is_much_nearer_to_what_is_known(
    apart: int, distance: int, other: int, does_join: bool
) -> None:
    assert joins_cluster(None, _bits(apart), distance, None, ZERO, other) is does_join


def test_what_has_no_usable_signal_joins_nothing_by_looks() -> None:
    assert not joins_cluster(None, None, 0, None, ZERO, 0)
    assert not joins_cluster(None, ZERO, 0, None, None, 0)
    assert (usable_pdq(ZERO, 49), usable_pdq(ZERO, 50), usable_pdq(ZERO, None)) == (None, ZERO, ZERO)


@pytest.mark.parametrize(
    ("apart", "distance", "is_held"),
    [(0, 20, True), (10, 20, True), (11, 30, False), (8, 8, False), (8, 9, True), (0, 0, False)],
)
def test_a_judgement_holds_for_what_is_nearer_to_it_than_to_the_entry(apart: int, distance: int, is_held: bool) -> None:
    assert is_suppressed(_bits(apart), distance, ZERO) is is_held


def test_no_judgement_ever_hides_the_entry_itself() -> None:
    # a picture that differs from the entry in no bit, beside a stranger judged at any distance
    assert not any(is_suppressed(ZERO, 0, _bits(apart)) for apart in range(32))


def test_bits_apart_are_counted() -> None:
    assert bits_apart(_bits(5), _bits(9)) == 4


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_is_undone_only_before_it_takes_effect() -> None:
    check_undo(DECISION, now=NOW)
    with pytest.raises(UndoTooLate):
        check_undo(DECISION, now=NOW + MINUTE)
    with pytest.raises(UndoTooLate):
        check_undo(replace(DECISION, effected_at=NOW), now=NOW)
    with pytest.raises(InvalidDecision):
        check_undo(replace(DECISION, undone_at=NOW), now=NOW)
    with pytest.raises(InvalidDecision):
        check_undo(replace(DECISION, verdict=Verdict.ESCALATE), now=NOW)


def test_the_latest_decision_that_was_not_undone_is_in_force() -> None:
    whole = DECISION
    one = replace(DECISION, id=2, cluster_id=5, verdict=Verdict.NOT_A_MATCH)
    undone = replace(DECISION, id=3, undone_at=NOW)
    sample = replace(DECISION, id=4, stage=Stage.QA)
    handed_on = replace(DECISION, id=5, verdict=Verdict.ESCALATE)
    made = [whole, one, undone, sample, handed_on]
    assert decision_in_force(made, 5) == one
    assert decision_in_force(made, 6) == whole
    assert decision_in_force(made, 5, before=2) == whole
    assert decision_in_force(made, 5, stages={Stage.QA}) == sample
    assert decision_in_force([], 5) is None


def test_a_cluster_is_decided_in_a_round_by_a_decision_of_that_round() -> None:
    assert is_decided_in([DECISION], 5, 1)
    assert not is_decided_in([DECISION], 5, 2)
    assert not is_decided_in([replace(DECISION, cluster_id=4)], 5, 1)
    assert not is_decided_in([replace(DECISION, undone_at=NOW)], 5, 1)
    assert not is_decided_in([replace(DECISION, verdict=Verdict.SKIP)], 5, 1)


def test_only_what_is_confirmed_is_classified() -> None:
    assert check_classification(Verdict.CONFIRMED, "B2") == "B2"
    assert check_classification(Verdict.NOT_A_MATCH, None) is None
    for verdict, classification in ((Verdict.NOT_A_MATCH, "A1"), (Verdict.CONFIRMED, "C1")):
        with pytest.raises(InvalidDecision):
            check_classification(verdict, classification)


def test_tags_are_words() -> None:
    assert check_tags(["self", "ai", "self"]) == ("ai", "self")
    for tags in (["A"], ["a b"], [""], ["x" * 41], [str(each) for each in range(21)]):
        with pytest.raises(InvalidDecision):
            check_tags(tags)


def test_a_sample_is_the_same_whoever_draws_it_and_as_large_as_its_rate() -> None:
    assert not any(is_sampled(number, 0.0) for number in range(1000))
    assert all(is_sampled(number, 1.0) for number in range(1000))
    drawn = {number for number in range(20_000) if is_sampled(number, 0.1)}
    assert 1850 < len(drawn) < 2150
    assert {number for number in range(20_000) if is_sampled(number, 0.05)} < drawn
