"""What remains of evidence that was destroyed: a statement, signed with the audit's key where that is at hand.

The text is canonical JSON (names sorted, no spaces, UTF-8). It says which file it was, by its digests; when, why, by
whom and with whose agreement it was destroyed; and what was destroyed. It names no person but by number, and holds no
name of a file. Its SHA-256 stands in the audit's entry ``evidence.destroyed``, so that the chain vouches for it. What
is signed is the text behind the line ``hedgerow evidence certificate v1``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from hedgerow.audit import read_head
from hedgerow.audit.keys import load_key
from hedgerow.audit.rules import canonical_json
from hedgerow.cases.tables import cases
from hedgerow.errors import AuditError, SigningSupportMissing
from hedgerow.evidence.model import Certificate
from hedgerow.evidence.records import holds_of
from hedgerow.evidence.tables import evidence_certificates

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.evidence.model import Evidence
    from hedgerow.evidence.records import AnyRow

__all__ = ["certify", "find_certificate", "is_certificate_signed_by", "record_certificate", "signed_text"]

_TITLE: Final = b"hedgerow evidence certificate v1\n"


def signed_text(text: str) -> bytes:
    """Return what is signed of a certificate's text."""
    return _TITLE + text.encode()


def certify(
    connection: Connection, of: Evidence, row: AnyRow, *, derivatives: int, key_folder: Path | None, now: datetime
) -> Certificate:
    """Make the certificate of a piece of evidence of which nothing is left.

    Args:
        connection: Of `Database.write`.
        of: What was destroyed.
        row: Its row, with what is known of the destruction.
        derivatives: How many derivatives went with it.
        key_folder: Where the audit's keys lie.
        now: When.
    """
    text = canonical_json(_content(connection, of, row, derivatives, now))
    digest = hashlib.sha256(text.encode()).digest()
    key_id, signature = _sign(connection, text, key_folder)
    return Certificate(of.id, now, text, digest, key_id, signature)


def _content(connection: Connection, of: Evidence, row: AnyRow, derivatives: int, now: datetime) -> dict[str, Any]:
    number = connection.execute(select(cases.c.number).where(cases.c.id == of.case_id)).scalar_one()
    return {
        "format": "hedgerow evidence certificate v1",
        "evidence": of.id,
        "kind": of.kind,
        "case": number,
        "submission": of.submission_id,
        "media_type": of.media_type,
        "size_bytes": of.size_bytes,
        "md5": _hex(of.md5),
        "sha1": _hex(of.sha1),
        "sha256": _hex(of.sha256),
        "object": of.object,
        "cipher_sha256": _hex(of.cipher_sha256),
        "stored_bytes": of.stored_bytes,
        "kept_at": _time(of.kept_at),
        "report": of.report_id,
        "filed_at": _time(of.filed_at),
        "sealed_at": _time(of.sealed_at),
        "holds": [
            {"kind": each.kind, "until": _time(each.until), "lifted_at": _time(each.lifted_at)}
            for each in holds_of(connection, of.id)
        ],
        "why": row.removal,
        "reference": row.removal_reference,
        "by": row.removed_by,
        "agreed_by": row.removal_agreed_by,
        "began_at": _time(row.removal_began_at),
        "destroyed_at": _time(now),
        "destroyed": ["ciphertext", "wrapped key", "sealed key", f"{derivatives} derivatives"],
    }


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _sign(connection: Connection, text: str, key_folder: Path | None) -> tuple[str | None, bytes | None]:
    key_id = read_head(connection).key_id
    if key_folder is None or key_id is None:
        return None, None
    try:
        key = load_key(key_folder, key_id)
    except AuditError:  # not at hand: the chain vouches for the certificate all the same
        return None, None
    return key.id, key.sign(signed_text(text))


def record_certificate(connection: Connection, certificate: Certificate) -> None:
    """Keep a certificate."""
    connection.execute(
        insert(evidence_certificates).values(
            evidence_id=certificate.evidence_id,
            at=certificate.at,
            text=certificate.text,
            sha256=certificate.sha256,
            key_id=certificate.key_id,
            signature=certificate.signature,
        )
    )


def find_certificate(connection: Connection, evidence_id: int) -> Certificate | None:
    """Find the certificate of a piece of evidence; None where it was not destroyed."""
    row = connection.execute(
        select(evidence_certificates).where(evidence_certificates.c.evidence_id == evidence_id)
    ).first()
    if row is None:
        return None
    signature = None if row.signature is None else bytes(row.signature)
    return Certificate(row.evidence_id, row.at, row.text, bytes(row.sha256), row.key_id, signature)


def is_certificate_signed_by(certificate: Certificate, public_key: bytes) -> bool:
    """Tell whether a certificate says what was signed with the private half of a key.

    Raises:
        SigningSupportMissing: What checks signatures is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (of the extra `server`)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  (as above)
    except ImportError:
        raise SigningSupportMissing from None
    if certificate.signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(certificate.signature, signed_text(certificate.text))
    except InvalidSignature:
        return False
    return True
