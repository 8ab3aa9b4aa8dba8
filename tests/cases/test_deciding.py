from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from hedgerow.audit import list_entries
from hedgerow.cases import (
    DEFAULT_UNDO_WINDOW,
    Form,
    NewView,
    Queue,
    Stage,
    State,
    Statement,
    Verdict,
    appeal,
    case_clusters,
    decide,
    due_decisions,
    find_case,
    find_decision,
    record_view,
    supersede,
    take_effect,
    undo,
)
from hedgerow.cases.tables import decisions
from hedgerow.errors import (
    CaseChanged,
    ClaimRefused,
    DecisionNotFound,
    InvalidDecision,
    TransitionRefused,
    UndoTooLate,
)

if TYPE_CHECKING:
    from datetime import datetime

    from conftest import World
    from hedgerow.cases import Case, Decision

SECOND = timedelta(seconds=1)


def _undo(world: World, decision: Decision, now: datetime | None = None) -> Case:
    with world.database.write() as connection:
        return undo(connection, decision.id, actor="user:1", now=now or world.now)


def _supersede(world: World, decision: Decision, verdict: Verdict, now: datetime | None = None) -> Decision:
    with world.database.write() as connection:
        return supersede(connection, decision.id, Statement(verdict), user_id=world.cem, now=now or world.now)


def _appeal(world: World, case: Case) -> Case:
    with world.database.write() as connection:
        return appeal(connection, case.id, actor="key:1", now=world.now)


def _due(world: World, now: datetime) -> list[int]:
    with world.database.read() as connection:
        return [each.id for each in due_decisions(connection, now=now)]


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_is_found_as_it_was_made(world: World) -> None:
    case = world.opened()
    (made,) = world.say(
        world.claim(case), classification="A2", tags=["self", "ai"], reason="plain", note="see the other account"
    )
    with world.database.read() as connection:
        assert find_decision(connection, made.id) == made
    assert (made.cluster_id, made.stage, made.classification, made.tags) == (None, Stage.FIRST, "A2", ("ai", "self"))
    assert (made.decided_by, made.takes_effect_at) == (world.ada, world.now + DEFAULT_UNDO_WINDOW)
    case = world.case(case)
    assert (case.state, case.claimed_by, case.is_gathering) == (State.DECIDED, None, False)


def test_a_note_and_a_reason_never_stand_in_the_audit(world: World) -> None:
    world.say(world.claim(world.opened()), note="a name", reason="another name")
    with world.database.read() as connection:
        last = list_entries(connection)[-1]
        assert last.action == "case.decided"
        assert "name" not in str(last.details)


def test_what_came_meanwhile_must_be_seen_first(world: World) -> None:
    claim = world.claim(world.opened(0))
    seen = world.case(claim.case_id).version
    world.opened(1)
    with pytest.raises(CaseChanged):
        world.say(claim, version=seen)
    world.say(claim)


def test_each_cluster_can_be_decided_by_itself_and_the_last_decides_the_case(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    claim = world.claim(case)
    world.say(claim, cluster=1)
    assert world.case(case).state is State.CLAIMED
    with pytest.raises(InvalidDecision):
        world.say(claim, cluster=1)
    with pytest.raises(InvalidDecision):
        world.say(claim, cluster=99)
    world.say(claim, Verdict.NOT_A_MATCH, cluster=2)
    assert world.case(case).state is State.DECIDED
    assert world.clusters(case) == [(1, Verdict.CONFIRMED), (1, Verdict.NOT_A_MATCH)]


def test_the_rest_of_a_case_is_decided_at_once_without_touching_what_was_decided(world: World) -> None:
    case = world.opened(0)
    for number in (1, 2):
        world.opened(number)
    claim = world.claim(case)
    world.say(claim, Verdict.NOT_A_MATCH, cluster=2)
    assert [each.cluster_id for each in world.say(claim)] == [1, 3]
    assert [verdict for _, verdict in world.clusters(case)] == ["confirmed", "not_a_match", "confirmed"]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.NOT_A_MATCH, {"classification": "A1"}),
        (Verdict.CONFIRMED, {"classification": "Z9"}),
        (Verdict.SKIP, {"reason": " "}),
        (Verdict.CONFIRMED, {"note": "x" * 10_001}),
        (Verdict.CONFIRMED, {"reason": "a\0b"}),
        (Verdict.CONFIRMED, {"tags": ["no good"]}),
        (Verdict.ESCALATE, {"cluster": 1}),
    ],
)
def test_what_does_not_fit_is_not_decided(world: World, verdict: Verdict, said: dict[str, object]) -> None:
    case = world.opened()
    claim = world.claim(case)
    with pytest.raises(InvalidDecision):
        world.say(claim, verdict, **said)  # type: ignore[arg-type]  # what a parametrised test passes on
    assert world.case(case).state is State.CLAIMED


