"""Keep what was sent to be checked. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.cases.model import NewSubmission, Submission
from hedgerow.cases.tables import submissions
from hedgerow.errors import InvalidSubmission, SubmissionNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "Recorded",
    "account_submissions",
    "answer_submission",
    "find_earlier",
    "find_submission",
    "record_submission",
    "submissions_of",
]

# As wide as the columns.
_LENGTHS: Final = {"namespace": 64, "content_id": 255, "account_id": 255, "surface": 100, "door": 20, "media_type": 100}
_LARGEST_TEXT = 64 * 1024  # some messages around a picture; more belongs into the evidence
_LARGEST_JSON = 16 * 1024
_ATTEMPTS = 5  # of writers that come with the same content id at once, on PostgreSQL
# Put together once: each is run for every submission, and to put one together takes longer than to run it.
_OF_CONTENT: Final = (submissions.c.namespace == bindparam("of_namespace")) & (
    submissions.c.content_id == bindparam("of_content")
)
_LATEST: Final = select(func.coalesce(func.max(submissions.c.revision), 0)).where(_OF_CONTENT)
_OF_NOTHING: Final = (
    select(submissions).where(_OF_CONTENT, submissions.c.fingerprint.is_(None)).order_by(submissions.c.revision)
)
_OF_FINGERPRINT: Final = (
    select(submissions)
    .where(_OF_CONTENT, submissions.c.fingerprint == bindparam("of_fingerprint"))
    .order_by(submissions.c.revision)
)
_INSERT: Final = insert(submissions).returning(*submissions.c)
_ANSWER: Final = (
    update(submissions)
    .where(submissions.c.id == bindparam("its_id"), submissions.c.outcome.is_(None))
    .values(outcome=bindparam("its_outcome"), answer=bindparam("its_answer"))
)

_AS_THEY_ARE = tuple(
    each.name for each in fields(NewSubmission) if each.name not in {"ip_event", "context", "fingerprint"}
)


class Recorded(NamedTuple):
    """A submission that was recorded.

    Attributes:
        submission: As it is kept.
        is_new: False when the same was submitted before, so that it has its answer already.
    """

    submission: Submission
    is_new: bool


def record_submission(connection: Connection, new: NewSubmission, *, now: datetime) -> Recorded:
    """Keep a submission, or find the one that it repeats.

    The same bytes under the same content id are the same submission, however often they come, and whatever came in
    between: the first is returned and nothing is written. Other bytes are a new revision. What could not be checked
    before and can now is a new revision too, since its first answer was none. Where there are neither bytes nor
    signals, the latest that had none either, for the same reason, is returned.

    The audit line is written by `answer_submission`, which ends the same transaction: the chain's lock is taken last.

    Raises:
        InvalidSubmission: What was said about it does not fit.
    """
    values = _values(new, now)
    for _ in range(_ATTEMPTS):
        # The latest revision first: whoever adds one after this is found by the second look, or is in the way of ours.
        latest = connection.execute(_LATEST, {"of_namespace": new.namespace, "of_content": new.content_id}).scalar_one()
        earlier = find_earlier(
            connection, new.namespace, new.content_id, values["fingerprint"], unchecked_reason=new.unchecked_reason
        )
        if earlier is not None:
            return Recorded(earlier, is_new=False)
        try:
            with connection.begin_nested():
                row = connection.execute(_INSERT, {"revision": int(latest) + 1, **values}).one()
        except IntegrityError as error:
            if "revision" not in str(error.orig):  # somebody else's revision is in the way; what else, is ours
                raise
            continue
        return Recorded(_submission(row), is_new=True)
    raise InvalidSubmission("too many submissions with its content id came at once")


def find_earlier(
    connection: Connection,
    namespace: str,
    content_id: str,
    fingerprint: bytes | None,
    *,
    unchecked_reason: str | None = None,
) -> Submission | None:
    """Find the submission that another one repeats, or None.

    Args:
        connection: An open connection.
        namespace: Of the API key.
        content_id: The platform's name for the content.
        fingerprint: The SHA-256 of the media, or a digest of the signals.
        unchecked_reason: Why the other one cannot be checked; None when it can, or when that is not known yet.
    """
    asked: dict[str, Any] = {"of_namespace": namespace, "of_content": content_id}
    if fingerprint is None:
        rows = connection.execute(_OF_NOTHING, asked)
    else:
        rows = connection.execute(_OF_FINGERPRINT, {**asked, "of_fingerprint": fingerprint})
    found = [_submission(row) for row in rows]
    checked = [each for each in found if each.sent.unchecked_reason is None]
    if fingerprint is not None and checked:
        return checked[0]
    if unchecked_reason is not None:
        return next((each for each in found if each.sent.unchecked_reason == unchecked_reason), None)
    return None


def answer_submission(
    connection: Connection,
    submission: Submission,
    *,
    outcome: str,
    answer: Mapping[str, object],
    matches: int,
    actor: str,
    now: datetime,
) -> None:
    """Record what the platform is told, once, and the audit line of the submission. Comes last in its transaction.

    Args:
        connection: Of `Database.write`.
        submission: As it was recorded in this transaction.
        outcome: The gravest outcome of its matches, ``no_match`` or ``unchecked``.
        answer: What the platform is told.
        matches: How many matches there are.
        actor: Who submitted it.
        now: When.

    Raises:
        SubmissionNotFound: It is not there, or was answered already.
    """
    told = {"its_id": submission.id, "its_outcome": outcome, "its_answer": canonical_json(dict(answer))}
    changed = connection.execute(_ANSWER, told)
    if changed.rowcount != 1:
        raise SubmissionNotFound
    append(
        connection,
        actor=actor,
        action="submission.screened",
        subject_type="submission",
        subject_id=submission.id,
        details={
            "outcome": outcome,
            "matches": matches,
            "revision": submission.revision,
            "door": submission.sent.door,
            "policy": submission.sent.policy_version,
            "unchecked": submission.sent.unchecked_reason,
        },
        now=now,
    )


def find_submission(connection: Connection, submission_id: int) -> Submission:
    """Find a submission.

    Raises:
        SubmissionNotFound: There is none.
    """
    row = connection.execute(select(submissions).where(submissions.c.id == submission_id)).first()
    if row is None:
        raise SubmissionNotFound
    return _submission(row)


def submissions_of(connection: Connection, numbers: Collection[int]) -> dict[int, Submission]:
    """Find several submissions with one query; those that are not there are left out."""
    rows = connection.execute(select(submissions).where(submissions.c.id.in_(sorted(numbers))))
    return {row.id: _submission(row) for row in rows}


def account_submissions(
    connection: Connection, namespace: str, account_id: str, *, before: int | None = None, limit: int = 100
) -> list[Submission]:
    """List what an account submitted, the latest first.

    Args:
        connection: An open connection.
        namespace: Of the account.
        account_id: The platform's name for it.
        before: Only those with a smaller id: the last of the page before.
        limit: Most submissions.
    """
    statement = select(submissions).where(submissions.c.namespace == namespace, submissions.c.account_id == account_id)
    if before is not None:
        statement = statement.where(submissions.c.id < before)
    return [_submission(row) for row in connection.execute(statement.order_by(submissions.c.id.desc()).limit(limit))]


def _values(new: NewSubmission, now: datetime) -> dict[str, Any]:
    """Return the columns of a new submission, or raise InvalidSubmission."""
    for name, limit in _LENGTHS.items():
        value = getattr(new, name)
        if value is not None and (len(value) > limit or not _can_be_stored(value)):
            raise InvalidSubmission(f"its {name.replace('_', ' ')} has more than {limit} characters, or a NUL")
    if not new.content_id or not new.door or new.account_id == "":
        raise InvalidSubmission("an id is empty")
    if new.text_context is not None and (len(new.text_context) > _LARGEST_TEXT or not _can_be_stored(new.text_context)):
        raise InvalidSubmission(f"its text has more than {_LARGEST_TEXT:,} characters, or a NUL")
    if new.uploaded_at is not None and new.uploaded_at.tzinfo is None:
        raise InvalidSubmission("the time of its upload has no zone")
    return {
        **{name: getattr(new, name) for name in _AS_THEY_ARE},
        "ip_event": None if new.ip_event is None else _json(new.ip_event, "IP event"),
        "context": _json(new.context, "context"),
        "fingerprint": new.fingerprint or new.sha256,
        "received_at": now,
    }


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _json(value: Mapping[str, object], what: str) -> str:
    try:
        text = canonical_json(dict(value))
    except (TypeError, ValueError, RecursionError):
        raise InvalidSubmission(f"its {what} cannot be written as JSON") from None
    # A NUL would be written as an escape, which can be stored; half of a surrogate pair is written as it is.
    if len(text) > _LARGEST_JSON or not _can_be_stored(text):
        raise InvalidSubmission(f"its {what} takes more than {_LARGEST_JSON:,} characters, or cannot be stored")
    return text


def _submission(row: AnyRow) -> Submission:
    sent = NewSubmission(
        **{name: _bytes(getattr(row, name)) for name in _AS_THEY_ARE},
        ip_event=None if row.ip_event is None else json.loads(row.ip_event),
        context=json.loads(row.context),
        fingerprint=_bytes(row.fingerprint),
    )
    return Submission(row.id, row.revision, row.received_at, sent, row.outcome, row.answer)


def _bytes(value: Any) -> Any:  # noqa: ANN401  (a column's value)
    """Return bytes where a driver gives a view of them."""
    return bytes(value) if isinstance(value, memoryview) else value
