from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from hedgerow import evidence
from hedgerow.cases import find_submission, submission_matches
from hedgerow.cases.opening import gather
from hedgerow.errors import EvidenceNotFound, InvalidEvidence
from hedgerow.evidence import EvidenceState, Kind, Missing, NewAttachment
from hedgerow.evidence.tables import evidence_intents

if TYPE_CHECKING:
    from conftest import Custody


def test_what_is_kept_carries_its_digests_its_pdq_its_size_and_its_name(custody: Custody) -> None:
    of = custody.kept(uploaded_at=custody.now)
    data = custody.plain(1)
    assert (of.md5, of.sha1, of.sha256) == tuple(
        hashlib.new(name, data, usedforsecurity=False).digest() for name in ("md5", "sha1", "sha256")
    )
    assert (of.size_bytes, of.pdq, of.media_type, of.uploaded_at) == (len(data), data[:32], "image/jpeg", custody.now)
    assert (of.name, of.kind, of.state) == (f"submission-{of.submission_id}.jpg", Kind.MEDIA, EvidenceState.KEPT)
    assert custody.bytes_of(of) == data


def test_a_row_takes_the_announcement_of_its_object_back(custody: Custody) -> None:
    of = custody.kept()
    with custody.database.read() as connection:
        assert connection.execute(select(evidence_intents)).all() == []
    assert custody.objects() == {of.object}


def test_the_platforms_name_of_the_file_is_kept_and_a_path_is_not(custody: Custody) -> None:
    assert custody.kept(1, context={"file_name": "holiday.jpg"}).name == "holiday.jpg"
    of = custody.kept(2, context={"file_name": "../../etc/passwd"})
    assert of.name == f"submission-{of.submission_id}.jpg"


def test_what_is_missing_says_why_and_has_no_bytes(custody: Custody) -> None:
    for number, reason in enumerate(Missing):
        of = custody.missing(reason, number)
        assert (of.state, of.missing_reason, of.object, of.wrapped) == (EvidenceState.MISSING, reason, None, None)
    assert custody.actions() == ["evidence.missing"] * 3


def test_a_submission_has_one_row_whatever_cases_it_is_in(custody: Custody) -> None:
    of = custody.kept()
    with custody.database.write() as connection:
        submission = find_submission(connection, of.submission_id or 0)
        assert evidence.record_missing(connection, of.case_id, submission, Missing.NOT_KEPT, now=custody.now) is None
    assert custody.read(of).state is EvidenceState.KEPT


def test_a_case_that_was_opened_when_the_bytes_were_gone_says_so(custody: Custody) -> None:
    case = custody.gathered()
    assert custody.write(lambda c: evidence.record_gaps(c, now=custody.now)) == 1
    assert custody.write(lambda c: evidence.record_gaps(c, now=custody.now)) == 0
    with custody.database.read() as connection:
        [of] = evidence.case_evidence(connection, case)
    assert (of.state, of.missing_reason) == (EvidenceState.MISSING, Missing.NOT_KEPT)


def test_a_case_shows_what_was_kept_of_its_submissions_for_another_case_too(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    with custody.database.write() as connection:
        submission = find_submission(connection, of.submission_id or 0)

        found = submission_matches(connection, submission.id)
        gathered = gather(connection, submission, found, actor="system", now=custody.now)
        assert gathered.case.id != of.case_id
        assert [each.id for each in evidence.case_evidence(connection, gathered.case.id)] == [of.id]


def test_a_file_that_a_person_adds_is_kept_with_its_case(custody: Custody) -> None:
    of = custody.kept()
    kept = custody.keeper.keep(lambda: [b"a chat log"], now=custody.now)
    with custody.database.write() as connection:
        log = evidence.attach(
            connection, of.case_id, NewAttachment("chat.txt", "text/plain"), kept, actor="user:3", now=custody.now
        )
        assert [each.id for each in evidence.case_evidence(connection, of.case_id)] == [of.id, log.id]
    assert (log.kind, log.submission_id, log.name) == (Kind.ATTACHMENT, None, "chat.txt")
    assert custody.bytes_of(log) == b"a chat log"
    with pytest.raises(InvalidEvidence), custody.database.write() as connection:
        evidence.attach(connection, of.case_id, NewAttachment("a/b"), kept, actor="user:3", now=custody.now)


def test_what_is_not_there_is_not_found(custody: Custody) -> None:
    with pytest.raises(EvidenceNotFound):
        custody.read(1)


def test_a_list_goes_on_behind_the_last_and_by_state_and_case(custody: Custody) -> None:
    kept = [custody.kept(number, account=f"acc-{number}") for number in range(3)]
    missing = custody.missing()
    with custody.database.read() as connection:
        assert [each.id for each in evidence.list_evidence(connection, after=kept[0].id, limit=2)] == [
            each.id for each in kept[1:]
        ]
        assert [each.id for each in evidence.list_evidence(connection, state=EvidenceState.MISSING)] == [missing.id]
        assert [each.id for each in evidence.list_evidence(connection, case_id=kept[1].case_id)] == [kept[1].id]


def test_the_audit_holds_neither_names_nor_digests_nor_content(custody: Custody) -> None:
    of = custody.kept(context={"file_name": "a-name-of-somebody.jpg"})
    custody.held(of)
    with custody.database.read() as connection:
        written = " ".join(
            str(row) for row in connection.execute(text("SELECT actor, action, subject_id, details FROM audit_entries"))
        )
    assert of.sha256 is not None
    for never in ("a-name-of-somebody", of.sha256.hex(), (of.md5 or b"").hex(), "a claim", of.object or ""):
        assert never not in written
    assert '"size_bytes":100000' in written


def test_what_needs_a_person_is_counted(custody: Custody) -> None:
    with custody.database.read() as connection:
        assert evidence.needs_person(connection, now=custody.now) == (0, 0, 0, 0, 0, 0)
    lost = custody.missing()
    custody.missing(Missing.SIGNALS_ONLY, 2)
    of = custody.kept(3)
    custody.filed(of)
    custody.asked(evidence.RequestKind.OPEN, of.id)
    with custody.database.read() as connection:
        needs = evidence.needs_person(connection, now=custody.now)
    assert (needs.lost, needs.unsealed, needs.custodians, needs.waiting) == (1, 1, 0, 1)
    custody.closed(lost)
    with custody.database.read() as connection:
        assert evidence.needs_person(connection, now=custody.now).lost == 0
