"""Look after users and keys for a door; judge logins for the doors that have them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from hedgerow.accounts import ApiKey, LoggedIn, NewKey, NewLink, User
    from hedgerow.accounts.model import LoginPolicy, SessionPolicy
    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = [
    "accept_first_admin",
    "accept_link",
    "add_key",
    "add_user",
    "change_password",
    "change_user_roles",
    "first_admin_link",
    "list_keys",
    "list_users",
    "log_in",
    "login_policy",
    "reseal_secrets",
    "reset_user",
    "revoke_key",
    "rotate_service_key",
    "session_policy",
    "switch_user",
]

# Whoever can run commands on the machine has everything on it: the command line asks for no login.
_ACTOR = "cli"


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def login_policy(settings: Settings) -> LoginPolicy:
    """Return when a user is locked out, as the accounts room takes it."""
    from hedgerow.accounts import LoginPolicy

    said = settings.accounts
    return LoginPolicy(said.login_attempts, said.lock_s, said.longest_lock_s)


def session_policy(settings: Settings) -> SessionPolicy:
    """Return how long a session lives, as the accounts room takes it."""
    from hedgerow.accounts import SessionPolicy

    return SessionPolicy(settings.accounts.session_idle_s, settings.accounts.session_lifetime_s)


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_user(
    settings: Settings,
    name: str,
    *,
    roles: Sequence[str],
    display_name: str | None = None,
    password: str | None = None,
) -> tuple[User, NewLink | None]:
    """Add a user with a password, or with an invitation by which the user chooses one."""
    from hedgerow import accounts
    from hedgerow.accounts import LinkPurpose, Role

    given = [Role(role) for role in roles]
    hashed = None if password is None else _hash_checked(password, name)
    with _database(settings) as database, database.write() as connection:
        at = now()
        user = accounts.create_user(
            connection,
            name,
            roles=given,
            display_name=display_name,
            password_hash=hashed,
            actor=_ACTOR,
            now=at,
        )
        if hashed is not None:
            return user, None
        link = accounts.make_link(
            connection,
            user.id,
            LinkPurpose.INVITATION,
            lifetime_s=settings.accounts.invitation_s,
            actor=_ACTOR,
            now=at,
        )
        return user, link


def _hash_checked(password: str, name: str) -> str:
    from hedgerow.accounts import check_password, hash_password
    from hedgerow.accounts.rules import check_user_name

    return hash_password(check_password(password, check_user_name(name)))


def list_users(settings: Settings) -> list[User]:
    """List the users; none where there is no database yet."""
    from hedgerow import accounts
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            return accounts.list_users(connection)
    finally:
        database.close()


def change_user_roles(settings: Settings, name: str, roles: Sequence[str]) -> User:
    """Give a user exactly these roles."""
    from hedgerow import accounts
    from hedgerow.accounts import Role

    with _database(settings) as database, database.write() as connection:
        user = accounts.find_user(connection, name)
        return accounts.change_roles(connection, user.id, [Role(role) for role in roles], actor=_ACTOR, now=now())


def switch_user(settings: Settings, name: str, *, is_active: bool) -> User:
    """Let a user log in, or no more."""
    from hedgerow import accounts

    with _database(settings) as database, database.write() as connection:
        user = accounts.find_user(connection, name)
        switch = accounts.enable_user if is_active else accounts.disable_user
        return switch(connection, user.id, actor=_ACTOR, now=now())


def reset_user(settings: Settings, name: str, *, without_totp: bool = False) -> tuple[User, NewLink]:
    """Make a link by which a user chooses a new password; lift a lock; on demand forget a lost authenticator."""
    from hedgerow import accounts
    from hedgerow.accounts import LinkPurpose

    with _database(settings) as database, database.write() as connection:
        at = now()
        user = accounts.find_user(connection, name)
        link = accounts.make_link(
            connection,
            user.id,
            LinkPurpose.PASSWORD_RESET,
            lifetime_s=settings.accounts.link_s,
            actor=_ACTOR,
            now=at,
        )
        user = accounts.unlock_user(connection, user.id, actor=_ACTOR, now=at)
        if without_totp:
            user = accounts.remove_totp(connection, user.id, actor=_ACTOR, now=at)
        return user, link


def first_admin_link(settings: Settings) -> NewLink:
    """Make the link by which the first admin is made; refused where there is any user."""
    from hedgerow import accounts

    with _database(settings) as database, database.write() as connection:
        return accounts.make_first_admin_link(connection, lifetime_s=settings.accounts.link_s, actor=_ACTOR, now=now())


# ── what a door with logins asks for; it keeps its database open ─────────────────────────────────────────────────


def log_in(
    settings: Settings, database: Database, name: str, password: str, code: str | None = None, *, at: datetime
) -> LoggedIn:
    """Log somebody in by name, password and, where it is set up, a code.

    The attempt is counted in one transaction and judged in another; the password is looked at between them, where it
    keeps nobody waiting. Whatever the name is, the same calls are made.

    Raises:
        LoginRefused: Something was wrong, or there were too many attempts; it does not tell which.
        SecondFactorNeeded: The password is right and a code is needed.
    """
    from hedgerow import accounts
    from hedgerow.database.sealing import load_service_keys
    from hedgerow.errors import HedgerowError

    dummy = accounts.dummy_hash()
    with database.write() as connection:
        attempt = accounts.begin_login(connection, name, dummy_hash=dummy, policy=login_policy(settings), now=at)
    check = accounts.verify_password(attempt.password_hash, password, is_refused_anyway=attempt.refusal is not None)
    stated = settings.service_key.get_secret_value() if settings.service_key else None
    with database.write() as connection:
        outcome = accounts.finish_login(
            connection,
            attempt,
            check,
            code=code,
            service_keys=lambda: load_service_keys(settings.data, stated),
            policy=session_policy(settings),
            now=at,
        )
    if isinstance(outcome, HedgerowError):  # committed first, so that it is counted
        raise outcome
    return outcome


def change_password(database: Database, user: User, password: str, *, actor: str, at: datetime) -> User:
    """Change a user's password, and end the user's sessions.

    Raises:
        PasswordRefused: It may not be used.
    """
    from hedgerow import accounts

    hashed = _hash_checked(password, user.name)
    with database.write() as connection:
        return accounts.set_password(connection, user.id, hashed, actor=actor, now=at)


def accept_link(database: Database, token: str, password: str, *, at: datetime) -> User:
    """Give the user of an invitation or a reset the password that was chosen.

    Raises:
        LinkRefused: The link is none, was used or replaced, or expired.
        PasswordRefused: The password may not be used; the link still works.
    """
    from hedgerow import accounts
    from hedgerow.errors import LinkRefused

    with _recording_refusals(database, at):
        with database.read() as connection:
            link = accounts.find_link(connection, token, now=at)
            if link.user_id is None:
                raise LinkRefused
            name = accounts.find_user_by_id(connection, link.user_id).name
        hashed = _hash_checked(password, name)
        with database.write() as connection:
            return accounts.use_link(connection, token, password_hash=hashed, now=at)


def accept_first_admin(
    database: Database, token: str, name: str, password: str, *, display_name: str | None = None, at: datetime
) -> User:
    """Make the first admin.

    Raises:
        LinkRefused: The link is none, was used or replaced, or expired, or there are users.
        InvalidUserName: The name may not be used; the link still works.
        PasswordRefused: The password may not be used; the link still works.
    """
    from hedgerow import accounts

    with _recording_refusals(database, at):
        with database.read() as connection:
            accounts.find_link(connection, token, now=at)  # before a stranger makes us hash anything
        hashed = _hash_checked(password, name)
        with database.write() as connection:
            return accounts.use_first_admin_link(
                connection, token, name=name, display_name=display_name, password_hash=hashed, now=at
            )


@contextmanager
def _recording_refusals(database: Database, at: datetime) -> Iterator[None]:
    from hedgerow import accounts
    from hedgerow.errors import LinkRefused

    try:
        yield
    except LinkRefused:
        with database.write() as connection:
            accounts.record_refused_link(connection, now=at)
        raise


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_key(
    settings: Settings,
    name: str,
    *,
    scopes: Sequence[str],
    namespace: str = "",
    requests_per_minute: int | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """Make an API key."""
    from hedgerow import accounts

    with _database(settings) as database, database.write() as connection:
        return accounts.create_key(
            connection,
            name,
            scopes=scopes,
            namespace=namespace,
            requests_per_minute=requests_per_minute,
            expires_at=expires_at,
            actor=_ACTOR,
            now=now(),
        )


def list_keys(settings: Settings) -> list[ApiKey]:
    """List the API keys, revoked ones too; none where there is no database yet."""
    from hedgerow import accounts
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            return accounts.list_keys(connection)
    finally:
        database.close()


def revoke_key(settings: Settings, key_id: int) -> ApiKey:
    """Revoke an API key for good."""
    from hedgerow import accounts

    with _database(settings) as database, database.write() as connection:
        return accounts.revoke_key(connection, key_id, actor=_ACTOR, now=now())


# ── the service key ──────────────────────────────────────────────────────────────────────────────────────────────


def rotate_service_key(settings: Settings) -> int:
    """Put a new service key before the old ones and seal every secret with it; return how many were sealed anew.

    Where the setting ``service_key`` names the keys, nothing is made: name a new one first there, and everything is
    sealed with that.
    """
    from hedgerow.database.sealing import add_service_key

    if settings.service_key is None:
        add_service_key(settings.data)
    return reseal_secrets(settings)


def reseal_secrets(settings: Settings) -> int:
    """Seal every secret that an older service key sealed with the newest one; return how many there were.

    Data keys of evidence that are wrapped under what follows from an older service key are wrapped anew, too.
    """
    import hedgerow.migrations.env  # noqa: F401  (loads the tables of all rooms)
    from hedgerow import audit, evidence
    from hedgerow.database.sealing import load_service_keys, reseal

    stated = settings.service_key.get_secret_value() if settings.service_key else None
    keys = load_service_keys(settings.data, stated)
    with _database(settings) as database, database.write() as connection:
        count = reseal(connection, keys)
        if evidence.list_evidence(connection, state=evidence.EvidenceState.KEPT, limit=1):
            count += evidence.rewrap_evidence(
                connection, evidence.load_review_keys(settings), actor=_ACTOR, now=now()
            ).done
        audit.append(
            connection,
            actor=_ACTOR,
            action="service_key.rotated",
            subject_type="service_key",
            subject_id=keys.newest_id.hex(),
            details={"secrets": count},
            now=now(),
        )
        return count
