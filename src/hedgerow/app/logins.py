"""Log people in step by step, and let them look after their own account: for doors that people see.

Each function takes the open database and the service's keys, as a serving process holds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.app.accounts import change_password, login_policy, session_policy
from hedgerow.app.tickets import open_ticket, seal_ticket

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.accounts import LinkPurpose, LoggedIn, Session, User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings

__all__ = [
    "CODE_S",
    "CodeNeeded",
    "OpenLink",
    "begin_totp",
    "change_own_password",
    "confirm_password",
    "end_own_session",
    "end_session",
    "find_own_session",
    "finish_totp",
    "list_own_sessions",
    "log_in_with_code",
    "log_in_with_password",
    "remove_own_totp",
    "show_link",
    "unlink_own_provider",
]

CODE_S: Final = 300.0
"""Seconds for which a right password waits for its code: time to find a telephone, or a printed recovery code."""

_PURPOSE: Final = "login"


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right, and a code is to come.

    Attributes:
        ticket: What the browser sends back with the code.
    """

    ticket: str = field(repr=False)


def log_in_with_password(
    settings: Settings, database: Database, keys: ServiceKeys, name: str, password: str, *, at: datetime
) -> LoggedIn | CodeNeeded:
    """Judge name and password.

    Raises:
        LoginRefused: Something was wrong, or there were too many attempts; it does not tell which.
    """
    from hedgerow import accounts
    from hedgerow.errors import HedgerowError, SecondFactorNeeded

    dummy = accounts.dummy_hash()
    with database.write() as connection:
        attempt = accounts.begin_login(connection, name, dummy_hash=dummy, policy=login_policy(settings), now=at)
    check = accounts.verify_password(attempt.password_hash, password, is_refused_anyway=attempt.refusal is not None)
    with database.write() as connection:
        outcome = accounts.finish_login(
            connection,
            attempt,
            check,
            code=None,
            service_keys=lambda: keys,
            policy=session_policy(settings),
            now=at,
        )
    if isinstance(outcome, SecondFactorNeeded):
        said = {"name": name, "hash": _digest(attempt.password_hash)}
        return CodeNeeded(seal_ticket(keys, _PURPOSE, said, lifetime_s=CODE_S, at=at))
    if isinstance(outcome, HedgerowError):  # committed first, so that it is counted
        raise outcome
    return outcome


def log_in_with_code(
    settings: Settings, database: Database, keys: ServiceKeys, ticket: str, code: str, *, at: datetime
) -> LoggedIn:
    """Judge the code that follows a right password. The password itself is not asked for again, nor kept anywhere.

    Raises:
        SessionEnded: The ticket is none, or its time is over: begin again.
        LoginRefused: The code is wrong, or there were too many attempts, or the password was changed meanwhile.
    """
    from hedgerow import accounts
    from hedgerow.accounts import PasswordCheck
    from hedgerow.errors import HedgerowError, LoginRefused, SessionEnded

    said = open_ticket(keys, _PURPOSE, ticket, at=at)
    if said is None:
        raise SessionEnded
    if not code.strip():
        raise LoginRefused
    with database.write() as connection:
        attempt = accounts.begin_login(connection, said["name"], dummy_hash="", policy=login_policy(settings), now=at)
    is_right = _digest(attempt.password_hash) == said["hash"]
    with database.write() as connection:
        outcome = accounts.finish_login(
            connection,
            attempt,
            PasswordCheck(is_right),
            code=code,
            service_keys=lambda: keys,
            policy=session_policy(settings),
            now=at,
        )
    if isinstance(outcome, HedgerowError):
        raise outcome
    return outcome


