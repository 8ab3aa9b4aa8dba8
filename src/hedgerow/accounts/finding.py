"""Find users and their roles. The first argument is an open connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from hedgerow.accounts.model import Role, User
from hedgerow.accounts.rules import check_user_name
from hedgerow.accounts.tables import user_roles, users
from hedgerow.errors import UserNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import ColumnElement, Connection, Row

__all__ = ["display_names", "find_user", "find_user_by_id", "has_users", "list_users", "roles_of", "user_of"]


def find_user(connection: Connection, name: str) -> User:
    """Find a user by the name that is typed at the login, in any case.

    Raises:
        UserNotFound: Nobody has it.
    """
    return _one(connection, users.c.name == check_user_name(name))


def find_user_by_id(connection: Connection, user_id: int) -> User:
    """Find a user by number.

    Raises:
        UserNotFound: Nobody has it.
    """
    return _one(connection, users.c.id == user_id)


def list_users(connection: Connection) -> list[User]:
    """List the users by name, disabled ones too."""
    roles: dict[int, set[Role]] = {}
    for user_id, role in connection.execute(select(user_roles.c.user_id, user_roles.c.role)):
        roles.setdefault(user_id, set()).add(Role(role))
    rows = connection.execute(select(users).order_by(users.c.name))
    return [user_of(row, roles.get(row.id, ())) for row in rows]


def display_names(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """Return what others see of several users, with one query."""
    if not numbers:
        return {}
    rows = connection.execute(select(users.c.id, users.c.display_name).where(users.c.id.in_(sorted(numbers))))
    return {row.id: row.display_name for row in rows}


def has_users(connection: Connection) -> bool:
    """Tell whether there is any user, disabled ones too."""
    return connection.execute(select(users.c.id).limit(1)).first() is not None


def roles_of(connection: Connection, user_id: int) -> frozenset[Role]:
    """Return a user's roles."""
    rows = connection.execute(select(user_roles.c.role).where(user_roles.c.user_id == user_id)).scalars()
    return frozenset(Role(role) for role in rows)


def user_of(row: Row[*tuple[Any, ...]], roles: Iterable[Role]) -> User:
    """Make a user of a row of the table."""
    return User(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        roles=frozenset(roles),
        is_active=row.is_active,
        has_password=row.password_hash is not None,
        has_totp=row.totp_secret is not None,
        created_at=row.created_at,
        locked_until=row.locked_until,
        last_login_at=row.last_login_at,
        oidc_issuer=row.oidc_issuer,
        oidc_subject=row.oidc_subject,
    )


def _one(connection: Connection, condition: ColumnElement[bool]) -> User:
    row = connection.execute(select(users).where(condition)).first()
    if row is None:
        raise UserNotFound
    return user_of(row, roles_of(connection, row.id))
