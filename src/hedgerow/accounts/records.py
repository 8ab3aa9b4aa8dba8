"""Add and change users and their roles. The first argument is an open connection; the caller commits.

Every change appends its line to the audit chain, once it holds the locks of its rows (see `hedgerow.audit.append`). A
password comes here hashed, since hashing takes its time (`hedgerow.accounts.passwords`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from hedgerow.accounts.changes import take_change
from hedgerow.accounts.finding import find_user_by_id, user_of
from hedgerow.accounts.model import Role
from hedgerow.accounts.rules import (
    check_display_name,
    check_identity,
    check_last_admin,
    check_role_change,
    check_roles,
    check_user_name,
)
from hedgerow.accounts.sessions import end_sessions_of
from hedgerow.accounts.tables import recovery_codes, user_roles, users
from hedgerow.audit import append
from hedgerow.errors import UserExists

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts.model import Permission, User

__all__ = [
    "change_roles",
    "create_user",
    "disable_user",
    "enable_user",
    "link_oidc",
    "record_denial",
    "remove_totp",
    "set_password",
    "unlink_oidc",
    "unlock_user",
]


# ── adding and changing ──────────────────────────────────────────────────────────────────────────────────────────


def create_user(
    connection: Connection,
    name: str,
    *,
    roles: Iterable[Role],
    display_name: str | None = None,
    password_hash: str | None = None,
    actor: str,
    now: datetime,
) -> User:
    """Add a user; without a password, one comes by a link or by OIDC.

    Raises:
        InvalidUserName: The name may not be used.
        InvalidDisplayName: What others are to see may not.
        RoleRefused: The roles may not be given.
        UserExists: Somebody has the name.
    """
    small = check_user_name(name)
    shown = check_display_name(small if display_name is None else display_name)
    given = check_roles(roles)
    take_change(connection)
    if connection.execute(select(users.c.id).where(users.c.name == small)).first() is not None:
        raise UserExists
    row = connection.execute(
        insert(users)
        .values(
            name=small,
            display_name=shown,
            password_hash=password_hash,
            is_active=True,
            failed_logins=0,
            created_at=now,
        )
        .returning(*users.c)
    ).one()
    _insert_roles(connection, row.id, given)
    _append(connection, "user.created", row.id, actor, now, roles=sorted(given))
    return user_of(row, given)


def change_roles(connection: Connection, user_id: int, roles: Iterable[Role], *, actor: str, now: datetime) -> User:
    """Give a user exactly these roles; they hold from the next request on.

    Raises:
        UserNotFound: There is no such user.
        RoleRefused: They may not be given, or are the actor's own.
        LastAdmin: Nobody would be left to look after accounts.
    """
    given = check_roles(roles)
    take_change(connection)
    user = find_user_by_id(connection, user_id)
    check_role_change(actor, user.actor)
    _check_last_admin(connection, user, is_active=user.is_active, roles=given)
    connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
    _insert_roles(connection, user_id, given)
    if given != user.roles:
        _append(connection, "user.roles_changed", user_id, actor, now, roles=sorted(given), before=sorted(user.roles))
    return find_user_by_id(connection, user_id)


def disable_user(connection: Connection, user_id: int, *, actor: str, now: datetime) -> User:
    """Let a user log in no more, and end the user's sessions.

    Raises:
        UserNotFound: There is no such user.
        LastAdmin: Nobody would be left to look after accounts.
    """
    take_change(connection)
    user = find_user_by_id(connection, user_id)
    _check_last_admin(connection, user, is_active=False, roles=user.roles)
    connection.execute(update(users).where(users.c.id == user_id).values(is_active=False))
    end_sessions_of(connection, user_id, reason="disabled", actor=actor, now=now)
    if user.is_active:
        _append(connection, "user.disabled", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def enable_user(connection: Connection, user_id: int, *, actor: str, now: datetime) -> User:
    """Let a user log in again. Nobody enables themselves, since who is disabled cannot ask.

    Raises:
        UserNotFound: There is no such user.
    """
    take_change(connection)
    user = find_user_by_id(connection, user_id)
    if not user.is_active:
        connection.execute(update(users).where(users.c.id == user_id).values(is_active=True))
        _append(connection, "user.enabled", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def set_password(connection: Connection, user_id: int, password_hash: str, *, actor: str, now: datetime) -> User:
    """Change a user's password, end all the user's sessions, and forget failed logins.

    Args:
        connection: Of `Database.write`.
        user_id: Whose.
        password_hash: Of a password that `check_password` let pass.
        actor: Who changes it.
        now: When.

    Raises:
        UserNotFound: There is no such user.
    """
    take_change(connection)
    user = find_user_by_id(connection, user_id)
    connection.execute(
        update(users)
        .where(users.c.id == user.id)
        .values(password_hash=password_hash, failed_logins=0, locked_until=None)
    )
    end_sessions_of(connection, user_id, reason="password", actor=actor, now=now)
    _append(connection, "user.password_changed", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def unlock_user(connection: Connection, user_id: int, *, actor: str, now: datetime) -> User:
    """Forget a user's failed logins, and the lock that came of them.

    Raises:
        UserNotFound: There is no such user.
    """
    user = find_user_by_id(connection, user_id)
    connection.execute(update(users).where(users.c.id == user_id).values(failed_logins=0, locked_until=None))
    if user.locked_until is not None and user.locked_until > now:
        _append(connection, "user.unlocked", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def remove_totp(connection: Connection, user_id: int, *, actor: str, now: datetime) -> User:
    """Ask a user for no code any more: the authenticator is lost, and the recovery codes with it.

    Raises:
        UserNotFound: There is no such user.
    """
    user = find_user_by_id(connection, user_id)
    connection.execute(update(users).where(users.c.id == user_id).values(totp_secret=None, totp_counter=None))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    if user.has_totp:
        _append(connection, "user.totp_removed", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def link_oidc(connection: Connection, user_id: int, issuer: str, subject: str, *, actor: str, now: datetime) -> User:
    """Let whom an issuer calls by this subject log in as this user.

    Raises:
        UserNotFound: There is no such user.
        UserExists: Another user is linked to it.
        InvalidIdentity: It cannot be kept.
    """
    check_identity(issuer, subject)
    take_change(connection)
    find_user_by_id(connection, user_id)
    is_linked = (users.c.oidc_issuer == issuer) & (users.c.oidc_subject == subject)
    other = connection.execute(select(users.c.id).where(is_linked, users.c.id != user_id)).first()
    if other is not None:
        raise UserExists
    connection.execute(update(users).where(users.c.id == user_id).values(oidc_issuer=issuer, oidc_subject=subject))
    _append(connection, "user.oidc_linked", user_id, actor, now)
    return find_user_by_id(connection, user_id)


def unlink_oidc(connection: Connection, user_id: int, *, actor: str, now: datetime) -> User:
    """Let nobody log in as this user through an issuer any more, and end the user's sessions.

    Raises:
        UserNotFound: There is no such user.
    """
    take_change(connection)
    user = find_user_by_id(connection, user_id)
    if user.oidc_issuer is not None:
        connection.execute(update(users).where(users.c.id == user_id).values(oidc_issuer=None, oidc_subject=None))
        end_sessions_of(connection, user_id, reason="oidc", actor=actor, now=now)
        _append(connection, "user.oidc_unlinked", user_id, actor, now)
    return find_user_by_id(connection, user_id)


# ── denials ──────────────────────────────────────────────────────────────────────────────────────────────────────


def record_denial(connection: Connection, *, actor: str, permission: Permission, place: str, now: datetime) -> None:
    """Record that somebody asked for what they may not do.

    Args:
        connection: Of a `Database.write` of its own, since what was asked for is not done.
        actor: Who.
        permission: What was lacking.
        place: Where, as the pattern of a route (``/cases/{case}``), so that it holds nobody's words.
        now: When.
    """
    append(
        connection,
        actor=actor,
        action="access.denied",
        subject_type="permission",
        subject_id=str(permission),
        details={"place": place[:500]},
        now=now,
    )


def _insert_roles(connection: Connection, user_id: int, roles: Iterable[Role]) -> None:
    connection.execute(insert(user_roles), [{"user_id": user_id, "role": str(role)} for role in sorted(roles)])


def _check_last_admin(connection: Connection, user: User, *, is_active: bool, roles: frozenset[Role]) -> None:
    others = connection.execute(
        select(func.count())
        .select_from(users.join(user_roles, user_roles.c.user_id == users.c.id))
        .where(users.c.is_active, user_roles.c.role == str(Role.ADMIN), users.c.id != user.id)
    ).scalar_one()
    check_last_admin(
        was_active_admin=user.is_active and Role.ADMIN in user.roles,
        is_active_admin=is_active and Role.ADMIN in roles,
        other_active_admins=int(others),
    )


def _append(connection: Connection, action: str, user_id: int, actor: str, now: datetime, **details: object) -> None:
    append(
        connection,
        actor=actor,
        action=action,
        subject_type="user",
        subject_id=str(user_id),
        details=details,  # type: ignore[arg-type]  # words and lists of words
        now=now,
    )
