"""Who saw what, how completely, and when. First argument: an open connection; the caller commits.

Rows are inserted and read; there is no way to change or delete one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import distinct, func, insert, select

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.cases.model import Form, MediaFacts, NewView, View
from hedgerow.cases.seen import check_view, share_seen, was_exif_viewed, was_viewed_in_full
from hedgerow.cases.tables import case_items, submissions, views
from hedgerow.errors import InvalidView

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.steps import AnyRow

__all__ = [
    "Seen",
    "case_views",
    "count_exposures",
    "list_views",
    "record_view",
    "seen_by_us",
    "views_of",
    "views_under",
]

_REVEAL_LENGTH = 64


def record_view(connection: Connection, view: NewView, *, now: datetime) -> View:
    """Record that somebody saw something.

    A deliberate look is recorded when it begins (with no seconds), so that a browser that goes away leaves a trace, and
    again as it goes on, all under one `NewView.reveal`. Each row says what is new since the one before.

    Args:
        connection: Of `Database.write`.
        view: What was seen; `NewView.seconds` as the server measured it.
        now: When it is recorded.

    Raises:
        InvalidView: It cannot have happened, or the submission is not in that case.
    """
    check_view(view)
    if view.reveal is not None and not 1 <= len(view.reveal) <= _REVEAL_LENGTH:
        raise InvalidView(f"the name of its reveal has no 1 to {_REVEAL_LENGTH} characters")
    media = _media_facts(connection, view.case_id, view.submission_id)
    own = [each.view for each in list_views(connection, view.submission_id, user_id=view.user_id)]
    is_complete = view.form is Form.FULL and was_viewed_in_full([*own, view], media)
    row = connection.execute(
        insert(views)
        .values(
            case_id=view.case_id,
            submission_id=view.submission_id,
            user_id=view.user_id,
            form=view.form,
            reveal=view.reveal,
            started_at=view.started_at,
            recorded_at=now,
            seconds=view.seconds,
            intervals=canonical_json([list(each) for each in view.intervals]),
            is_entire=view.is_entire,
            share=share_seen(view, media),
            is_complete=is_complete,
        )
        .returning(*views.c)
    ).one()
    append(
        connection,
        actor=f"user:{view.user_id}",
        action="view.recorded",
        subject_type="submission",
        subject_id=view.submission_id,
        details={
            "view": row.id,
            "case": view.case_id,
            "form": view.form,
            "seconds": round(view.seconds, 3),
            "share": round(row.share, 4),
            "is_complete": is_complete,
        },
        now=now,
    )
    return _view(row)


def _media_facts(connection: Connection, case_id: int, submission_id: int) -> MediaFacts:
    row = connection.execute(
        select(submissions.c.duration_s)
        .join(case_items, case_items.c.submission_id == submissions.c.id)
        .where(submissions.c.id == submission_id, case_items.c.case_id == case_id)
    ).first()
    if row is None:
        raise InvalidView("the submission is not in that case")
    return MediaFacts(row.duration_s)


def list_views(connection: Connection, submission_id: int, *, user_id: int | None = None) -> list[View]:
    """List the views of a submission in their order, in whatever case, those of one user if asked for."""
    statement = select(views).where(views.c.submission_id == submission_id).order_by(views.c.id)
    if user_id is not None:
        statement = statement.where(views.c.user_id == user_id)
    return [_view(row) for row in connection.execute(statement)]


def case_views(connection: Connection, case_id: int, *, after: int = 0, limit: int = 100) -> list[View]:
    """List what was seen in one case, by anybody, in its order.

    Args:
        connection: An open connection.
        case_id: The case.
        after: Only those with a greater id: the last of the page before.
        limit: Most views.
    """
    statement = select(views).where(views.c.case_id == case_id, views.c.id > after).order_by(views.c.id).limit(limit)
    return [_view(row) for row in connection.execute(statement)]


def views_of(connection: Connection, submission_ids: Collection[int], *, limit: int = 500) -> list[View]:
    """List the latest views of several submissions, in whatever case, the latest first, with one query."""
    rows = connection.execute(
        select(views).where(views.c.submission_id.in_(sorted(submission_ids))).order_by(views.c.id.desc()).limit(limit)
    )
    return [_view(row) for row in rows]


def views_under(connection: Connection, reveal: str, *, user_id: int, since: datetime) -> list[View]:
    """List the views of one deliberate look of a user, in their order.

    Args:
        connection: An open connection.
        reveal: The look.
        user_id: Whose.
        since: It began no earlier: what the index of views goes by.
    """
    statement = (
        select(views)
        .where(views.c.user_id == user_id, views.c.started_at >= since, views.c.reveal == reveal)
        .order_by(views.c.id)
    )
    return [_view(row) for row in connection.execute(statement)]


class Seen(NamedTuple):
    """What may be said in a report about who has seen a submission.

    Attributes:
        is_viewed: Whether one of us has seen the media in full.
        is_exif_viewed: Whether one of us has opened what the file says about itself.
    """

    is_viewed: bool
    is_exif_viewed: bool


def seen_by_us(connection: Connection, submission_id: int) -> Seen:
    """Derive from the views, and nothing else, what was seen of a submission."""
    duration_s = connection.execute(
        select(submissions.c.duration_s).where(submissions.c.id == submission_id)
    ).scalar_one()
    found = [each.view for each in list_views(connection, submission_id)]
    return Seen(is_viewed=was_viewed_in_full(found, MediaFacts(duration_s)), is_exif_viewed=was_exif_viewed(found))


def count_exposures(connection: Connection, user_id: int, *, since: datetime) -> int:
    """Count how often somebody has had media before them in full: each reveal once, however many rows it has."""
    own = (views.c.user_id == user_id) & (views.c.form == Form.FULL) & (views.c.started_at >= since)
    named = connection.execute(select(func.count(distinct(views.c.reveal))).where(own)).scalar_one()
    unnamed = connection.execute(select(func.count()).where(own, views.c.reveal.is_(None))).scalar_one()
    return int(named) + int(unnamed)


def _view(row: AnyRow) -> View:
    seen = NewView(
        row.case_id,
        row.submission_id,
        row.user_id,
        Form(row.form),
        row.started_at,
        row.seconds,
        tuple((begin, end) for begin, end in json.loads(row.intervals)),
        row.is_entire,
        row.reveal,
    )
    return View(row.id, seen, row.share, row.is_complete)
