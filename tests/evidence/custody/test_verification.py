from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from hedgerow import evidence
from hedgerow.database.sealing import ServiceKeys
from hedgerow.evidence import EvidenceWrong, Missing, ReviewKeys
from hedgerow.evidence.tables import evidence as evidence_table
from hedgerow.evidence.tables import evidence_certificates

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Custody
    from hedgerow.evidence import Evidence, EvidenceVerification


def verified(custody: Custody, identity: str | None = None, case: int | None = None) -> EvidenceVerification:
    return evidence.verify_evidence(custody.database, custody.vault, custody.keys, identity=identity, case_id=case)


def found(custody: Custody, **how: str) -> list[tuple[EvidenceWrong, int | None]]:
    return [(each.wrong, each.evidence_id) for each in verified(custody, **how).findings]  # type: ignore[arg-type]  # an identity


def file_of(custody: Custody, of: Evidence) -> Path:
    [path] = custody.folder.rglob(of.object or "")
    return path


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_everything_that_is_as_it_was_is_read_or_compared_and_sound(custody: Custody) -> None:
    custody.kept(1)
    sealed, gone = custody.kept(2), custody.kept(3)
    identity = custody.custodian()
    custody.filed(sealed)
    custody.destroyed(gone)
    custody.missing(Missing.SIGNALS_ONLY, 4)
    plainly = verified(custody)
    assert (plainly.is_sound, plainly.is_broken, plainly.findings) == (True, False, ())
    assert (plainly.read, plainly.compared, plainly.destroyed, plainly.without_bytes) == (1, 1, 1, 1)
    with_identity = verified(custody, identity)
    assert (with_identity.is_sound, with_identity.read, with_identity.compared) == (True, 2, 0)


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("place", [0, 10, 70, 50_000, -1])
def test_one_flipped_bit_in_any_object_is_found_and_named(custody: Custody, *, is_sealed: bool, place: int) -> None:
    custody.kept(1)
    of = custody.kept(2)
    if is_sealed:
        custody.custodian()
        custody.filed(of)
    flip(file_of(custody, of), place)
    [finding] = verified(custody).findings
    assert (finding.wrong, finding.evidence_id, finding.object) == (EvidenceWrong.DAMAGED, of.id, of.object)
    assert f"Evidence {of.id} (object {of.object})" in finding.sentence


def test_an_object_cut_short_deleted_or_exchanged_for_another_is_found(custody: Custody) -> None:
    cut, deleted, one, other = (custody.kept(number) for number in range(4))
    path = file_of(custody, cut)
    path.write_bytes(path.read_bytes()[:-100])
    file_of(custody, deleted).unlink()
    first, second = file_of(custody, one), file_of(custody, other)
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped)
    assert found(custody) == [
        (EvidenceWrong.DAMAGED, cut.id),
        (EvidenceWrong.MISSING, deleted.id),
        (EvidenceWrong.DAMAGED, one.id),
        (EvidenceWrong.DAMAGED, other.id),
    ]
    assert verified(custody).is_broken


def test_a_row_whose_digest_was_changed_is_found(custody: Custody) -> None:
    of = custody.kept()
    wrong = hashlib.sha256(b"something else").digest()
    custody.write(lambda c: c.execute(update(evidence_table).values(sha256=wrong)))
    assert found(custody) == [(EvidenceWrong.DIFFERENT, of.id)]


def test_a_lost_review_key_is_found(custody: Custody) -> None:
    of = custody.kept()
    custody.keys = ReviewKeys.of_service(ServiceKeys((bytes(32),)))
    assert found(custody) == [(EvidenceWrong.KEY_LOST, of.id)]


def test_what_was_destroyed_and_is_there_again_is_found(custody: Custody) -> None:
    of = custody.kept()
    ciphertext = file_of(custody, of).read_bytes()
    custody.destroyed(of)
    assert of.object is not None
    custody.vault.put(of.object, [ciphertext])  # as a vault that was restored from a backup
    assert found(custody) == [(EvidenceWrong.NOT_DESTROYED, of.id)]


def test_a_certificate_that_was_changed_is_found(custody: Custody) -> None:
    of = custody.kept()
    custody.destroyed(of)
    custody.write(lambda c: c.execute(update(evidence_certificates).values(text="{}")))
    assert found(custody) == [(EvidenceWrong.CERTIFICATE, of.id)]


def test_an_object_that_nothing_names_is_told_and_breaks_nothing(custody: Custody) -> None:
    custody.kept()
    custody.vault.put("f" * 32, [b"ciphertext"])
    verification = verified(custody)
    assert [(each.wrong, each.object) for each in verification.findings] == [(EvidenceWrong.UNKNOWN_OBJECT, "f" * 32)]
    assert (verification.is_broken, verification.is_sound) == (False, False)


def test_what_was_sealed_to_another_custodian_is_compared_and_said_to_be_unread(custody: Custody) -> None:
    of = custody.kept()
    custody.custodian()
    custody.filed(of)
    stranger = evidence.new_custodian().identity
    verification = verified(custody, stranger)
    assert [each.wrong for each in verification.findings] == [EvidenceWrong.UNCHECKED]
    assert not verification.is_broken


def test_one_case_is_verified_alone(custody: Custody) -> None:
    one, other = custody.kept(1, account="one"), custody.kept(2, account="other")
    flip(file_of(custody, other), 50_000)
    assert verified(custody, case=one.case_id).is_sound
    assert not verified(custody, case=other.case_id).is_sound


def test_each_piece_is_told_of_before_it_is_looked_at(custody: Custody) -> None:
    kept = [custody.kept(number) for number in range(3)]
    told: list[int] = []
    evidence.verify_evidence(custody.database, custody.vault, custody.keys, told=lambda of: told.append(of.id))
    assert told == [each.id for each in kept]
