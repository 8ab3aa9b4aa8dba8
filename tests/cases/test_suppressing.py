from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.cases import (
    State,
    Statement,
    Verdict,
    case_matches,
    false_positives_by_bank,
    false_positives_by_entry,
    find_suppression,
    list_suppressions,
    submission_matches,
    supersede,
    undo,
)
from hedgerow.cases.model import FalsePositives
from hedgerow.errors import SuppressionNotFound
from hedgerow.policy import Then

if TYPE_CHECKING:
    from conftest import World


def _judged(world: World, *, distance: int = 20) -> int:
    """Open a case about picture 0 and entry 1, and judge it no match; return the decision."""
    case = world.opened(0, world.match(distance=distance), account="first")
    return world.decided(case, Verdict.NOT_A_MATCH).id


def test_a_file_judged_no_match_makes_no_case_again(world: World) -> None:
    decision = _judged(world)
    assert world.submit(0, world.match(distance=20), account="second") is None
    with world.database.read() as connection:
        (suppression,) = list_suppressions(connection)
        assert (suppression.entry_id, suppression.decision_id) == (1, decision)
        assert find_suppression(connection, suppression.id) == suppression
        (match,) = submission_matches(connection, 2)
        assert (match.suppression_id, match.case_item_id, match.match.outcome.then) == (1, None, Then.REVIEW)


def test_another_entry_is_another_question(world: World) -> None:
    _judged(world)
    found = world.submit(0, world.match(distance=20), world.match(2), account="second")
    assert found is not None
    with world.database.read() as connection:
        assert [each.match.entry_id for each in case_matches(connection, found.case.id)] == [2]


@pytest.mark.parametrize(("flipped", "distance", "is_held"), [(10, 20, True), (11, 20, False), (9, 9, False)])
def test_what_is_nearer_to_the_judged_file_than_to_the_entry_makes_none_either(
    world: World, flipped: int, distance: int, is_held: bool
) -> None:
    _judged(world)
    found = world.submit(5, world.match(distance=distance), pdq=world.bits(0, flipped), account="second")
    assert (found is None) is is_held


def test_every_file_of_a_judged_cluster_is_known(world: World) -> None:
    case = world.opened(0, world.match(distance=20), pdq=world.bits(0), account="first")
    world.opened(1, world.match(distance=25), pdq=world.bits(0, 30), account="first")
    assert len(world.clusters(case)) == 1
    world.decided(case, Verdict.NOT_A_MATCH)
    assert world.submit(1, world.match(distance=25), pdq=world.bits(0, 30), account="second") is None


def test_undoing_the_judgement_lifts_what_it_suppressed(world: World) -> None:
    decision = _judged(world)
    assert world.submit(0, world.match(distance=20), account="first") is None
    with world.database.write() as connection:
        case = undo(connection, decision, actor="user:1", now=world.now)
    assert (case.state, world.clusters(case)) == (State.OPEN, [(2, None)])
    with world.database.read() as connection:
        assert list_suppressions(connection) == []


def test_a_correction_lifts_and_suppresses_as_it_says(world: World) -> None:
    case = world.opened(0, world.match(distance=20))
    made = world.decided(case)
    world.settle(case)
    later = world.now + timedelta(hours=1)
    with world.database.write() as connection:
        wrong = supersede(connection, made.id, Statement(Verdict.NOT_A_MATCH), user_id=world.ben, now=later)
    assert world.submit(0, world.match(distance=20), account="second") is None
    with world.database.write() as connection:
        supersede(connection, wrong.id, Statement(Verdict.CONFIRMED), user_id=world.ben, now=later)
    assert world.submit(0, world.match(distance=20), account="third") is not None
    with world.database.read() as connection:
        assert len(case_matches(connection, 2)) == 1  # what was held back meanwhile


def test_false_positives_are_counted_by_bank_and_by_entry(world: World) -> None:
    _judged(world)
    both = world.opened(1, world.match(1), world.match(2), account="second")
    world.decided(both)
    world.opened(2, world.match(3), account="third")
    with world.database.read() as connection:
        assert false_positives_by_bank(connection) == [FalsePositives(world.bank.id, 3, 1)]
        assert false_positives_by_entry(connection, world.bank.id) == [FalsePositives(1, 2, 1), FalsePositives(2, 1, 0)]


def test_suppressions_are_listed_by_entry_and_cluster(world: World) -> None:
    case = world.opened(0, world.match(1), world.match(2))
    world.decided(case, Verdict.NOT_A_MATCH)
    with world.database.read() as connection:
        assert [each.entry_id for each in list_suppressions(connection)] == [1, 2]
        assert len(list_suppressions(connection, entry_id=2)) == 1
        assert len(list_suppressions(connection, cluster_id=1, after=1)) == 1
        with pytest.raises(SuppressionNotFound):
            find_suppression(connection, 99)
