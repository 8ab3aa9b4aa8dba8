"""What people see in the place of evidence: which derivatives there are, which are missing, and their bytes.

The first argument is an open connection; the caller commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from hedgerow.cases.model import State
from hedgerow.cases.tables import case_items, cases, submissions
from hedgerow.evidence.keeping import open_kept
from hedgerow.evidence.model import EvidenceState, Kind
from hedgerow.evidence.recording import record_derivative
from hedgerow.evidence.records import lock_evidence
from hedgerow.evidence.tables import evidence, evidence_derivatives

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.evidence.keeping import Kept
    from hedgerow.evidence.model import Evidence
    from hedgerow.evidence.vaults import Vault
    from hedgerow.evidence.wrapping import ReviewKeys

__all__ = [
    "Derivative",
    "MediaShown",
    "find_derivative",
    "open_derivative",
    "record_first",
    "shown_of",
    "underived",
]


@dataclass(frozen=True, slots=True)
class MediaShown:
    """What a page says of one submission's media, and where it can be seen.

    Attributes:
        submission: Its number.
        evidence: What is kept of it; None where nothing is on record.
        state: Of the evidence: ``kept``, ``sealed``, ``missing``, ``destroying``, ``destroyed``.
        kind: ``picture``, ``video`` or ``other``.
        media_type: As it was told by its content.
        width: Columns.
        height: Rows.
        duration_s: Of a video.
        frames: Of an animation or video.
        size_bytes: How large.
    """

    submission: int
    evidence: int | None
    state: str
    kind: str
    media_type: str | None
    width: int | None
    height: int | None
    duration_s: float | None
    frames: int | None
    size_bytes: int | None


class Derivative(NamedTuple):
    """What was made of a piece of evidence to be shown.

    Attributes:
        object: What the vault calls it.
        wrapped: Its data key under the review key.
        media_type: What it is.
        size_bytes: Of the plain bytes.
    """

    object: str
    wrapped: bytes
    media_type: str
    size_bytes: int


def shown_of(connection: Connection, submission_ids: Collection[int]) -> dict[int, MediaShown]:
    """Say what is known of the media of some submissions, in one query."""
    if not submission_ids:
        return {}
    rows = connection.execute(
        select(
            submissions.c.id,
            submissions.c.media_type,
            submissions.c.width,
            submissions.c.height,
            submissions.c.duration_s,
            submissions.c.frames,
            submissions.c.size_bytes,
            evidence.c.id.label("evidence_id"),
            evidence.c.state,
        )
        .select_from(submissions.outerjoin(evidence, evidence.c.submission_id == submissions.c.id))
        .where(submissions.c.id.in_(submission_ids))
    )
    return {
        row.id: MediaShown(
            row.id,
            row.evidence_id,
            row.state or "missing",
            _kind_of(row.media_type),
            row.media_type,
            row.width,
            row.height,
            row.duration_s,
            row.frames,
            row.size_bytes,
        )
        for row in rows
    }


def _kind_of(media_type: str | None) -> str:
    kind = (media_type or "").partition("/")[0]
    return {"video": "video", "image": "picture"}.get(kind, "other")


def find_derivative(connection: Connection, evidence_id: int, form: str) -> Derivative | None:
    """Find a derivative; None where it was not made yet."""
    row = connection.execute(
        select(
            evidence_derivatives.c.object,
            evidence_derivatives.c.wrapped,
            evidence_derivatives.c.media_type,
            evidence_derivatives.c.size_bytes,
        )
        .where(evidence_derivatives.c.evidence_id == evidence_id, evidence_derivatives.c.form == form)
        .order_by(evidence_derivatives.c.id)
        .limit(1)
    ).first()
    return None if row is None else Derivative(row.object, bytes(row.wrapped), row.media_type, row.size_bytes)


def record_first(
    connection: Connection, of: Evidence, form: str, kept: Kept, *, media_type: str, now: datetime
) -> bool:
    """Record a derivative, unless another process was first: then nothing names what was kept, and it is to be deleted.

    Args:
        connection: Of `Database.write`.
        of: What it was made of.
        form: Which.
        kept: What the vault took.
        media_type: Of the derivative.
        now: When.

    Raises:
        EvidenceSealed: What it was made of was sealed meanwhile.
        EvidenceGone: It was destroyed meanwhile.
    """
    lock_evidence(connection, of.id)
    if find_derivative(connection, of.id, form) is not None:
        return False
    record_derivative(connection, of, form, kept, media_type=media_type, now=now)
    return True


def open_derivative(found: Derivative, vault: Vault, keys: ReviewKeys) -> Iterator[bytes]:
    """Give the bytes of a derivative, each segment after it was verified.

    Raises:
        WrapBroken: None of the review keys opens it.
        ObjectMissing: The vault lacks it.
        EvidenceDamaged: It is not what was put there; said where it shows.
    """
    return open_kept(vault, keys, found.object, found.wrapped)


def underived(
    connection: Connection, form: str, *, but: Collection[int] = (), after: int = 0, limit: int = 20
) -> list[int]:
    """List media in cases that are not closed of which a derivative was not made yet, the earliest first.

    Args:
        connection: An open connection.
        form: Which.
        but: Those that are known not to work.
        after: Only those with a greater number.
        limit: Most of them.
    """
    made = select(evidence_derivatives.c.id).where(
        evidence_derivatives.c.evidence_id == evidence.c.id, evidence_derivatives.c.form == form
    )
    waiting = (
        select(case_items.c.id)
        .join(cases, cases.c.id == case_items.c.case_id)
        .where(case_items.c.submission_id == evidence.c.submission_id, cases.c.state != State.CLOSED)
    )
    statement = (
        select(evidence.c.id)
        .where(
            evidence.c.id > after,
            evidence.c.state == EvidenceState.KEPT,
            evidence.c.kind == Kind.MEDIA,
            waiting.exists(),
            ~made.exists(),
        )
        .order_by(evidence.c.id)
        .limit(limit)
    )
    if but:
        statement = statement.where(evidence.c.id.not_in(but))
    return list(connection.execute(statement).scalars())
