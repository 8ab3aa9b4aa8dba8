"""Have evidence again: for a report that is being filed, for a recorded look, or because two people opened it.

Nothing else gives originals. Who reads what was opened leaves an audit line before the first byte is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hedgerow.cases.model import Form
from hedgerow.cases.tables import views
from hedgerow.errors import EvidenceGone, InvalidCustodian, RevealNeeded
from hedgerow.evidence.keeping import open_kept, open_sealed
from hedgerow.evidence.model import EvidenceState
from hedgerow.evidence.records import append_line, find_evidence
from hedgerow.evidence.requesting import find_request
from hedgerow.evidence.rules import REVEAL_LASTS, check_opened, check_readable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.evidence.model import Evidence
    from hedgerow.evidence.vaults import Vault
    from hedgerow.evidence.wrapping import ReviewKeys

__all__ = ["check_reveal", "open_evidence", "read_opened", "read_original", "record_reading"]


def open_evidence(of: Evidence, vault: Vault, keys: ReviewKeys) -> Iterator[bytes]:
    """Give the bytes of evidence that is not sealed, to who files it: each segment after it was verified.

    Raises:
        EvidenceSealed: It is sealed.
        EvidenceGone: There are no bytes.
        WrapBroken: None of the review keys opens it.
        ObjectMissing: The vault lacks it.
        EvidenceDamaged: It is not what was put there; said where it shows.
    """
    check_readable(of)
    if of.object is None or of.wrapped is None:
        raise EvidenceGone(of.id, of.state)
    return open_kept(vault, keys, of.object, of.wrapped)


# ── for a reviewer ───────────────────────────────────────────────────────────────────────────────────────────────


def check_reveal(connection: Connection, of: Evidence, *, user_id: int, reveal: str, now: datetime) -> None:
    """Let somebody see an original whose deliberate look at it is on record (`hedgerow.cases.record_view`).

    Raises:
        RevealNeeded: There is no such look, it is another's or at something else, or it was too long ago.
    """
    found = connection.execute(
        select(views.c.id)
        .where(
            views.c.reveal == reveal,
            views.c.submission_id == (of.submission_id or 0),
            views.c.user_id == user_id,
            views.c.form == Form.FULL,
            views.c.recorded_at > now - REVEAL_LASTS,
            views.c.recorded_at <= now,
        )
        .limit(1)
    ).first()
    if found is None:
        raise RevealNeeded


def read_original(
    connection: Connection,
    vault: Vault,
    keys: ReviewKeys,
    of: Evidence,
    *,
    user_id: int,
    reveal: str,
    now: datetime,
) -> Iterator[bytes]:
    """Give an original to a reviewer whose deliberate look is on record. The look itself is the audit line.

    Raises:
        RevealNeeded: As `check_reveal`.
        EvidenceSealed: It is sealed.
        EvidenceGone: There are no bytes.
    """
    check_reveal(connection, of, user_id=user_id, reveal=reveal, now=now)
    return open_evidence(of, vault, keys)


# ── what two people opened ───────────────────────────────────────────────────────────────────────────────────────


def record_reading(connection: Connection, request_id: int, evidence_id: int, *, actor: str, now: datetime) -> Evidence:
    """Put on record that somebody reads what two people opened, and return it. Commit before any byte is given.

    Raises:
        EvidenceRequestNotFound: There is no such request.
        EvidenceRequestRefused: It does not open this, or not to this person, or not any more.
        EvidenceNotFound: There is no such evidence.
        EvidenceGone: There are no bytes any more.
    """
    check_opened(find_request(connection, request_id), evidence_id, actor, now)
    of = find_evidence(connection, evidence_id)
    if of.state not in {EvidenceState.KEPT, EvidenceState.SEALED}:
        raise EvidenceGone(of.id, of.state)
    details = {"request": request_id, "state": of.state}
    append_line(connection, evidence_id, "opened", actor=actor, details=details, now=now)
    return of


def read_opened(of: Evidence, vault: Vault, keys: ReviewKeys, identity: str | None) -> Iterator[bytes]:
    """Give the bytes of what two people opened, after `record_reading`.

    Args:
        of: What.
        vault: Where it is.
        keys: The review keys; nothing of what is sealed opens with them.
        identity: A custodian's, for what is sealed; used here and kept nowhere.

    Raises:
        InvalidCustodian: It is sealed, and no identity was given, or none that is one.
        SealUnopened: It was sealed to another custodian.
        ObjectMissing: The vault lacks it.
        EvidenceDamaged: It is not what was put there; said where it shows.
    """
    if of.state is EvidenceState.SEALED and of.object is not None and of.sealed is not None:
        if identity is None:
            raise InvalidCustodian("what is sealed opens with a custodian's identity, and none was given")
        return open_sealed(vault, identity, of.object, of.sealed)
    return open_evidence(of, vault, keys)
