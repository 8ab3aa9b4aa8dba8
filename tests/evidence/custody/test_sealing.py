from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow import evidence
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import CustodianNotFound, InvalidCustodian, InvalidHold, SealUnopened, WrapBroken
from hedgerow.evidence import EvidenceState, HoldKind, ReviewKeys
from hedgerow.evidence.keeping import open_sealed

if TYPE_CHECKING:
    from conftest import Custody
    from hedgerow.evidence import Evidence


def unsealed(custody: Custody, of: Evidence, identity: str) -> bytes:
    assert of.object is not None
    assert of.sealed is not None
    return b"".join(open_sealed(custody.vault, identity, of.object, of.sealed))


def test_what_is_filed_is_held_for_its_year_and_sealed_to_every_custodian(custody: Custody) -> None:
    of = custody.kept()
    identities = [custody.custodian("the safe"), custody.custodian("the notary")]
    [filed] = custody.filed(of, report=17)
    assert (filed.state, filed.wrapped, filed.report_id) == (EvidenceState.SEALED, None, 17)
    assert filed.retain_until == evidence.one_year_after(custody.now)
    with custody.database.read() as connection:
        [hold] = evidence.holds_of(connection, of.id)
    assert (hold.kind, hold.until, hold.reference) == (HoldKind.FILING, filed.retain_until, "17")
    for identity in identities:
        assert unsealed(custody, filed, identity) == custody.plain(1)
    assert custody.actions()[-3:] == ["evidence.held", "evidence.filed", "evidence.sealed"]


def test_what_is_filed_on_29_february_is_held_until_1_march(custody: Custody) -> None:
    of = custody.kept()
    [filed] = custody.filed(of, at=datetime(2028, 2, 29, 23, 30, tzinfo=UTC))
    assert filed.retain_until == datetime(2029, 3, 1, 23, 30, tzinfo=UTC)


def test_without_a_custodian_a_filing_is_recorded_and_held_and_sealed_once_there_is_one(custody: Custody) -> None:
    of = custody.kept()
    [filed] = custody.filed(of)
    assert (filed.state, filed.filed_at) == (EvidenceState.KEPT, custody.now)
    assert filed.retain_until == evidence.one_year_after(custody.now)
    assert evidence.seal_what_waits(custody.database, custody.keys, now=custody.now) == 0
    identity = custody.custodian()
    assert evidence.seal_what_waits(custody.database, custody.keys, now=custody.now) == 1
    sealed = custody.read(of)
    assert sealed.state is EvidenceState.SEALED
    assert unsealed(custody, sealed, identity) == custody.plain(1)
    assert evidence.seal_what_waits(custody.database, custody.keys, now=custody.now) == 0


def test_a_data_key_that_does_not_open_keeps_no_filing_from_being_recorded(custody: Custody) -> None:
    of = custody.kept()
    custody.custodian()
    custody.keys = ReviewKeys.of_service(ServiceKeys((bytes(32),)))
    [filed] = custody.filed(of)
    assert (filed.state, filed.filed_at) == (EvidenceState.KEPT, custody.now)


def test_what_has_no_bytes_is_passed_over(custody: Custody) -> None:
    of, missing = custody.kept(1), custody.missing(number=2)
    filed = custody.filed(of, missing)
    assert [each.id for each in filed] == [of.id]


def test_a_second_report_of_the_same_file_lengthens_its_hold_and_never_shortens_it(custody: Custody) -> None:
    of = custody.kept()
    custody.custodian()
    later = custody.now + timedelta(days=100)
    custody.filed(of, report=2, at=later)
    [again] = custody.filed(of, report=1, at=custody.now)
    assert again.retain_until == evidence.one_year_after(later)
    assert (again.filed_at, again.report_id) == (later, 2)


def test_an_extension_lengthens_and_a_shorter_one_is_refused(custody: Custody) -> None:
    of = custody.kept()
    [filed] = custody.filed(of)
    assert filed.retain_until is not None
    longer = filed.retain_until + timedelta(days=300)
    custody.held(of, HoldKind.EXTENSION, longer)
    assert custody.read(of).retain_until == longer
    for until in (filed.retain_until, longer):
        with pytest.raises(InvalidHold):
            custody.held(of, HoldKind.EXTENSION, until)


def test_a_hold_without_an_end_leaves_no_date_to_be_believed(custody: Custody) -> None:
    of = custody.kept()
    custody.filed(of)
    custody.held(of)
    assert custody.read(of).retain_until is None


def test_a_custodian_is_a_recipient_and_nothing_else_and_stands_there_once(custody: Custody) -> None:
    pair = evidence.new_custodian()
    for text in (pair.identity, "age1nonsense", ""):
        with pytest.raises(InvalidCustodian) as refused:
            custody.write(lambda c, text=text: evidence.add_custodian(c, "x", text, actor="cli", now=custody.now))
        assert pair.identity not in str(refused.value)
    custody.write(lambda c: evidence.add_custodian(c, "x", pair.recipient, actor="cli", now=custody.now))
    with pytest.raises(InvalidCustodian):
        custody.write(lambda c: evidence.add_custodian(c, "y", pair.recipient, actor="cli", now=custody.now))


def test_nothing_is_sealed_to_who_was_retired_and_what_was_still_opens(custody: Custody) -> None:
    first, early = custody.custodian("first"), custody.kept(1)
    [early] = custody.filed(early)
    with custody.database.read() as connection:
        [known] = evidence.list_custodians(connection)
    custody.write(lambda c: evidence.retire_custodian(c, known.id, actor="cli", now=custody.now))
    with pytest.raises(CustodianNotFound):
        custody.write(lambda c: evidence.retire_custodian(c, known.id, actor="cli", now=custody.now))
    second = custody.custodian("second")
    [late] = custody.filed(custody.kept(2))
    assert unsealed(custody, early, first) == custody.plain(1)
    assert unsealed(custody, late, second) == custody.plain(2)
    with pytest.raises(SealUnopened):
        unsealed(custody, late, first)


def test_everything_sealed_is_sealed_anew_to_todays_custodians_by_one_of_them(custody: Custody) -> None:
    first = custody.custodian("first")
    [of] = custody.filed(custody.kept())
    second = custody.custodian("second")
    with pytest.raises(SealUnopened):
        unsealed(custody, of, second)
    done = custody.write(lambda c: evidence.reseal_evidence(c, first, actor="cli", now=custody.now))
    assert done == (1, [])
    assert unsealed(custody, custody.read(of), second) == custody.plain(1)
    stranger = evidence.new_custodian().identity
    assert custody.write(lambda c: evidence.reseal_evidence(c, stranger, actor="cli", now=custody.now)) == (0, [of.id])


def test_a_new_review_key_wraps_what_the_old_one_did_and_then_the_old_one_can_go(custody: Custody) -> None:
    of = custody.kept()
    new, old = bytes(range(1, 33)), bytes(range(32))
    both = ReviewKeys.of_service(ServiceKeys((new, old)))
    assert custody.write(lambda c: evidence.rewrap_evidence(c, both, actor="cli", now=custody.now)) == (1, [])
    assert custody.write(lambda c: evidence.rewrap_evidence(c, both, actor="cli", now=custody.now)) == (0, [])
    with pytest.raises(WrapBroken):
        custody.bytes_of(of)
    custody.keys = ReviewKeys.of_service(ServiceKeys((new,)))
    assert custody.bytes_of(of) == custody.plain(1)
    strange = ReviewKeys.of_service(ServiceKeys((bytes(32),)))
    assert custody.write(lambda c: evidence.rewrap_evidence(c, strange, actor="cli", now=custody.now)) == (0, [of.id])