@pytest.mark.parametrize(
    ("verdict", "state", "queue"),
    [
        (Verdict.ESCALATE, State.ESCALATED, Queue.ESCALATED),
        (Verdict.SECOND_OPINION, State.SECOND_OPINION, Queue.SECOND_OPINION),
        (Verdict.SKIP, State.OPEN, Queue.NEAR),
    ],
)
def test_a_case_is_handed_on(world: World, verdict: Verdict, state: State, queue: Queue) -> None:
    case = world.opened()
    (made,) = world.say(world.claim(case), verdict)
    case = world.case(case)
    assert (case.state, case.queue, case.is_gathering) == (state, queue, True)
    assert _due(world, world.now + timedelta(days=1)) == []
    with pytest.raises(InvalidDecision):
        _undo(world, made)


def test_an_escalated_case_is_decided_by_whoever_takes_it(world: World) -> None:
    case = world.opened()
    world.say(world.claim(case), Verdict.ESCALATE)
    assert world.decided(case, user=world.ben).stage is Stage.ESCALATED


def test_no_look_is_derived_from_the_views(world: World) -> None:
    first, second = (world.opened(each, account=str(each)) for each in range(2))
    for form in (Form.TILE, Form.BLURRED):
        with world.database.write() as connection:
            record_view(connection, NewView(first.id, 1, world.ada, form, world.now, 5.0), now=world.now)
    assert world.decided(first).is_no_look
    with world.database.write() as connection:
        record_view(connection, NewView(second.id, 2, world.ada, Form.FULL, world.now, 0.0), now=world.now)
    assert not world.decided(second).is_no_look


# ── undoing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_undo_returns_the_case_and_nothing_takes_effect(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    later = world.now + DEFAULT_UNDO_WINDOW - SECOND
    case = _undo(world, made, later)
    assert (case.state, case.queue, case.is_gathering) == (State.OPEN, Queue.NEAR, True)
    assert world.clusters(case) == [(1, None)]
    assert _due(world, world.now + timedelta(days=1)) == []
    world.decided(case, Verdict.NOT_A_MATCH)
    with world.database.read() as connection:
        assert find_decision(connection, made.id).undone_at == later


def test_what_was_undone_or_has_taken_effect_is_not_undone(world: World) -> None:
    made = world.decided(world.opened())
    with pytest.raises(UndoTooLate):
        _undo(world, made, world.now + DEFAULT_UNDO_WINDOW)
    _undo(world, made)
    with pytest.raises(InvalidDecision):
        _undo(world, made)
    with world.database.read() as connection, pytest.raises(DecisionNotFound):
        find_decision(connection, 99)


def test_of_two_cases_about_one_account_one_gathers_after_an_undo(world: World) -> None:
    first = world.opened(0)
    made = world.decided(first)
    second = world.opened(1)
    first = _undo(world, made)
    assert (first.state, first.is_gathering, world.case(second).is_gathering) == (State.OPEN, False, True)
    assert world.opened(2).id == second.id


