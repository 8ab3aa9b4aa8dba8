"""Verify that what is kept is what was put there: read everything again, digest it, and compare it with the rows.

What review keys open is read in plain. What is sealed is compared by the digest of its ciphertext, which takes no key;
with a custodian's identity it is read in plain too. One object at a time is in memory, and of it a few megabytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from hedgerow.errors import EvidenceDamaged, EvidenceError, ObjectMissing, SealUnopened, VaultUnavailable, WrapBroken
from hedgerow.evidence.certificates import find_certificate
from hedgerow.evidence.keeping import digest_stored, open_kept, open_sealed
from hedgerow.evidence.model import EvidenceState
from hedgerow.evidence.records import list_evidence
from hedgerow.evidence.tables import evidence, evidence_derivatives, evidence_intents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hedgerow.database import Database
    from hedgerow.evidence.model import Evidence
    from hedgerow.evidence.vaults import Vault
    from hedgerow.evidence.wrapping import ReviewKeys

__all__ = ["EvidenceFinding", "EvidenceVerification", "EvidenceWrong", "verify_evidence", "verify_one"]

_PER_PAGE: Final = 100


class EvidenceWrong(StrEnum):
    """What is wrong. The words stand in JSON output and never change."""

    MISSING = "missing"
    DAMAGED = "damaged"
    DIFFERENT = "different"
    KEY_LOST = "key_lost"
    NOT_DESTROYED = "not_destroyed"
    CERTIFICATE = "certificate"
    UNKNOWN_OBJECT = "unknown_object"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class EvidenceFinding:
    """One thing that is wrong, or that could not be looked at.

    Attributes:
        wrong: What.
        evidence_id: Of which; None of an object that no row names.
        object: Of which object of the vault.
        sentence: The same for a person.
    """

    wrong: EvidenceWrong
    evidence_id: int | None
    object: str | None
    sentence: str

    @property
    def is_broken(self) -> bool:
        """Whether something is wrong with what is kept, rather than unknown or left over."""
        return self.wrong not in {EvidenceWrong.UNCHECKED, EvidenceWrong.UNKNOWN_OBJECT}


@dataclass(frozen=True, slots=True)
class EvidenceVerification:
    """What came of a verification.

    Attributes:
        read: Pieces whose plain bytes were digested.
        compared: Sealed pieces whose ciphertext was digested.
        destroyed: Pieces of which nothing is left, as it should be.
        without_bytes: Pieces of which there never were any bytes.
        findings: What is wrong.
    """

    read: int
    compared: int
    destroyed: int
    without_bytes: int
    findings: tuple[EvidenceFinding, ...]

    @property
    def is_broken(self) -> bool:
        """Whether anything is wrong with what is kept."""
        return any(each.is_broken for each in self.findings)

    @property
    def is_sound(self) -> bool:
        """Whether everything was looked at, and nothing is wrong."""
        return not self.findings


def verify_evidence(
    database: Database,
    vault: Vault,
    keys: ReviewKeys,
    *,
    identity: str | None = None,
    case_id: int | None = None,
    told: Callable[[Evidence], None] | None = None,
) -> EvidenceVerification:
    """Verify all evidence, or that which was kept for one case.

    Args:
        database: Where the rows are.
        vault: Where the objects are.
        keys: The review keys.
        identity: A custodian's, with which sealed evidence is read in plain too.
        case_id: Only that of this case; objects that no row names are not looked for then.
        told: Called with each piece before it is looked at.
    """
    counts = dict.fromkeys(EvidenceState, 0)
    read = 0
    findings: list[EvidenceFinding] = []
    for of in _all(database, case_id):
        if told is not None:
            told(of)
        counts[of.state] += 1
        wrong, was_read = verify_one(of, vault, keys, identity=identity)
        read += was_read
        findings += wrong
        if of.state is EvidenceState.DESTROYED:
            findings += _certificate(database, of)
    if case_id is None:
        findings += _unknown_objects(database, vault)
    return EvidenceVerification(
        read,
        counts[EvidenceState.KEPT] + counts[EvidenceState.SEALED] - read,
        counts[EvidenceState.DESTROYED],
        counts[EvidenceState.MISSING],
        tuple(findings),
    )


def _all(database: Database, case_id: int | None) -> Iterator[Evidence]:
    """Go through all evidence, page by page, so that no transaction stays open over the reading of the vault."""
    after = 0
    while True:
        with database.read() as connection:
            page = list_evidence(connection, case_id=case_id, after=after, limit=_PER_PAGE)
        yield from page
        if len(page) < _PER_PAGE:
            return
        after = page[-1].id


def verify_one(
    of: Evidence, vault: Vault, keys: ReviewKeys, *, identity: str | None = None
) -> tuple[list[EvidenceFinding], bool]:
    """Verify one piece; return what is wrong with it, and whether its plain bytes were read."""
    if of.object is None or of.state in {EvidenceState.MISSING, EvidenceState.DESTROYING}:
        return [], False
    try:
        if of.state is EvidenceState.DESTROYED:
            return _still_there(of, vault), False
        if of.state is EvidenceState.KEPT and of.wrapped is not None:
            return _compare_plain(of, open_kept(vault, keys, of.object, of.wrapped)), True
        found = _compare_stored(of, vault)
        if found or identity is None or of.sealed is None:
            return found, False
        return _compare_plain(of, open_sealed(vault, identity, of.object, of.sealed)), True
    except ObjectMissing:
        return [_finding(EvidenceWrong.MISSING, of, "the vault does not hold it")], False
    except EvidenceDamaged as error:
        return [_finding(EvidenceWrong.DAMAGED, of, error.problem)], False
    except WrapBroken:
        return [_finding(EvidenceWrong.KEY_LOST, of, "no review key of ours opens its data key")], False
    except SealUnopened:
        return [_finding(EvidenceWrong.UNCHECKED, of, "it was sealed to another custodian")], False
    except VaultUnavailable as error:
        return [_finding(EvidenceWrong.UNCHECKED, of, error.problem)], False


def _compare_plain(of: Evidence, chunks: Iterable[bytes]) -> list[EvidenceFinding]:
    digests = [hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256()]
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        for each in digests:
            each.update(chunk)
    same = [each.digest() for each in digests] == [of.md5, of.sha1, of.sha256]
    if same and size_bytes == of.size_bytes:
        return []
    return [_finding(EvidenceWrong.DIFFERENT, of, "its bytes are not those whose digests were recorded")]


def _compare_stored(of: Evidence, vault: Vault) -> list[EvidenceFinding]:
    assert of.object is not None  # noqa: S101  (looked at before)
    digest, size_bytes = digest_stored(vault, of.object)
    if digest == of.cipher_sha256 and size_bytes == of.stored_bytes:
        return []
    return [_finding(EvidenceWrong.DAMAGED, of, "its ciphertext is not what was stored")]


def _still_there(of: Evidence, vault: Vault) -> list[EvidenceFinding]:
    assert of.object is not None  # noqa: S101  (looked at before)
    try:
        vault.size(of.object)
    except ObjectMissing:
        return []
    return [_finding(EvidenceWrong.NOT_DESTROYED, of, "it was destroyed, and the vault still holds its ciphertext")]


def _certificate(database: Database, of: Evidence) -> list[EvidenceFinding]:
    with database.read() as connection:
        certificate = find_certificate(connection, of.id)
    if certificate is None:
        return [_finding(EvidenceWrong.CERTIFICATE, of, "it was destroyed, and there is no certificate")]
    if hashlib.sha256(certificate.text.encode()).digest() != certificate.sha256:
        return [_finding(EvidenceWrong.CERTIFICATE, of, "its certificate is not what was written")]
    return []


def _unknown_objects(database: Database, vault: Vault) -> list[EvidenceFinding]:
    """Find objects that nothing names: of a database newer than this one, which was restored from a backup."""
    try:
        stored = {each.name for each in vault.stored()}
    except EvidenceError as error:
        sentence = f"The objects of the vault could not be listed ({error.reason})."
        return [EvidenceFinding(EvidenceWrong.UNCHECKED, None, None, sentence)]
    with database.read() as connection:
        for table in (evidence, evidence_derivatives, evidence_intents):
            stored -= set(connection.execute(select(table.c.object)).scalars())
    return [
        EvidenceFinding(
            EvidenceWrong.UNKNOWN_OBJECT, None, name, f"The vault holds the object {name}, which nothing here names."
        )
        for name in sorted(stored)
    ]


def _finding(wrong: EvidenceWrong, of: Evidence, problem: str) -> EvidenceFinding:
    return EvidenceFinding(wrong, of.id, of.object, f"Evidence {of.id} (object {of.object}): {problem}.")
