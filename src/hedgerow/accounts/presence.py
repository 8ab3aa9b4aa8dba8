"""Who is here. The first argument is an open connection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hedgerow.accounts.tables import sessions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts.model import SessionPolicy

__all__ = ["seen_lately"]


def seen_lately(connection: Connection, *, policy: SessionPolicy, now: datetime) -> dict[int, datetime]:
    """Return when each user with a session that is not over was seen last, to the minute, by the user's number."""
    rows = connection.execute(
        select(sessions.c.user_id, func.max(sessions.c.last_seen_at).label("at"))
        .where(
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > now - timedelta(seconds=policy.idle_s),
        )
        .group_by(sessions.c.user_id)
    )
    return {row.user_id: row.at for row in rows}