def test_a_part_that_is_undone_is_open_again_while_somebody_works_on_the_rest(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    claim = world.claim(case)
    (made,) = world.say(claim, cluster=1)
    assert _undo(world, made).state is State.CLAIMED
    assert world.clusters(case) == [(1, None), (1, None)]
    world.say(claim)
    assert world.case(case).state is State.DECIDED


# ── superseding ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_is_superseded_and_stays_as_it_was(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    world.settle(case)
    later = world.now + timedelta(hours=1)
    correction = _supersede(world, made, Verdict.NOT_A_MATCH, later)
    assert (correction.supersedes_id, correction.stage) == (made.id, Stage.CORRECTION)
    assert world.clusters(case) == [(1, Verdict.NOT_A_MATCH)]
    with world.database.write() as connection:
        assert find_decision(connection, made.id).verdict is Verdict.CONFIRMED
        (effect,) = take_effect(connection, correction.id, now=correction.takes_effect_at)
    assert effect.previous_verdict is Verdict.CONFIRMED
    assert world.settle(case, now=later).state is State.CLOSED


def test_what_is_superseded_before_it_took_effect_never_does(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    correction = _supersede(world, made, Verdict.NOT_A_MATCH, world.now + SECOND)
    assert _due(world, correction.takes_effect_at) == [correction.id]
    with world.database.write() as connection:
        assert take_effect(connection, made.id, now=correction.takes_effect_at) == []
        (effect,) = take_effect(connection, correction.id, now=correction.takes_effect_at)
        assert (effect.previous_verdict, effect.case.state) == (None, State.ACTING)
    assert _due(world, world.now + timedelta(days=1)) == []


def test_a_correction_that_is_undone_leaves_what_was_before(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    correction = _supersede(world, made, Verdict.NOT_A_MATCH)
    assert _undo(world, correction).state is State.DECIDED  # the first one still has to take effect
    assert _due(world, made.takes_effect_at) == [made.id]
    world.settle(case)
    later = world.now + timedelta(hours=1)
    assert _undo(world, _supersede(world, made, Verdict.NOT_A_MATCH, later), later).state is State.CLOSED
    assert world.clusters(case) == [(1, Verdict.CONFIRMED)]


def test_only_what_is_in_force_is_superseded_or_undone(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    _supersede(world, made, Verdict.NOT_A_MATCH)
    for verdict in (Verdict.CONFIRMED, Verdict.SKIP):
        with pytest.raises(InvalidDecision):
            _supersede(world, made, verdict)
    with pytest.raises(InvalidDecision):
        _undo(world, made)


def test_a_decision_in_a_case_that_is_being_worked_on_is_not_superseded(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    (made,) = world.say(world.claim(case), cluster=1)
    with pytest.raises(TransitionRefused):
        _supersede(world, made, Verdict.NOT_A_MATCH)


# ── appeals and samples ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_appeal_goes_to_somebody_else_who_may_decide_otherwise(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    with pytest.raises(TransitionRefused):
        _appeal(world, case)  # it can still be undone
    world.settle(case)
    case = _appeal(world, case)
    assert (case.state, case.queue, case.round) == (State.APPEALED, Queue.APPEALS, 2)
    assert world.clusters(case) == [(1, Verdict.CONFIRMED)]  # in force until it is decided otherwise
    assert world.next(world.ada) is None
    with pytest.raises(ClaimRefused):
        world.claim(case)
    again = world.decided(case, Verdict.NOT_A_MATCH, world.ben)
    assert (again.stage, again.supersedes_id) == (Stage.APPEAL, made.id)
    later = again.takes_effect_at
    with world.database.write() as connection:
        (effect,) = take_effect(connection, again.id, now=later)
    assert effect.previous_verdict is Verdict.CONFIRMED


def test_an_appeal_that_is_escalated_is_kept_from_the_first_decider_too(world: World) -> None:
    case = world.opened()
    world.decided(case)
    world.settle(case)
    _appeal(world, case)
    world.say(world.claim(case, world.ben), Verdict.ESCALATE)
    assert world.next(world.ada) is None
    assert world.next(world.cem) == case.id


def test_an_appeal_undone_waits_for_somebody_else_again(world: World) -> None:
    case = world.opened()
    world.decided(case)
    world.settle(case)
    _appeal(world, case)
    again = world.decided(case, Verdict.NOT_A_MATCH, world.ben)
    case = _undo(world, again)
    assert (case.state, case.is_gathering) == (State.APPEALED, False)
    assert world.clusters(case) == [(1, Verdict.CONFIRMED)]
    assert world.next(world.ada) is None


def test_an_appealed_case_gathers_nothing(world: World) -> None:
    case = world.opened()
    world.decided(case)
    world.settle(case)
    _appeal(world, case)
    assert world.opened(1).id != case.id


def test_a_sample_is_blind_and_agreement_closes_it(world: World) -> None:
    case = world.opened()
    made = world.decided(case)
    case = world.settle(case, qa_rate=1.0)
    assert (case.state, case.queue) == (State.SAMPLED, Queue.QA)
    assert world.next(world.ada, Queue.QA) is None
    second = world.decided(case, user=world.ben)
    assert (second.stage, second.supersedes_id) == (Stage.QA, None)
    assert world.case(case).state is State.CLOSED
    assert _due(world, world.now + timedelta(days=1)) == []
    with world.database.read() as connection:
        assert find_case(connection, case.id).closed_at == world.now + timedelta(minutes=1)
        assert find_decision(connection, made.id).undone_at is None


def test_a_sample_that_disagrees_is_escalated_and_changes_nothing_by_itself(world: World) -> None:
    case = world.opened()
    world.decided(case)
    world.settle(case, qa_rate=1.0)
    world.decided(case, Verdict.NOT_A_MATCH, world.ben)
    case = world.case(case)
    assert (case.state, case.queue, case.is_contested) == (State.ESCALATED, Queue.ESCALATED, True)
    assert world.clusters(case) == [(1, Verdict.CONFIRMED)]
    assert [world.next(world.ada), world.next(world.ben)] == [None, None]
    third = world.decided(case, Verdict.NOT_A_MATCH, world.cem)
    assert third.stage is Stage.ESCALATED
    assert world.clusters(case) == [(1, Verdict.NOT_A_MATCH)]
    assert world.settle(case, qa_rate=1.0).state is State.CLOSED  # drawn once, not again


def test_what_is_not_drawn_stays_closed(world: World) -> None:
    case = world.opened()
    world.decided(case)
    assert world.settle(case, qa_rate=0.0).state is State.CLOSED


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_that_is_cut_off_leaves_nothing(world: World) -> None:
    case = world.opened()
    claim = world.claim(case)

    def interrupted() -> None:
        with world.database.write() as connection:
            decide(connection, claim, Statement(Verdict.NOT_A_MATCH), seen_version=case.version, now=world.now)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with world.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(decisions)).scalar() == 0
        assert case_clusters(connection, case.id)[0].verdict is None
        assert [each.action for each in list_entries(connection, subject_type="case")] == [
            "case.opened",
            "case.claimed",
        ]


@pytest.mark.parametrize("table", ["cases", "clusters", "submissions", "case_items", "decisions", "entries", "users"])
def test_nothing_is_deleted_with_something_else(world: World, table: str) -> None:
    case = world.opened()
    world.decided(case, Verdict.NOT_A_MATCH)
    with world.database.write() as connection:
        record_view(connection, NewView(case.id, 1, world.ada, Form.TILE, world.now), now=world.now)
    with pytest.raises(IntegrityError), world.database.write() as connection:
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  (our constant)
