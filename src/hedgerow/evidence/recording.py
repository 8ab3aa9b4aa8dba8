"""Write down what is kept, and what is missing. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from hedgerow.cases.tables import case_items
from hedgerow.errors import InvalidEvidence
from hedgerow.evidence.model import Evidence, EvidenceState, Kind, Missing
from hedgerow.evidence.records import append_line, evidence_of, lock_evidence
from hedgerow.evidence.rules import check_name, check_readable
from hedgerow.evidence.tables import evidence, evidence_derivatives, evidence_intents

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases import Submission
    from hedgerow.evidence.keeping import Kept
    from hedgerow.evidence.model import NewAttachment

__all__ = [
    "attach",
    "begin_intent",
    "end_intent",
    "has_gaps",
    "record_derivative",
    "record_gaps",
    "record_kept",
    "record_missing",
]

_SUFFIXES: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heif": ".heic",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
}
_FILE_NAME: Final = "file_name"
"""What a platform may call the file, in the context of a submission."""
_GAPS: Final = (
    select(case_items.c.submission_id, func.min(case_items.c.case_id).label("case_id"))
    .outerjoin(evidence, evidence.c.submission_id == case_items.c.submission_id)
    .where(evidence.c.id.is_(None))
    .group_by(case_items.c.submission_id)
    .order_by(case_items.c.submission_id)
)


# ── what is written before a row ─────────────────────────────────────────────────────────────────────────────────


def begin_intent(connection: Connection, name: str, *, now: datetime) -> None:
    """Say that an object is going to be written; commit before it is. `end_intent` takes it back."""
    connection.execute(insert(evidence_intents).values(object=name, begun_at=now))


def end_intent(connection: Connection, name: str) -> None:
    """Say that an object is named by a row, or is there no more."""
    connection.execute(delete(evidence_intents).where(evidence_intents.c.object == name))


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def record_kept(
    connection: Connection,
    case_id: int,
    submission: Submission,
    kept: Kept,
    *,
    pdq: bytes | None = None,
    now: datetime,
) -> Evidence:
    """Record that the bytes of a submission are in the vault, in the transaction that puts it into its case.

    Args:
        connection: Of `Database.write`.
        case_id: The case.
        submission: Whose media it is.
        kept: What the vault took.
        pdq: The plain PDQ of a picture.
        now: When.
    """
    made = _insert(
        connection,
        {
            **_of_submission(case_id, submission, now),
            **_of_kept(kept),
            "pdq": pdq,
            "state": EvidenceState.KEPT,
        },
    )
    end_intent(connection, kept.object)
    _append_kept(connection, made, actor="system", now=now)
    return made


def record_missing(
    connection: Connection, case_id: int, submission: Submission, reason: Missing, *, now: datetime
) -> Evidence | None:
    """Record that there are no bytes of a submission, and why; None where there is a row about it already."""
    known = select(evidence.c.id).where(evidence.c.submission_id == submission.id)
    if connection.execute(known).first() is not None:
        return None
    sent = submission.sent
    values = {
        **_of_submission(case_id, submission, now),
        "size_bytes": sent.size_bytes,
        "md5": sent.md5,
        "sha1": sent.sha1,
        "sha256": sent.sha256,
        "state": EvidenceState.MISSING,
        "missing_reason": reason,
    }
    try:
        with connection.begin_nested():
            made = _insert(connection, values)
    except IntegrityError:  # another process was first
        return None
    append_line(connection, made.id, "missing", actor="system", details={**_about(made), "reason": reason}, now=now)
    return made


def has_gaps(connection: Connection) -> bool:
    """Tell whether `record_gaps` has anything to do: cheaper to ask than to write, and in the way of nobody."""
    return connection.execute(_GAPS.limit(1)).first() is not None


def record_gaps(connection: Connection, *, now: datetime, limit: int = 500) -> int:
    """Give every submission in a case a row, where it has none: its case was opened when the bytes were gone.

    So it is after a look-back, a lifted suppression, and an upgrade from a version that kept nothing.
    """
    from hedgerow.cases import find_submission  # noqa: PLC0415  (looked up on first use: see that room)

    count = 0
    for row in connection.execute(_GAPS.limit(limit)).all():
        submission = find_submission(connection, row.submission_id)
        made = record_missing(connection, row.case_id, submission, _why_missing(submission), now=now)
        count += made is not None
    return count


def _why_missing(submission: Submission) -> Missing:
    """Say why there are no bytes of something that nobody kept: media has a size, signals have none."""
    return Missing.SIGNALS_ONLY if submission.sent.size_bytes is None else Missing.NOT_KEPT


def attach(
    connection: Connection, case_id: int, said: NewAttachment, kept: Kept, *, actor: str, now: datetime
) -> Evidence:
    """Record a file that a person added to a case: a chat log, a screenshot.

    Its bytes are in the vault already: `hedgerow.evidence.Keeper.keep`.

    Raises:
        InvalidEvidence: Its name cannot be kept.
    """
    made = _insert(
        connection,
        {
            "case_id": case_id,
            "kind": Kind.ATTACHMENT,
            "name": check_name(said.name),
            "media_type": said.media_type,
            "kept_at": now,
            **_of_kept(kept),
            "state": EvidenceState.KEPT,
        },
    )
    end_intent(connection, kept.object)
    _append_kept(connection, made, actor=actor, now=now)
    return made


def record_derivative(
    connection: Connection, of: Evidence, form: str, kept: Kept, *, media_type: str, now: datetime
) -> int:
    """Record what reviewers see in the place of an original: a tile, a blurred picture. It goes when that goes.

    Args:
        connection: Of `Database.write`.
        of: What it was made of.
        form: Which: ``tile``, ``blurred``.
        kept: What the vault took.
        media_type: Of the derivative.
        now: When.

    Returns:
        Its number.

    Raises:
        EvidenceSealed: What it was made of is sealed.
        EvidenceGone: There is nothing of which it could be made.
    """
    check_readable(lock_evidence(connection, of.id))
    row = {
        "evidence_id": of.id,
        "form": form,
        "object": kept.object,
        "wrapped": kept.wrapped,
        "media_type": media_type,
        "size_bytes": kept.size_bytes,
        "made_at": now,
    }
    made = connection.execute(insert(evidence_derivatives).values(row).returning(evidence_derivatives.c.id))
    end_intent(connection, kept.object)
    return int(made.scalar_one())


def _insert(connection: Connection, values: dict[str, Any]) -> Evidence:
    return evidence_of(connection.execute(insert(evidence).values(values).returning(*evidence.c)).one())


def _of_submission(case_id: int, submission: Submission, now: datetime) -> dict[str, Any]:
    sent = submission.sent
    return {
        "case_id": case_id,
        "submission_id": submission.id,
        "kind": Kind.MEDIA,
        "name": _name_of(submission),
        "media_type": sent.media_type,
        "uploaded_at": sent.uploaded_at,
        "kept_at": now,
    }


def _of_kept(kept: Kept) -> dict[str, Any]:
    return {
        "size_bytes": kept.size_bytes,
        "md5": kept.md5,
        "sha1": kept.sha1,
        "sha256": kept.sha256,
        "object": kept.object,
        "stored_bytes": kept.stored_bytes,
        "cipher_sha256": kept.cipher_sha256,
        "wrapped": kept.wrapped,
    }


def _name_of(submission: Submission) -> str:
    """Return what the platform calls the file, or a name that says which submission it is."""
    said = submission.sent.context.get(_FILE_NAME)
    if isinstance(said, str):
        try:
            return check_name(said)
        except InvalidEvidence:
            pass  # whatever it is, it is no file's name: ours stands in its place
    return f"submission-{submission.id}{_SUFFIXES.get(submission.sent.media_type or '', '')}"


def _about(of: Evidence) -> dict[str, int | str | None]:
    return {"case": of.case_id, "submission": of.submission_id, "kind": of.kind}


def _append_kept(connection: Connection, made: Evidence, *, actor: str, now: datetime) -> None:
    details = {**_about(made), "size_bytes": made.size_bytes}
    append_line(connection, made.id, "kept", actor=actor, details=details, now=now)
