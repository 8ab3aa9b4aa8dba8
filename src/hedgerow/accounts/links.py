"""Make and use one-time links. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from hedgerow.accounts.changes import take_change
from hedgerow.accounts.finding import find_user_by_id, has_users
from hedgerow.accounts.model import LinkPurpose, NewLink, OneTimeLink, Role
from hedgerow.accounts.records import create_user, set_password
from hedgerow.accounts.tables import one_time_links
from hedgerow.accounts.tokens import digest_of, new_token
from hedgerow.audit import append
from hedgerow.errors import LinkRefused, UsersExist

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.accounts.model import User

__all__ = ["find_link", "make_first_admin_link", "make_link", "record_refused_link", "use_first_admin_link", "use_link"]


def make_first_admin_link(connection: Connection, *, lifetime_s: float, actor: str, now: datetime) -> NewLink:
    """Make the one link by which the one first admin is made; an older one works no more.

    Raises:
        UsersExist: There is a user already, an admin or not.
    """
    take_change(connection)
    if has_users(connection):
        raise UsersExist
    return _make(connection, LinkPurpose.FIRST_ADMIN, None, lifetime_s, actor, now)


def make_link(
    connection: Connection, user_id: int, purpose: LinkPurpose, *, lifetime_s: float, actor: str, now: datetime
) -> NewLink:
    """Make a link by which a user chooses a password; older ones of the user work no more.

    Raises:
        UserNotFound: There is no such user.
    """
    take_change(connection)
    find_user_by_id(connection, user_id)
    return _make(connection, purpose, user_id, lifetime_s, actor, now)


def _make(
    connection: Connection, purpose: LinkPurpose, user_id: int | None, lifetime_s: float, actor: str, now: datetime
) -> NewLink:
    connection.execute(
        update(one_time_links)
        .where(
            one_time_links.c.user_id.is_(None) if user_id is None else one_time_links.c.user_id == user_id,
            one_time_links.c.used_at.is_(None),
            one_time_links.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    )
    token = new_token()
    row = connection.execute(
        insert(one_time_links)
        .values(
            digest=digest_of(token),
            purpose=str(purpose),
            user_id=user_id,
            created_by=actor,
            created_at=now,
            expires_at=now + timedelta(seconds=lifetime_s),
        )
        .returning(*one_time_links.c)
    ).one()
    link = _link(row)
    _append(connection, "link.created", link, actor, now)
    return NewLink(link, token)


def find_link(connection: Connection, token: str, *, now: datetime) -> OneTimeLink:
    """Find the link that a token proves, while it can be used: for the page that asks for the password.

    Raises:
        LinkRefused: It is none, was used or replaced, or expired; or its user is disabled; or there are users already.
    """
    row = connection.execute(select(one_time_links).where(one_time_links.c.digest == digest_of(token))).first()
    if row is None or row.used_at is not None or row.withdrawn_at is not None or now >= row.expires_at:
        raise LinkRefused
    link = _link(row)
    is_due = not has_users(connection) if link.user_id is None else find_user_by_id(connection, link.user_id).is_active
    if not is_due:
        raise LinkRefused
    return link


def use_link(connection: Connection, token: str, *, password_hash: str, now: datetime) -> User:
    """Give the link's user the password that its holder chose, and use the link up.

    Args:
        connection: Of `Database.write`.
        token: What proves the link.
        password_hash: Of a password that `check_password` let pass.
        now: When.

    Raises:
        LinkRefused: As for `find_link`, or the link is for a first admin.
    """
    take_change(connection)  # of two who use one link at a time, the second finds it used
    link = find_link(connection, token, now=now)
    if link.user_id is None:
        raise LinkRefused
    user = set_password(connection, link.user_id, password_hash, actor=_holder(link), now=now)
    _use_up(connection, link, now)
    return user


def use_first_admin_link(
    connection: Connection, token: str, *, name: str, display_name: str | None, password_hash: str, now: datetime
) -> User:
    """Make the first admin, and use the link up.

    Args:
        connection: Of `Database.write`.
        token: What proves the link.
        name: Of the admin.
        display_name: What others see; None for the name.
        password_hash: Of a password that `check_password` let pass.
        now: When.

    Raises:
        LinkRefused: As for `find_link`, or the link is for somebody else.
        InvalidUserName: The name may not be used; the link still works.
    """
    take_change(connection)
    link = find_link(connection, token, now=now)
    if link.purpose is not LinkPurpose.FIRST_ADMIN:
        raise LinkRefused
    user = create_user(
        connection,
        name,
        roles=[Role.ADMIN],
        display_name=display_name,
        password_hash=password_hash,
        actor=_holder(link),
        now=now,
    )
    _use_up(connection, link, now)
    return user


def record_refused_link(connection: Connection, *, now: datetime) -> None:
    """Record that somebody came with a link that does not work, in a transaction of its own."""
    append(
        connection,
        actor="anonymous",
        action="link.refused",
        subject_type="link",
        subject_id=None,
        details={},
        now=now,
    )


def _use_up(connection: Connection, link: OneTimeLink, now: datetime) -> None:
    connection.execute(update(one_time_links).where(one_time_links.c.id == link.id).values(used_at=now))
    _append(connection, "link.used", link, _holder(link), now)


def _holder(link: OneTimeLink) -> str:
    """Name who holds a link, as an actor: nobody knows more of them."""
    return f"link:{link.id}"


def _link(row: Row[*tuple[Any, ...]]) -> OneTimeLink:
    return OneTimeLink(row.id, LinkPurpose(row.purpose), row.user_id, row.expires_at)


def _append(connection: Connection, action: str, link: OneTimeLink, actor: str, now: datetime) -> None:
    append(
        connection,
        actor=actor,
        action=action,
        subject_type="link",
        subject_id=str(link.id),
        details={"purpose": str(link.purpose), "user": link.user_id},
        now=now,
    )
