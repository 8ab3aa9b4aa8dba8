"""Users and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow import accounts
from hedgerow.accounts import LinkPurpose, Role
from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hedgerow.accounts import ApiKey, NewKey, NewLink, User
    from hedgerow.app.service import Service
    from hedgerow.database import Database

__all__ = [
    "add_key",
    "add_user",
    "change_roles",
    "invite_again",
    "list_keys",
    "list_users",
    "make_reset_link",
    "remove_second_factor",
    "revoke_key",
    "show_user",
    "switch_user",
    "unlock_user",
]


def list_users(database: Database, *, after: str | None = None, limit: int) -> list[User]:
    """List the users by name, disabled ones too."""
    with database.read() as connection:
        found = accounts.list_users(connection)
    return [user for user in sorted(found, key=lambda user: user.name) if after is None or user.name > after][:limit]


def show_user(database: Database, number: int) -> User:
    """Return a user.

    Raises:
        UserNotFound: There is nobody of that number.
    """
    with database.read() as connection:
        return accounts.find_user_by_id(connection, number)


def add_user(
    service: Service, name: str, *, roles: Sequence[Role], display_name: str | None = None, actor: str
) -> tuple[User, NewLink]:
    """Add a user, and make the invitation by which they choose a password.

    Raises:
        InvalidUserName: The name may not be used.
        RoleRefused: The roles may not be given.
        UserExists: Somebody has the name.
    """
    with service.database.write() as connection:
        at = now()
        user = accounts.create_user(connection, name, roles=roles, display_name=display_name, actor=actor, now=at)
        link = accounts.make_link(
            connection,
            user.id,
            LinkPurpose.INVITATION,
            lifetime_s=service.settings.accounts.invitation_s,
            actor=actor,
            now=at,
        )
        return user, link


def change_roles(database: Database, number: int, roles: Sequence[Role], *, actor: str) -> User:
    """Give a user exactly these roles; they hold from the next request on.

    Raises:
        UserNotFound: There is nobody of that number.
        RoleRefused: They may not be given, or are the actor's own.
        LastAdmin: Nobody would be left to look after accounts.
    """
    with database.write() as connection:
        return accounts.change_roles(connection, number, roles, actor=actor, now=now())


def switch_user(database: Database, number: int, *, is_active: bool, actor: str) -> User:
    """Let a user log in, or no more.

    Raises:
        UserNotFound: There is nobody of that number.
        LastAdmin: Nobody would be left to look after accounts.
    """
    switch = accounts.enable_user if is_active else accounts.disable_user
    with database.write() as connection:
        return switch(connection, number, actor=actor, now=now())


def make_reset_link(service: Service, number: int, *, without_totp: bool = False, actor: str) -> NewLink:
    """Make a link by which a user chooses a new password; lift a lock; on demand forget a lost authenticator.

    Raises:
        UserNotFound: There is nobody of that number.
    """
    with service.database.write() as connection:
        at = now()
        link = accounts.make_link(
            connection,
            number,
            LinkPurpose.PASSWORD_RESET,
            lifetime_s=service.settings.accounts.link_s,
            actor=actor,
            now=at,
        )
        accounts.unlock_user(connection, number, actor=actor, now=at)
        if without_totp:
            accounts.remove_totp(connection, number, actor=actor, now=at)
        return link


def invite_again(service: Service, number: int, *, actor: str) -> NewLink:
    """Make another invitation for somebody who has chosen no password yet; the one before works no more.

    Raises:
        UserNotFound: There is nobody of that number.
    """
    with service.database.write() as connection:
        return accounts.make_link(
            connection,
            number,
            LinkPurpose.INVITATION,
            lifetime_s=service.settings.accounts.invitation_s,
            actor=actor,
            now=now(),
        )


def unlock_user(database: Database, number: int, *, actor: str) -> User:
    """Let a user try to log in again at once, who was locked out by wrong passwords.

    Raises:
        UserNotFound: There is nobody of that number.
    """
    with database.write() as connection:
        return accounts.unlock_user(connection, number, actor=actor, now=now())


def remove_second_factor(database: Database, number: int, *, actor: str) -> User:
    """Ask a user for no code any more, since the authenticator is lost; the password stays.

    Raises:
        UserNotFound: There is nobody of that number.
    """
    with database.write() as connection:
        return accounts.remove_totp(connection, number, actor=actor, now=now())


def list_keys(database: Database, *, after: int = 0, limit: int) -> list[ApiKey]:
    """List the API keys in the order in which they were made, revoked ones too."""
    with database.read() as connection:
        return [key for key in accounts.list_keys(connection) if key.id > after][:limit]


def add_key(
    database: Database,
    name: str,
    *,
    scopes: Sequence[str],
    namespace: str = "",
    requests_per_minute: int | None = None,
    expires_at: datetime | None = None,
    actor: str,
) -> NewKey:
    """Make an API key; its text is shown this once.

    Raises:
        UnknownScope: A scope is none that a key may have, or there is none.
        InvalidKey: Another of these does not fit.
    """
    with database.write() as connection:
        return accounts.create_key(
            connection,
            name,
            scopes=scopes,
            namespace=namespace,
            requests_per_minute=requests_per_minute,
            expires_at=expires_at,
            actor=actor,
            now=now(),
        )


def revoke_key(database: Database, number: int, *, actor: str) -> ApiKey:
    """Revoke an API key for good. It works nowhere any more within a second.

    Raises:
        KeyNotFound: There is none of that number.
    """
    with database.write() as connection:
        return accounts.revoke_key(connection, number, actor=actor, now=now())
