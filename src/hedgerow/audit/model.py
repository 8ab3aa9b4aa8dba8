"""The nouns of the audit: an entry, the head of the chain, a checkpoint, and what a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["NO_HASH", "AuditEntry", "Checkpoint", "Finding", "Head", "Verification", "Wrong"]

NO_HASH: Final = bytes(32)
"""The previous hash of the first entry."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link of the chain; never changed and never deleted.

    Attributes:
        sequence: Its number, from 1 on without a gap.
        at: When, as whoever appended it read the clock; entries of several processes may lie milliseconds out of order.
        actor: Who: ``user:3``, ``key:5``, ``system``, ``cli``.
        action: What was done: ``case.opened``.
        subject_type: To what kind of thing.
        subject_id: To which of them; None where there is but one.
        details: Ids, counts, words.
        previous_hash: SHA-256 of the entry before; 32 zero bytes in the first.
        hash: SHA-256 of this entry's line without its hash (`hedgerow.audit.line`).
    """

    sequence: int
    at: datetime
    actor: str
    action: str
    subject_type: str
    subject_id: str | None
    details: Mapping[str, object]
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The latest entry's number and hash, and the id of the key that signs checkpoints (None before the first)."""

    sequence: int
    hash: bytes
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the chain had this entry at its head then.

    Attributes:
        sequence: The entry's number.
        hash: The entry's hash.
        at: When it was signed.
        key_id: The first 16 hex digits of the SHA-256 of the public key (32 bytes).
        signature: Ed25519 (RFC 8032), 64 bytes, over `hedgerow.audit.checkpoints.signed_text`.
    """

    sequence: int
    hash: bytes
    at: datetime
    key_id: str
    signature: bytes


class Wrong(StrEnum):
    """What is wrong with a chain or a checkpoint of it. The words stand in JSON output and never change."""

    NOT_THE_FORMAT = "not_the_format"
    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    SIGNATURE_WRONG = "signature_wrong"
    KEY_UNKNOWN = "key_unknown"
    NOT_COVERED = "not_covered"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or that could not be checked.

    Attributes:
        wrong: What.
        line: The line of the file, the header being 1; None where there is no file.
        sequence: The entry's number, as it is or should be; None where it is no entry.
        sentence: The same for a person.
    """

    wrong: Wrong
    line: int | None
    sequence: int | None
    sentence: str

    @property
    def is_unchecked(self) -> bool:
        """Whether nothing is wrong as far as one can tell, but something could not be checked."""
        return self.wrong in {Wrong.KEY_UNKNOWN, Wrong.NOT_COVERED}


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a verification.

    Attributes:
        first: The number of the first entry that the chain says it begins with; None where there is no header.
        entries: How many entries hold, from the first on.
        last: The number and hash of the last of them (of the one before the first, where there is none).
        held: The numbers of the entries whose checkpoints hold, in order.
        findings: The first break of the chain, if it has one, then what is wrong with checkpoints.
    """

    first: int | None
    entries: int
    last: Head | None
    held: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether everything was checked and nothing is wrong."""
        return not self.findings

    @property
    def is_broken(self) -> bool:
        """Whether something is wrong, and not merely unchecked."""
        return any(not finding.is_unchecked for finding in self.findings)