def _digest(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()


def confirm_password(settings: Settings, database: Database, user: User, password: str, *, at: datetime) -> None:
    """Ask somebody who is logged in for the password once more.

    Raises:
        LoginRefused: It is wrong, or there were too many attempts.
    """
    from hedgerow import accounts

    dummy = accounts.dummy_hash()
    with database.write() as connection:
        attempt = accounts.begin_login(connection, user.name, dummy_hash=dummy, policy=login_policy(settings), now=at)
    check = accounts.verify_password(attempt.password_hash, password, is_refused_anyway=attempt.refusal is not None)
    with database.write() as connection:
        refused = accounts.finish_confirmation(connection, attempt, check, now=at)
    if refused is not None:
        raise refused


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def find_own_session(settings: Settings, database: Database, token: str, *, at: datetime) -> Session:
    """Find the session that a token proves, and note about once a minute that it is in use.

    Raises:
        SessionEnded: There is none, or it is over, or the user was disabled.
    """
    from hedgerow import accounts

    with database.read() as connection:
        session = accounts.find_session(connection, token, policy=session_policy(settings), now=at)
    if accounts.is_worth_noting(session, at):
        with database.write() as connection:
            accounts.note_request(connection, session, now=at)
    return session


def list_own_sessions(settings: Settings, database: Database, user: User, *, at: datetime) -> list[Session]:
    """List somebody's sessions that are not over."""
    from hedgerow import accounts

    with database.read() as connection:
        return accounts.list_sessions(connection, user.id, policy=session_policy(settings), now=at)


def end_own_session(settings: Settings, database: Database, user: User, number: int, *, at: datetime) -> None:
    """End one of somebody's own sessions; one that is over already, or somebody else's, stays what it is."""
    from hedgerow import accounts

    with database.write() as connection:
        own = accounts.list_sessions(connection, user.id, policy=session_policy(settings), now=at)
        for session in own:
            if session.id == number:
                accounts.end_session(connection, session, now=at)


def end_session(database: Database, session: Session, *, at: datetime) -> None:
    """End a session because its user logs out."""
    from hedgerow import accounts

    with database.write() as connection:
        accounts.end_session(connection, session, now=at)


# ── one's own account ────────────────────────────────────────────────────────────────────────────────────────────


def change_own_password(
    settings: Settings, database: Database, user: User, old: str, new: str, *, at: datetime
) -> None:
    """Change one's own password, which ends all one's sessions, this one too.

    Raises:
        PasswordRefused: The new one may not be used.
        LoginRefused: The old one is wrong, or there were too many attempts.
    """
    from hedgerow.accounts import check_password

    check_password(new, user.name)
    confirm_password(settings, database, user, old, at=at)
    change_password(database, user, new, actor=user.actor, at=at)


def begin_totp(user: User, secret: str | None = None) -> tuple[str, str]:
    """Return a secret for an authenticator, and the address that a QR code shows it as; nothing changes yet.

    Args:
        user: Whose.
        secret: One that was drawn before, to be shown again.
    """
    from hedgerow import accounts

    drawn = accounts.new_secret() if secret is None else secret
    return drawn, accounts.enrolment_address(drawn, user.name)


def finish_totp(
    settings: Settings,
    database: Database,
    keys: ServiceKeys,
    user: User,
    *,
    secret: str,
    code: str,
    password: str,
    at: datetime,
) -> list[str]:
    """Ask a user for codes from now on, and return the recovery codes, which are shown once.

    Raises:
        LoginRefused: The password is wrong, or there were too many attempts.
        CodeRefused: The code does not belong to the secret.
    """
    from hedgerow import accounts

    confirm_password(settings, database, user, password, at=at)
    with database.write() as connection:
        return accounts.set_up_totp(connection, user.id, secret, code, service_keys=keys, actor=user.actor, now=at)


def remove_own_totp(settings: Settings, database: Database, user: User, password: str, *, at: datetime) -> None:
    """Ask a user for no code any more.

    Raises:
        LoginRefused: The password is wrong, or there were too many attempts.
    """
    from hedgerow import accounts

    confirm_password(settings, database, user, password, at=at)
    with database.write() as connection:
        accounts.remove_totp(connection, user.id, actor=user.actor, now=at)


def unlink_own_provider(settings: Settings, database: Database, user: User, password: str, *, at: datetime) -> None:
    """Let nobody log in as this user through a provider any more, which ends all the user's sessions.

    Raises:
        LoginRefused: The password is wrong, or there were too many attempts.
    """
    from hedgerow import accounts

    confirm_password(settings, database, user, password, at=at)
    with database.write() as connection:
        accounts.unlink_oidc(connection, user.id, actor=user.actor, now=at)


# ── one-time links ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A one-time link that can be used.

    Attributes:
        purpose: What it is for.
        expires_at: When it is worth nothing any more.
        user: Whose password it sets; None for the first admin.
    """

    purpose: LinkPurpose
    expires_at: datetime
    user: User | None


def show_link(database: Database, token: str, *, at: datetime) -> OpenLink:
    """Return what a one-time link is for, and leave it as it is.

    Raises:
        LinkRefused: It is none, was used or replaced, or expired.
    """
    from hedgerow import accounts

    with database.read() as connection:
        link = accounts.find_link(connection, token, now=at)
        user = None if link.user_id is None else accounts.find_user_by_id(connection, link.user_id)
    return OpenLink(link.purpose, link.expires_at, user)
