"""What somebody has written and not yet decided; it outlives the claim. First argument: an open connection.

Drafts leave no audit line: they are nobody's statement until they are decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from hedgerow.cases.steps import find_case
from hedgerow.cases.tables import case_drafts
from hedgerow.errors import InvalidDecision

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["find_draft", "save_draft"]

_LONGEST: Final = 64 * 1024  # six notes of the longest kind, and what stands beside them


def save_draft(connection: Connection, case_id: int, user_id: int, body: str, *, now: datetime) -> None:
    """Keep what somebody has written about a case, with a claim or without; the latest takes the place of all before.

    Args:
        connection: Of `Database.write`.
        case_id: The case.
        user_id: Who wrote it.
        body: The page's own JSON.
        now: When.

    Raises:
        CaseNotFound: There is no such case.
        InvalidDecision: It is too long, or holds a NUL.
    """
    if len(body) > _LONGEST or "\0" in body:
        raise InvalidDecision(f"the draft has more than {_LONGEST:,} characters, or a NUL")
    find_case(connection, case_id)
    own = (case_drafts.c.case_id == case_id) & (case_drafts.c.user_id == user_id)
    changed = connection.execute(update(case_drafts).where(own).values(body=body, saved_at=now))
    if changed.rowcount == 0:
        connection.execute(insert(case_drafts).values(case_id=case_id, user_id=user_id, body=body, saved_at=now))


def find_draft(connection: Connection, case_id: int, user_id: int) -> str | None:
    """Return what somebody has written about a case, or None."""
    return connection.execute(
        select(case_drafts.c.body).where(case_drafts.c.case_id == case_id, case_drafts.c.user_id == user_id)
    ).scalar()
