"""Opening what is sealed: two people, a reason, a custodian's identity, for a while, each reading on record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from hedgerow import evidence
from hedgerow.cases import Form, NewView, record_view
from hedgerow.errors import (
    EvidenceNotFound,
    EvidenceRequestNotFound,
    EvidenceRequestRefused,
    EvidenceSealed,
    HoldNotFound,
    InvalidCustodian,
    RevealNeeded,
    SealUnopened,
    SecondPersonNeeded,
)
from hedgerow.evidence import Removal, RequestKind
from hedgerow.evidence.tables import evidence_requests

if TYPE_CHECKING:
    from datetime import datetime

    from conftest import Custody
    from hedgerow.evidence import Evidence, Request


def sealed(custody: Custody) -> tuple[Evidence, str]:
    of = custody.kept()
    identity = custody.custodian()
    [filed] = custody.filed(of)
    return filed, identity


def read(
    custody: Custody,
    request: Request,
    of: Evidence,
    identity: str | None,
    *,
    by: str | None = None,
    now: datetime | None = None,
) -> bytes:
    found = custody.write(
        lambda c: evidence.record_reading(c, request.id, of.id, actor=by or custody.ada, now=now or custody.now)
    )
    return b"".join(evidence.read_opened(found, custody.vault, custody.keys, identity))


def test_two_people_and_an_identity_open_what_is_sealed_and_each_reading_is_on_record(custody: Custody) -> None:
    of, identity = sealed(custody)
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    for _ in range(2):
        assert read(custody, request, of, identity) == custody.plain(1)
    assert custody.actions()[-4:] == [
        "evidence.open.asked",
        "evidence.open.agreed",
        "evidence.opened",
        "evidence.opened",
    ]


def test_review_keys_open_nothing_that_is_sealed(custody: Custody) -> None:
    of, _ = sealed(custody)
    with pytest.raises(EvidenceSealed):
        custody.bytes_of(of)
    assert (of.wrapped, custody.column(of, "wrapped")) == (None, None)


def test_without_an_identity_or_with_another_s_nothing_is_opened(custody: Custody) -> None:
    of, _ = sealed(custody)
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    with pytest.raises(InvalidCustodian):
        read(custody, request, of, None)
    with pytest.raises(SealUnopened):
        read(custody, request, of, evidence.new_custodian().identity)


def test_one_person_opens_nothing(custody: Custody) -> None:
    of, identity = sealed(custody)
    request = custody.asked(RequestKind.OPEN, of.id)
    with pytest.raises(SecondPersonNeeded):
        custody.agreed(request, by=custody.ada)
    with pytest.raises(EvidenceRequestRefused):
        read(custody, request, of, identity)
    assert "evidence.opened" not in custody.actions()


def test_an_opening_runs_out(custody: Custody) -> None:
    of, identity = sealed(custody)
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    almost = custody.now + timedelta(minutes=60) - timedelta(seconds=1)
    assert read(custody, request, of, identity, now=almost)
    with pytest.raises(EvidenceRequestRefused):
        read(custody, request, of, identity, now=almost + timedelta(seconds=1))


def test_a_request_that_nobody_agreed_to_in_a_week_is_over(custody: Custody) -> None:
    of, _ = sealed(custody)
    request = custody.asked(RequestKind.OPEN, of.id)
    with pytest.raises(EvidenceRequestRefused):
        custody.agreed(request, now=custody.now + timedelta(days=7))


def test_an_opening_can_be_ended_before_its_time(custody: Custody) -> None:
    of, identity = sealed(custody)
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    custody.write(lambda c: evidence.withdraw(c, request.id, actor=custody.ben, now=custody.now))
    with pytest.raises(EvidenceRequestRefused):
        read(custody, request, of, identity)
    with pytest.raises(EvidenceRequestRefused):
        custody.write(lambda c: evidence.withdraw(c, request.id, actor=custody.ben, now=custody.now))


def test_an_opening_is_for_what_it_names_and_for_who_asked(custody: Custody) -> None:
    of, identity = sealed(custody)
    other = custody.kept(2)
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    with pytest.raises(EvidenceRequestRefused):
        read(custody, request, other, identity)
    with pytest.raises(EvidenceRequestRefused):
        read(custody, request, of, identity, by=custody.ben)


def test_what_is_not_sealed_yet_is_opened_by_two_people_without_an_identity(custody: Custody) -> None:
    of = custody.kept()
    request = custody.agreed(custody.asked(RequestKind.OPEN, of.id))
    assert read(custody, request, of, None) == custody.plain(1)


def test_the_database_itself_refuses_one_person_for_both(custody: Custody) -> None:
    row = {
        "kind": "open",
        "subjects": "[1]",
        "reason": "why",
        "asked_by": "user:1",
        "asked_at": custody.now,
        "expires_at": custody.now,
        "agreed_by": "user:1",
        "agreed_at": custody.now,
    }
    with pytest.raises(IntegrityError), custody.database.write() as connection:
        connection.execute(insert(evidence_requests).values(row))


def test_what_does_not_exist_is_not_asked_for(custody: Custody) -> None:
    with pytest.raises(EvidenceNotFound):
        custody.asked(RequestKind.OPEN, 17)
    with pytest.raises(HoldNotFound):
        custody.asked(RequestKind.LIFT, 17)
    with pytest.raises(EvidenceRequestNotFound):
        custody.write(lambda c: evidence.agree(c, 17, opening=timedelta(1), actor="user:2", now=custody.now))
    missing = custody.missing()
    with pytest.raises(EvidenceRequestRefused):
        custody.asked(RequestKind.OPEN, missing.id)


def test_a_request_is_carried_out_once(custody: Custody) -> None:
    of = custody.kept()
    hold = custody.held(of)
    request = custody.agreed(custody.asked(RequestKind.LIFT, hold.id))
    assert request.done_at == custody.now
    with pytest.raises(EvidenceRequestRefused):
        custody.agreed(request)
    with pytest.raises(HoldNotFound):
        custody.asked(RequestKind.LIFT, hold.id)


def test_requests_are_listed_the_newest_first_and_those_that_wait(custody: Custody) -> None:
    of = custody.kept()
    first, second = custody.asked(RequestKind.OPEN, of.id), custody.asked(RequestKind.OPEN, of.id)
    custody.agreed(first)
    with custody.database.read() as connection:
        assert [each.id for each in evidence.list_requests(connection, now=custody.now)] == [second.id, first.id]
        waiting = evidence.list_requests(connection, is_waiting=True, now=custody.now)
        assert [each.id for each in waiting] == [second.id]
        later = custody.now + timedelta(days=8)
        assert evidence.list_requests(connection, is_waiting=True, now=later) == []
        assert evidence.list_requests(connection, before=first.id, now=custody.now) == []


# ── a reviewer's look ────────────────────────────────────────────────────────────────────────────────────────────


def look(custody: Custody, of: Evidence, *, form: Form = Form.FULL, reveal: str = "r1") -> None:
    view = NewView(of.case_id, of.submission_id or 0, custody.reviewer, form, custody.now, reveal=reveal)
    custody.write(lambda c: record_view(c, view, now=custody.now))


def original(custody: Custody, of: Evidence, *, user: int | None = None, reveal: str = "r1", minutes: int = 1) -> bytes:
    with custody.database.read() as connection:
        return b"".join(
            evidence.read_original(
                connection,
                custody.vault,
                custody.keys,
                custody.read(of),
                user_id=user or custody.reviewer,
                reveal=reveal,
                now=custody.now + timedelta(minutes=minutes),
            )
        )


def test_an_original_is_shown_behind_a_recorded_look_of_the_same_person_and_just_after(custody: Custody) -> None:
    of = custody.kept()
    with pytest.raises(RevealNeeded):
        original(custody, of)
    look(custody, of)
    assert original(custody, of) == custody.plain(1)
    for wrong in ({"user": 1}, {"reveal": "r2"}, {"minutes": 16}, {"minutes": -1}):
        with pytest.raises(RevealNeeded):
            original(custody, of, **wrong)  # type: ignore[arg-type]  # as said


def test_a_look_at_something_else_or_at_a_tile_shows_no_original(custody: Custody) -> None:
    of, other = custody.kept(1), custody.kept(2)
    look(custody, other)
    look(custody, of, form=Form.TILE, reveal="r2")
    for reveal in ("r1", "r2"):
        with pytest.raises(RevealNeeded):
            original(custody, of, reveal=reveal)


def test_no_look_opens_what_is_sealed(custody: Custody) -> None:
    of, _ = sealed(custody)
    look(custody, of)
    with pytest.raises(EvidenceSealed):
        original(custody, of)


def test_a_destruction_that_two_people_want_names_its_ground(custody: Custody) -> None:
    of = custody.kept()
    with pytest.raises(EvidenceRequestRefused):
        custody.asked(RequestKind.DESTROY, of.id)
    with pytest.raises(EvidenceRequestRefused):
        custody.asked(RequestKind.DESTROY, of.id, removal=Removal.ERASURE)
