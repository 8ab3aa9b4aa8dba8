"""Every path on which evidence is deleted, and that none of them gets past a hold."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hedgerow
from hedgerow import evidence
from hedgerow.cases import Verdict
from hedgerow.errors import EvidenceHeld, EvidenceInUse, EvidenceRequestRefused, InvalidHold, SecondPersonNeeded
from hedgerow.evidence import EvidenceState, HoldKind, Removal, RequestKind
from hedgerow.evidence.recording import begin_intent
from hedgerow.evidence.removing import expire_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Custody
    from hedgerow.evidence import Evidence

YEAR = timedelta(days=365)


def held_by_filing(custody: Custody) -> Evidence:
    of = custody.kept()
    custody.custodian()
    custody.filed(of)
    custody.closed(of, Verdict.NOT_A_MATCH)
    return custody.read(of)


def held_by_law(custody: Custody) -> Evidence:
    of = custody.kept()
    custody.held(of)
    custody.closed(of)
    return custody.read(of)


def held_by_authority(custody: Custody) -> Evidence:
    of = custody.kept()
    custody.held(of, HoldKind.LAW_ENFORCEMENT, custody.now + 2 * YEAR)
    custody.closed(of)
    return custody.read(of)


def held_by_extension(custody: Custody) -> Evidence:
    of = custody.kept()
    custody.held(of, HoldKind.EXTENSION, custody.now + 2 * YEAR)
    custody.closed(of)
    return custody.read(of)


HELD = [held_by_filing, held_by_law, held_by_authority, held_by_extension]


def still_there(custody: Custody, of: Evidence) -> bool:
    now = custody.read(of)
    return now.state in {EvidenceState.KEPT, EvidenceState.SEALED} and of.object in custody.objects()


@pytest.mark.parametrize("make", HELD)
def test_the_retention_job_passes_over_what_is_held(custody: Custody, make: Callable[[Custody], Evidence]) -> None:
    of = make(custody)
    assert custody.expire(custody.now + timedelta(days=300)) == 0
    with custody.database.write() as connection:
        assert not expire_one(connection, of.id, after=timedelta(0), now=custody.now + timedelta(days=300))
    assert custody.finish() == 0
    assert still_there(custody, of)


@pytest.mark.parametrize("make", HELD)
def test_the_wish_of_the_account_s_owner_is_refused_for_what_is_held_and_that_is_on_record(
    custody: Custody, make: Callable[[Custody], Evidence]
) -> None:
    of = make(custody)
    erased = custody.write(lambda c: evidence.erase_account(c, "", "acc", actor=custody.ada, now=custody.now))
    assert (erased.destroyed, erased.refused) == ((), {of.id: "evidence_held"})
    assert custody.finish() == 0
    assert still_there(custody, of)
    assert "evidence.erasure_refused" in custody.actions()


@pytest.mark.parametrize("make", HELD)
def test_two_people_of_the_house_cannot_destroy_what_is_held(
    custody: Custody, make: Callable[[Custody], Evidence]
) -> None:
    of = make(custody)
    asked = custody.asked(RequestKind.DESTROY, of.id, removal=Removal.DECISION)
    with pytest.raises(EvidenceHeld):
        custody.agreed(asked)
    with custody.database.read() as connection:
        assert evidence.find_request(connection, asked.id).agreed_at is None
    assert custody.finish() == 0
    assert still_there(custody, of)


@pytest.mark.parametrize("make", HELD)
@pytest.mark.parametrize("removal", [each for each in Removal if each is not Removal.LAW_ENFORCEMENT])
def test_the_one_function_that_begins_a_destruction_refuses_what_is_held(
    custody: Custody, make: Callable[[Custody], Evidence], removal: Removal
) -> None:
    of = make(custody)
    with pytest.raises(EvidenceHeld), custody.database.write() as connection:
        evidence.begin_removal(connection, of.id, removal, actor="user:1", now=custody.now)
    assert still_there(custody, of)


@pytest.mark.parametrize("make", HELD)
def test_the_sweep_never_takes_what_a_row_names_even_where_it_was_announced(
    custody: Custody, make: Callable[[Custody], Evidence]
) -> None:
    of = make(custody)
    custody.write(lambda c: begin_intent(c, of.object or "", now=custody.now))
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + 10 * YEAR) == 0
    assert still_there(custody, of)


@pytest.mark.parametrize("make", HELD)
def test_an_authority_s_request_and_two_people_destroy_what_is_held(
    custody: Custody, make: Callable[[Custody], Evidence]
) -> None:
    of = make(custody)
    custody.destroyed(of)
    assert custody.read(of).state is EvidenceState.DESTROYED
    assert custody.objects() == set()
    assert custody.certificate(of) is not None


def test_one_person_alone_destroys_nothing_not_even_for_an_authority(custody: Custody) -> None:
    of = custody.kept()
    asked = custody.asked(RequestKind.DESTROY, of.id, removal=Removal.LAW_ENFORCEMENT, reference="17")
    with pytest.raises(SecondPersonNeeded):
        custody.agreed(asked, by=custody.ada)
    assert custody.finish() == 0
    assert still_there(custody, of)


def test_an_authority_s_request_without_its_reference_is_none(custody: Custody) -> None:
    of = custody.kept()
    with pytest.raises(EvidenceRequestRefused):
        custody.asked(RequestKind.DESTROY, of.id, removal=Removal.LAW_ENFORCEMENT)


def test_of_several_pieces_one_that_is_held_keeps_all_of_them(custody: Custody) -> None:
    free, held = custody.kept(1), custody.kept(2)
    custody.held(held)
    custody.closed(free)
    with pytest.raises(EvidenceHeld):
        custody.agreed(custody.asked(RequestKind.DESTROY, free.id, held.id, removal=Removal.DECISION))
    assert still_there(custody, free)
    assert still_there(custody, held)


def test_what_is_under_no_hold_goes_on_every_path_that_may(custody: Custody) -> None:
    account, house = custody.kept(1, account="one"), custody.kept(2, account="two")
    for each in (account, house):
        with pytest.raises(EvidenceInUse), custody.database.write() as connection:
            evidence.begin_removal(connection, each.id, Removal.ERASURE, actor="user:1", now=custody.now)
        custody.closed(each)
    erased = custody.write(lambda c: evidence.erase_account(c, "", "one", actor=custody.ada, now=custody.now))
    assert (erased.destroyed, erased.refused) == ((account.id,), {})
    custody.destroyed(house, Removal.DECISION)
    assert {custody.read(each).state for each in (account, house)} == {EvidenceState.DESTROYED}
    assert custody.objects() == set()


def test_what_was_confirmed_and_not_filed_stays_whatever_the_account_s_owner_wishes(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of, Verdict.CONFIRMED)
    erased = custody.write(lambda c: evidence.erase_account(c, "", "acc", actor=custody.ada, now=custody.now))
    assert erased.refused == {of.id: "evidence_in_use"}
    assert custody.expire(custody.now + 10 * YEAR) == 0
    custody.destroyed(of, Removal.DECISION)
    assert custody.objects() == set()


def test_another_platform_s_account_of_the_same_name_is_left_alone(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    erased = custody.write(lambda c: evidence.erase_account(c, "other", "acc", actor=custody.ada, now=custody.now))
    assert (erased.destroyed, erased.refused) == ((), {})


def test_a_legal_hold_is_lifted_by_two_people_and_then_it_may_go(custody: Custody) -> None:
    of = custody.kept()
    hold = custody.held(of)
    custody.closed(of)
    asked = custody.asked(RequestKind.LIFT, hold.id)
    with pytest.raises(SecondPersonNeeded):
        custody.agreed(asked, by=custody.ada)
    with pytest.raises(EvidenceHeld), custody.database.write() as connection:
        evidence.begin_removal(connection, of.id, Removal.DECISION, actor="user:1", now=custody.now)
    custody.agreed(asked)
    with custody.database.read() as connection:
        [lifted] = evidence.holds_of(connection, of.id)
    assert (lifted.lifted_by, lifted.lifting_agreed_by) == (custody.ada, custody.ben)
    custody.destroyed(of, Removal.DECISION)
    assert custody.objects() == set()


def test_the_hold_of_a_filing_is_lifted_by_nobody(custody: Custody) -> None:
    of = custody.kept()
    custody.filed(of)
    with custody.database.read() as connection:
        [hold] = evidence.holds_of(connection, of.id)
    with pytest.raises(InvalidHold):
        custody.asked(RequestKind.LIFT, hold.id)


def test_nothing_but_the_known_places_deletes_objects_of_the_vault() -> None:
    """Where else ``.delete(`` were called on a vault, a path past the rule could lie."""
    root = Path(hedgerow.__file__).parent
    allowed = {"evidence/custody.py", "testing/vault.py"}
    found = set()
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "delete":
                owner = ast.unparse(node.func.value)
                if "vault" in owner.lower():
                    found.add(path.relative_to(root).as_posix())
    assert found <= allowed, found
