from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import list_entries
from hedgerow.cases import State, find_case
from hedgerow.cases.model import Event
from hedgerow.cases.steps import lock_case, move, subject_of
from hedgerow.errors import CaseNotFound, TransitionRefused

if TYPE_CHECKING:
    from conftest import World


def test_a_step_that_is_refused_changes_nothing(world: World) -> None:
    case = world.opened()
    with world.database.write() as connection, pytest.raises(TransitionRefused):
        move(connection, lock_case(connection, case.id), Event.FINISH, now=world.now)
    assert world.case(case) == case


def test_what_belongs_to_a_claim_goes_with_it(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        case = move(connection, lock_case(connection, claim.case_id), Event.RELEASE, now=world.now)
    assert (case.state, case.claimed_by, case.claim_expires_at, case.claim_token) == (State.OPEN, None, None, 1)


def test_a_case_that_does_not_exist_is_not_found(world: World) -> None:
    with world.database.write() as connection:
        for look in (find_case, lock_case):
            with pytest.raises(CaseNotFound):
                look(connection, 99)


def test_a_subject_is_the_account_or_else_the_content(world: World) -> None:
    account, content = world.submission(), world.submission(account=None)
    assert [subject_of(each)["subject_kind"] for each in (account, content)] == ["account", "content"]


def test_every_step_of_a_case_stands_in_the_audit(world: World) -> None:
    case = world.opened()
    world.decided(case)
    world.settle(case)
    with world.database.read() as connection:
        assert [each.action for each in list_entries(connection, subject_type="case", subject_id=case.id)] == [
            "case.opened",
            "case.claimed",
            "case.decided",
            "case.decision_effected",
            "case.closed",
        ]
