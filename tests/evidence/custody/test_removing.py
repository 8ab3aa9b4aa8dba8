"""What goes by itself, by a clock that stands where the test puts it; and what remains of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from hedgerow import evidence
from hedgerow.audit import append, checkpoint_head, list_entries
from hedgerow.audit.keys import known_public_keys
from hedgerow.cases import Verdict
from hedgerow.errors import ClockBehind, EvidenceGone, VaultUnavailable
from hedgerow.evidence import EvidenceState, HoldKind, Removal, RequestKind
from hedgerow.evidence.recording import begin_intent
from hedgerow.evidence.removing import begin_removal, expire_one, finish_removal, objects_of
from hedgerow.evidence.tables import evidence_derivatives

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Custody
    from hedgerow.evidence import Evidence

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def passed(custody: Custody, now: datetime) -> int:
    """Let the jobs have their turn at some time."""
    begun = custody.expire(now)
    assert custody.finish(now) == begun
    return begun


def derive(custody: Custody, of: Evidence) -> str:
    """Keep something that reviewers see in its place."""
    kept = custody.keeper.keep(lambda: [b"a grey tile"], now=custody.now)
    custody.write(lambda c: evidence.record_derivative(c, of, "tile", kept, media_type="image/jpeg", now=custody.now))
    return kept.object


# ── by time ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_filed_stays_for_its_year_to_the_microsecond_and_then_goes(custody: Custody) -> None:
    of = custody.kept()
    custody.custodian()
    custody.closed(of, Verdict.CONFIRMED)
    custody.filed(of)
    until = evidence.one_year_after(custody.now)
    assert passed(custody, until - MICROSECOND) == 0
    assert of.object in custody.objects()
    assert passed(custody, until) == 1
    assert custody.objects() == set()
    gone = custody.read(of)
    assert (gone.state, gone.destroyed_at, gone.wrapped, gone.sealed) == (EvidenceState.DESTROYED, until, None, None)


def test_what_was_filed_on_29_february_goes_on_1_march(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of, Verdict.CONFIRMED)
    custody.filed(of, at=datetime(2028, 2, 29, 12, tzinfo=UTC))
    assert passed(custody, datetime(2029, 2, 28, 23, 59, tzinfo=UTC)) == 0
    assert passed(custody, datetime(2029, 3, 1, 11, 59, 59, tzinfo=UTC)) == 0
    assert passed(custody, datetime(2029, 3, 1, 12, tzinfo=UTC)) == 1


def test_a_hold_beyond_the_year_keeps_it_until_it_is_lifted_or_over(custody: Custody) -> None:
    longer, legal = custody.kept(1), custody.kept(2)
    custody.closed(longer, Verdict.CONFIRMED)
    custody.filed(longer, legal)
    year = evidence.one_year_after(custody.now)
    custody.held(longer, HoldKind.EXTENSION, year + 10 * DAY)
    hold = custody.held(legal)
    assert passed(custody, year + 9 * DAY) == 0
    assert passed(custody, year + 10 * DAY) == 1
    assert custody.read(longer).state is EvidenceState.DESTROYED
    assert passed(custody, year + 1_000 * DAY) == 0
    custody.now = year + 1_000 * DAY
    custody.agreed(custody.asked(RequestKind.LIFT, hold.id))
    assert passed(custody, custody.now) == 1


def test_what_is_no_match_goes_thirty_days_after_its_case_was_closed(custody: Custody) -> None:
    of, open_one = custody.kept(1), custody.kept(2, account="other")
    custody.closed(of)
    closed = custody.now + timedelta(minutes=1)
    assert passed(custody, closed + 30 * DAY - MICROSECOND) == 0
    assert passed(custody, closed + 30 * DAY) == 1
    assert custody.objects() == {open_one.object}
    certificate = custody.certificate(of)
    assert certificate is not None
    assert json.loads(certificate.text)["why"] == "not_a_match"


def test_a_file_that_was_attached_goes_with_the_rest_of_its_case(custody: Custody) -> None:
    of = custody.kept()
    kept = custody.keeper.keep(lambda: [b"a chat log"], now=custody.now)
    said = evidence.NewAttachment("chat.txt")
    log = custody.write(lambda c: evidence.attach(c, of.case_id, said, kept, actor="user:3", now=custody.now))
    custody.closed(of)
    assert passed(custody, custody.now + 31 * DAY) == 2
    assert custody.read(log).state is EvidenceState.DESTROYED


def test_nothing_expires_while_the_clock_is_behind_the_audit_and_goes_when_it_is_right_again(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    later = custody.now + 31 * DAY
    with custody.database.write() as connection:  # an entry of when the clock was right
        append(connection, actor="system", action="a.b", subject_type="x", subject_id=None, now=later + DAY)
    with pytest.raises(ClockBehind):
        custody.expire(later)
    with pytest.raises(ClockBehind), custody.database.write() as connection:
        expire_one(connection, of.id, after=30 * DAY, now=later)
    assert of.object in custody.objects()
    assert passed(custody, later + DAY) == 1


def test_a_clock_that_is_behind_is_no_trouble_where_nothing_would_expire(custody: Custody) -> None:
    custody.kept()
    assert custody.expire(custody.now - 100 * DAY) == 0


# ── what is destroyed ────────────────────────────────────────────────────────────────────────────────────────────


def windows(data: bytes, size: int = 32) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data) - size, 997)]


@pytest.mark.sqlite_file
def test_nothing_is_left_of_its_bytes_its_keys_and_its_derivatives(custody: Custody, data: Path) -> None:
    of = custody.kept()
    tile = derive(custody, of)
    wrapped = custody.column(of, "wrapped")
    custody.closed(of)
    assert of.object is not None
    ciphertext = b"".join(custody.vault.read(of.object))
    before = b"".join(path.read_bytes() for path in data.glob("hedgerow.db*"))
    assert wrapped in before  # else the search below would find nothing whatever happens
    passed(custody, custody.now + 31 * DAY)
    assert not {of.object, tile} & custody.objects()
    left = b"".join(
        path.read_bytes() for path in [*data.glob("hedgerow.db*"), *custody.folder.rglob("*")] if path.is_file()
    )
    for secret in (
        wrapped,
        wrapped[-48:],
        *windows(ciphertext),
        *windows(custody.plain(1))[1:],  # it begins with its PDQ, which stays
    ):  # it begins with its PDQ
        assert secret not in left


def test_nothing_is_left_of_what_was_sealed(custody: Custody) -> None:
    of = custody.kept()
    tile = derive(custody, of)
    custody.custodian()
    custody.filed(of)
    with custody.database.read() as connection:
        assert connection.execute(select(evidence_derivatives)).all() == []
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + DAY) == 1
    assert custody.objects() == {of.object}
    assert tile != of.object
    custody.destroyed(of)
    assert custody.objects() == set()


def test_a_certificate_says_what_why_when_and_by_whom_and_the_chain_vouches_for_it(custody: Custody) -> None:
    of = custody.kept(context={"file_name": "a-name.jpg"})
    custody.write(lambda c: checkpoint_head(c, custody.key_folder, actor="cli", now=custody.now))
    custody.custodian()
    custody.filed(of)
    custody.destroyed(of)
    certificate = custody.certificate(of)
    assert certificate is not None
    said: dict[str, Any] = json.loads(certificate.text)
    assert said["sha256"] == hashlib.sha256(custody.plain(1)).hexdigest()
    assert (said["why"], said["reference"]) == ("law_enforcement", "case 17 of the police")
    assert (said["by"], said["agreed_by"]) == (custody.ada, custody.ben)
    assert said["holds"] == [
        {"kind": "filing", "lifted_at": None, "until": evidence.one_year_after(custody.now).isoformat()}
    ]
    assert "a-name" not in certificate.text
    assert certificate.text == json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(certificate.text.encode()).digest() == certificate.sha256
    [public] = known_public_keys(custody.key_folder)
    assert evidence.is_certificate_signed_by(certificate, public)
    forged = replace(certificate, text=certificate.text + " ")
    assert not evidence.is_certificate_signed_by(forged, public)
    with custody.database.read() as connection:
        [line] = list_entries(connection, action="evidence.destroyed")
    assert line.details["certificate"] == certificate.sha256.hex()


def test_without_the_audits_key_at_hand_a_certificate_is_not_signed_and_there_all_the_same(custody: Custody) -> None:
    of = custody.kept()
    custody.destroyed(of)
    certificate = custody.certificate(of)
    assert certificate is not None
    assert (certificate.key_id, certificate.signature) == (None, None)


def test_from_its_first_step_on_nobody_can_read_it_and_a_kill_between_is_made_good(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    custody.write(lambda c: begin_removal(c, of.id, Removal.DECISION, actor=custody.ada, now=custody.now))
    with pytest.raises(EvidenceGone):
        custody.bytes_of(of)
    assert of.object in custody.objects()
    # killed here: the next worker goes on
    assert custody.finish() == 1
    assert custody.objects() == set()
    assert custody.finish() == 0


def test_a_kill_after_the_bytes_went_leaves_the_certificate_to_the_next_worker(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    custody.write(lambda c: begin_removal(c, of.id, Removal.DECISION, actor=custody.ada, now=custody.now))
    with custody.database.read() as connection:
        [name] = objects_of(connection, of.id)
    custody.vault.delete(name)
    assert custody.certificate(of) is None
    assert custody.finish() == 1
    assert custody.certificate(of) is not None
    assert custody.write(lambda c: finish_removal(c, of.id, key_folder=None, now=custody.now)) is None


def test_a_vault_that_cannot_be_reached_leaves_it_to_be_destroyed_later(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    custody.write(lambda c: begin_removal(c, of.id, Removal.DECISION, actor=custody.ada, now=custody.now))
    vault = custody.vault
    custody.vault = _Away()  # type: ignore[assignment]  # as a vault that does not answer
    with pytest.raises(VaultUnavailable):
        custody.finish()
    assert custody.read(of).state is EvidenceState.DESTROYING
    custody.vault = vault
    assert custody.finish() == 1


class _Away:
    def delete(self, name: str) -> None:  # noqa: ARG002  (as a vault has it)
        raise VaultUnavailable("it does not answer")


def test_what_was_destroyed_keeps_its_digests(custody: Custody) -> None:
    of = custody.kept()
    custody.destroyed(of)
    gone = custody.read(of)
    assert (gone.sha256, gone.md5, gone.size_bytes) == (of.sha256, of.md5, of.size_bytes)


# ── the sweep ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_put_and_never_named_is_swept_after_its_hours_and_what_is_named_never(custody: Custody) -> None:
    of = custody.kept(1)
    left = custody.keeper.keep(lambda: [b"of a process that died"], now=custody.now)
    assert evidence.sweep(custody.database, custody.vault, before=custody.now) == 0
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + MICROSECOND) == 1
    assert custody.objects() == {of.object}
    assert left.object != of.object
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + DAY) == 0


def test_what_was_announced_and_never_put_is_forgotten(custody: Custody) -> None:
    custody.write(lambda c: begin_intent(c, "0" * 32, now=custody.now))
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + DAY) == 1
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + DAY) == 0


def test_an_object_of_which_the_database_knows_nothing_is_left_alone(custody: Custody) -> None:
    """It was put by a database that is newer than this one, which was restored from a backup."""
    custody.vault.put("f" * 32, [b"ciphertext"])
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + 1_000 * DAY) == 0
    assert custody.objects() == {"f" * 32}


def test_what_is_not_needed_after_all_is_deleted_at_once(custody: Custody) -> None:
    kept = custody.keeper.keep(lambda: [b"of a submission that came twice"], now=custody.now)
    custody.keeper.discard(kept)
    assert custody.objects() == set()
    assert evidence.sweep(custody.database, custody.vault, before=custody.now + DAY) == 0
