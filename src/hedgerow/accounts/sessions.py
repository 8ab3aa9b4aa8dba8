"""Begin, find and end sessions. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select, update

from hedgerow.accounts.changes import take_change
from hedgerow.accounts.finding import find_user_by_id
from hedgerow.accounts.model import LoggedIn, Session
from hedgerow.accounts.rules import is_session_over, permissions_of
from hedgerow.accounts.tables import sessions
from hedgerow.accounts.tokens import digest_of, new_token
from hedgerow.audit import append
from hedgerow.errors import SessionEnded

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts.model import SessionPolicy, User

__all__ = [
    "begin_session",
    "end_lapsed_sessions",
    "end_session",
    "end_sessions_of",
    "find_session",
    "is_worth_noting",
    "list_sessions",
    "note_request",
]

# A request is noted when the last noted one is older: one write a minute and user, not one a request.
_NOTED_EVERY = timedelta(seconds=60)


def begin_session(connection: Connection, user: User, *, policy: SessionPolicy, how: str, now: datetime) -> LoggedIn:
    """Begin a session of a user whose login was accepted.

    Args:
        connection: Of `Database.write`.
        user: Who, as just found in this transaction.
        policy: How long it lives.
        how: By what the user proved it: ``password``, ``password+totp``, ``password+recovery_code``, ``oidc``.
        now: When.
    """
    token = new_token()
    row = connection.execute(
        insert(sessions)
        .values(
            token_digest=digest_of(token),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=policy.lifetime_s),
        )
        .returning(sessions.c.id, sessions.c.expires_at)
    ).one()
    append(
        connection,
        actor=user.actor,
        action="login.accepted",
        subject_type="user",
        subject_id=str(user.id),
        details={"session": row.id, "how": how},
        now=now,
    )
    return LoggedIn(Session(row.id, user, now, now, row.expires_at, permissions_of(user.roles)), token)


def find_session(connection: Connection, token: str, *, policy: SessionPolicy, now: datetime) -> Session:
    """Find the session that a token proves, with the user and the roles of this moment.

    Raises:
        SessionEnded: There is none, or it is over, or the user was disabled.
    """
    row = connection.execute(select(sessions).where(sessions.c.token_digest == digest_of(token))).first()
    if row is None or row.ended_at is not None:
        raise SessionEnded
    if is_session_over(now, last_seen_at=row.last_seen_at, expires_at=row.expires_at, policy=policy):
        raise SessionEnded
    user = find_user_by_id(connection, row.user_id)
    if not user.is_active:
        raise SessionEnded
    return Session(row.id, user, row.created_at, row.last_seen_at, row.expires_at, permissions_of(user.roles))


def list_sessions(connection: Connection, user_id: int, *, policy: SessionPolicy, now: datetime) -> list[Session]:
    """List a user's sessions that are not over, the one seen last first.

    Raises:
        UserNotFound: There is no such user.
    """
    user = find_user_by_id(connection, user_id)
    permissions = permissions_of(user.roles)
    rows = connection.execute(
        select(sessions)
        .where(
            sessions.c.user_id == user_id,
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > now - timedelta(seconds=policy.idle_s),
        )
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
    )
    return [Session(row.id, user, row.created_at, row.last_seen_at, row.expires_at, permissions) for row in rows]


def is_worth_noting(session: Session, now: datetime) -> bool:
    """Tell whether `note_request` would write: ask before you open a transaction for it."""
    return now - session.last_seen_at >= _NOTED_EVERY


def note_request(connection: Connection, session: Session, *, now: datetime) -> None:
    """Note that the session is in use, so that it does not end for being idle; only ever forwards."""
    connection.execute(
        update(sessions)
        .where(sessions.c.id == session.id, sessions.c.ended_at.is_(None), sessions.c.last_seen_at < now)
        .values(last_seen_at=now)
    )


def end_session(connection: Connection, session: Session, *, now: datetime) -> None:
    """End a session because its user logs out; one that is over already stays what it is."""
    take_change(connection)
    ended = connection.execute(
        update(sessions).where(sessions.c.id == session.id, sessions.c.ended_at.is_(None)).values(ended_at=now)
    )
    if ended.rowcount:
        _append(connection, session.user.id, session.actor, now, reason="logout", sessions=[session.id])


def end_sessions_of(connection: Connection, user_id: int, *, reason: str, actor: str, now: datetime) -> int:
    """End all sessions of a user and return how many there were.

    Args:
        connection: Of `Database.write`; the caller took a change (`hedgerow.accounts.changes`).
        user_id: Whose.
        reason: Why, as a word: ``password``, ``disabled``, ``oidc``.
        actor: Who.
        now: When.
    """
    ended = list(
        connection.execute(
            update(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
            .values(ended_at=now)
            .returning(sessions.c.id)
        ).scalars()
    )
    if ended:
        _append(connection, user_id, actor, now, reason=reason, sessions=sorted(ended)[-_LISTED:])
    return len(ended)


# An audit entry lists no more ids than this; nobody has more sessions at a time, but a program may try.
_LISTED = 100


def end_lapsed_sessions(connection: Connection, *, policy: SessionPolicy, now: datetime) -> int:
    """Write down the end of sessions that are over by age or idleness, and return how many; they are refused anyway."""
    is_lapsed = or_(sessions.c.expires_at <= now, sessions.c.last_seen_at <= now - timedelta(seconds=policy.idle_s))
    ended = connection.execute(
        update(sessions).where(sessions.c.ended_at.is_(None), is_lapsed).values(ended_at=now)
    ).rowcount
    if ended:
        append(
            connection,
            actor="system",
            action="session.lapsed",
            subject_type="session",
            subject_id=None,
            details={"count": ended},
            now=now,
        )
    return ended


def _append(
    connection: Connection, user_id: int, actor: str, now: datetime, *, reason: str, sessions: list[int]
) -> None:
    append(
        connection,
        actor=actor,
        action="session.ended",
        subject_type="user",
        subject_id=str(user_id),
        details={"reason": reason, "sessions": sessions},
        now=now,
    )
