"""The life of cases under whatever people, platforms and clocks do, as a state machine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, update

from hedgerow.accounts.tables import account_changes
from hedgerow.audit.tables import audit_head
from hedgerow.banks.tables import bank_changes
from hedgerow.cases import (
    State,
    Statement,
    Verdict,
    appeal,
    case_clusters,
    claim_case,
    claim_next,
    decide,
    decisions_of,
    due_decisions,
    extend_claim,
    find_case,
    finish_case,
    lift_suppression,
    put_aside,
    reassign,
    release,
    return_lapsed,
    supersede,
    take_effect,
    undo,
    wake_due,
)
from hedgerow.cases.rules import CLAIMABLE, FINAL, RESTING_STATE, TRANSITIONS, decision_in_force
from hedgerow.cases.steps import case_of
from hedgerow.cases.tables import case_counter, case_items, cases, clusters, decisions, matches, suppressions
from hedgerow.database import metadata
from hedgerow.errors import (
    CaseChanged,
    CaseTaken,
    ClaimLost,
    ClaimRefused,
    InvalidDecision,
    SuppressionNotFound,
    TransitionRefused,
    UndoTooLate,
)
from hedgerow.policy.model import Then

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from conftest import World
    from hedgerow.cases import Claim
    from hedgerow.database import Database

_REFUSALS = (
    CaseChanged,
    CaseTaken,
    ClaimLost,
    ClaimRefused,
    InvalidDecision,
    SuppressionNotFound,
    TransitionRefused,
    UndoTooLate,
)
_OPENS = [Then.REVIEW, Then.HOLD_FOR_REVIEW, Then.ACTION]
_IN_A_QUEUE = {*RESTING_STATE.values(), State.CLAIMED, State.WAITING}
_STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}
_KEPT = {"audit_head", "bank_changes", "account_changes", "case_counter", "alembic_version"}


def _empty(database: Database) -> None:
    """Take everything out again: making a database anew for each example takes too long."""
    with database.write() as connection:
        connection.execute(update(matches).values(suppression_id=None, case_item_id=None))
        connection.execute(update(decisions).values(supersedes_id=None))
        for table in reversed(metadata.sorted_tables):
            if table.name not in _KEPT:
                connection.execute(table.delete())
        connection.execute(update(audit_head).values(sequence=0, hash=bytes(32)))
        connection.execute(update(bank_changes).values(sequence=0))
        connection.execute(update(account_changes).values(sequence=0))
        connection.execute(update(case_counter).values(year=0, sequence=0))


def _life(make: Callable[[], World]) -> type[RuleBasedStateMachine]:
    class Life(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.world = make()
            self.now = self.world.now
            self.users = [self.world.ada, self.world.ben, self.world.cem]
            with self.world.database.read() as connection:
                self.entries = sorted(connection.execute(select(metadata.tables["entries"].c.id)).scalars())
            self.claims: list[Claim] = []
            self.seen: dict[int, State] = {}
            self.tokens: dict[int, int] = {}

        def _try(self, action: Callable[[Connection], object]) -> object:
            """Do something, or find it refused with a typed error and nothing changed."""
            try:
                with self.world.database.write() as connection:
                    return action(connection)
            except _REFUSALS:
                return None

        def _pick(self, table: object, number: int) -> int | None:
            with self.world.database.read() as connection:
                found = list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())  # type: ignore[attr-defined]  # a state machine is typed by what it holds at run time
            return found[number % len(found)] if found else None

        @rule(
            picture=st.integers(0, 3),
            flipped=st.sampled_from([0, 4, 25]),
            account=st.sampled_from(["a", "b", None]),
            distance=st.sampled_from([0, 8, 20, 30]),
            entry=st.integers(0, 5),
            queue=st.sampled_from(["near", "known", "escalated"]),
            priority=st.integers(1, 4),
        )
        def submit(
            self, picture: int, flipped: int, account: str | None, distance: int, entry: int, queue: str, priority: int
        ) -> None:
            outcome = self.world.outcome(priority=priority, queue=queue)
            self.world.submit(
                picture * 100 + flipped,
                self.world.match(self.entries[entry], distance, outcome=outcome),
                pdq=self.world.bits(picture, flipped),
                account=account,
                now=self.now,
            )

        @rule(user=st.integers(0, 2))
        def press_next(self, user: int) -> None:
            queues = list(RESTING_STATE)
            claim = self._try(lambda each: claim_next(each, queues, self.users[user], now=self.now))
            if claim is not None:
                self.claims.append(claim)  # type: ignore[arg-type]  # a state machine is typed by what it holds at run time

        @rule(user=st.integers(0, 2), number=st.integers(0, 9))
        def claim(self, user: int, number: int) -> None:
            case = self._pick(cases, number)
            if case is not None:
                claim = self._try(lambda each: claim_case(each, case, self.users[user], now=self.now))
                if claim is not None:
                    self.claims.append(claim)  # type: ignore[arg-type]  # a state machine is typed by what it holds at run time

        @rule(
            which=st.integers(0, 9),
            verdict=st.sampled_from([*Verdict, Verdict.CONFIRMED, Verdict.NOT_A_MATCH]),
            is_whole=st.booleans(),
            cluster=st.integers(0, 9),
        )
        def say(self, which: int, verdict: Verdict, is_whole: bool, cluster: int) -> None:
            if not self.claims:
                return
            claim = self.claims[which % len(self.claims)]

            def act(connection: Connection) -> object:
                version = find_case(connection, claim.case_id).version
                own = case_clusters(connection, claim.case_id)
                chosen = None if is_whole or verdict not in FINAL else own[cluster % len(own)].id
                said = Statement(verdict, reason="a reason")
                return decide(connection, claim, said, seen_version=version, cluster_id=chosen, now=self.now)

            self._try(act)

        @rule(which=st.integers(0, 9), what=st.sampled_from(["release", "extend", "aside"]))
        def use_claim(self, which: int, what: str) -> None:
            if not self.claims:
                return
            claim = self.claims[which % len(self.claims)]
            if what == "release":
                self._try(lambda each: release(each, claim, now=self.now))
            elif what == "extend":
                self._try(lambda each: extend_claim(each, claim, now=self.now))
            else:
                until = self.now + timedelta(hours=1)
                self._try(lambda each: put_aside(each, claim, until=until, reason="x", now=self.now))

        @rule(number=st.integers(0, 9), user=st.integers(0, 2))
        def give(self, number: int, user: int) -> None:
            case = self._pick(cases, number)
            if case is not None:
                self._try(lambda each: reassign(each, case, self.users[user], actor="user:1", now=self.now))

        @rule(
            number=st.integers(0, 9),
            what=st.sampled_from(["undo", "supersede"]),
            verdict=st.sampled_from(sorted(FINAL)),
        )
        def change_mind(self, number: int, what: str, verdict: Verdict) -> None:
            decision = self._pick(decisions, number)
            if decision is None:
                return
            if what == "undo":
                self._try(lambda each: undo(each, decision, actor="user:1", now=self.now))
            else:
                said, user = Statement(verdict), self.users[2]
                self._try(lambda each: supersede(each, decision, said, user_id=user, now=self.now))

        @rule(number=st.integers(0, 9))
        def appeal(self, number: int) -> None:
            case = self._pick(cases, number)
            if case is not None:
                self._try(lambda each: appeal(each, case, actor="key:1", now=self.now))

        @rule(number=st.integers(0, 9))
        def lift(self, number: int) -> None:
            suppression = self._pick(suppressions, number)
            if suppression is not None:
                self._try(lambda each: lift_suppression(each, suppression, actor="user:1", now=self.now))

        @rule(minutes=st.sampled_from([0, 1, 20, 90]), qa_rate=st.sampled_from([0.0, 1.0]))
        def time_passes(self, minutes: int, qa_rate: float) -> None:
            self.now += timedelta(minutes=minutes)
            with self.world.database.write() as connection:
                return_lapsed(connection, now=self.now)
                wake_due(connection, now=self.now)
                for decision in due_decisions(connection, now=self.now):
                    take_effect(connection, decision.id, now=self.now)
                for case in list(connection.execute(select(cases.c.id).where(cases.c.state == "acting")).scalars()):
                    finish_case(connection, case, now=self.now, qa_rate=qa_rate)

        @invariant()
        def an_undecided_match_is_in_exactly_one_open_case_and_one_queue(self) -> None:
            with self.world.database.read() as connection:
                rows = connection.execute(
                    select(matches.c.id, matches.c.case_item_id, clusters.c.verdict, cases.c.state, cases.c.queue)
                    .outerjoin(case_items, matches.c.case_item_id == case_items.c.id)
                    .outerjoin(clusters, case_items.c.cluster_id == clusters.c.id)
                    .outerjoin(cases, case_items.c.case_id == cases.c.id)
                    .where(matches.c.outcome.in_(_OPENS), matches.c.suppression_id.is_(None))
                ).all()
            for row in rows:
                assert row.case_item_id is not None
                if row.verdict is None:
                    assert State(row.state) in _IN_A_QUEUE
                    assert row.queue is not None

        @invariant()
        def what_is_kept_beside_the_decisions_follows_from_them(self) -> None:
            with self.world.database.read() as connection:
                for number in connection.execute(select(cases.c.id)).scalars():
                    made = decisions_of(connection, number)
                    for cluster in case_clusters(connection, number):
                        decision = decision_in_force(made, cluster.id)
                        assert cluster.verdict is (None if decision is None else decision.verdict)

        @invariant()
        def a_case_is_decided_exactly_when_it_says_so(self) -> None:
            with self.world.database.read() as connection:
                for row in connection.execute(select(cases)).all():
                    case = case_of(row)
                    verdicts = [each.verdict for each in case_clusters(connection, case.id)]
                    if case.state in {State.DECIDED, State.ACTING, State.CLOSED, State.SAMPLED, State.APPEALED}:
                        assert None not in verdicts
                    if case.state in CLAIMABLE - {State.SAMPLED, State.APPEALED}:
                        assert case.state is RESTING_STATE[case.queue]
                    pending = [each for each in decisions_of(connection, case.id) if self._is_pending(connection, each)]
                    if case.state in {State.ACTING, State.CLOSED}:
                        assert pending == []

        def _is_pending(self, connection: Connection, decision: object) -> bool:
            due = connection.execute(select(decisions.c.due_at).where(decisions.c.id == decision.id)).scalar()  # type: ignore[attr-defined]  # a state machine is typed by what it holds at run time
            return due is not None

        @invariant()
        def one_case_gathers_for_a_subject_and_numbers_have_no_gap(self) -> None:
            with self.world.database.read() as connection:
                rows = connection.execute(select(cases).order_by(cases.c.id)).all()
            gathering = [(row.subject_kind, row.subject_id) for row in rows if row.is_gathering]
            assert len(gathering) == len(set(gathering))
            assert [row.number for row in rows] == [f"2026-{number:05}" for number in range(1, len(rows) + 1)]

        @invariant()
        def a_token_never_goes_back(self) -> None:
            with self.world.database.read() as connection:
                for row in connection.execute(select(cases.c.id, cases.c.claim_token)).all():
                    assert row.claim_token >= self.tokens.get(row.id, 0)
                    self.tokens[row.id] = row.claim_token

    return Life


def _live(world: World, database: Database, examples: int, steps: int) -> None:
    kind = type(world)

    def make() -> World:
        _empty(database)
        return kind(database, world.now)

    how = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(_life(make), settings=how)  # type: ignore[no-untyped-call]  # a state machine is typed by what it holds at run time


def test_whatever_happens_no_match_is_lost_and_every_case_says_the_truth(world: World, database: Database) -> None:
    _live(world, database, examples=6, steps=25)


@pytest.mark.slow
def test_however_long_it_happens(world: World, database: Database) -> None:
    _live(world, database, examples=100, steps=60)
