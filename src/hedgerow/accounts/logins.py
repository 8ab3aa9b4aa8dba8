"""Judge logins: count them, hold code and password against what is known, begin sessions.

A login by password has three steps, since the second takes a third of a second and must hold no transaction:

1. `begin_login` counts the attempt, in a transaction of its own;
2. `hedgerow.accounts.passwords.verify_password` does the same work whoever is meant;
3. `finish_login` records what came of it, and begins a session.

The first argument is an open connection; the caller commits, a refusal too: it is returned, not raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from hedgerow.accounts.finding import find_user_by_id
from hedgerow.accounts.model import LoginAttempt
from hedgerow.accounts.rules import check_identity, check_user_name, locked_until
from hedgerow.accounts.sessions import begin_session
from hedgerow.accounts.tables import recovery_codes, users
from hedgerow.accounts.tokens import looks_like_recovery_code, new_recovery_codes, recovery_digest
from hedgerow.accounts.totp import counter_of
from hedgerow.audit import append
from hedgerow.database.sealing import Place
from hedgerow.errors import CodeRefused, InvalidIdentity, InvalidUserName, LoginRefused, SecondFactorNeeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.accounts.model import LoginOutcome, LoginPolicy, PasswordCheck, SessionPolicy
    from hedgerow.database.sealing import ServiceKeys

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["begin_login", "finish_confirmation", "finish_login", "log_in_by_oidc", "set_up_totp"]

# The actor of a login that was refused: nobody knows who it was.
_STRANGER = "anonymous"
# A name that nobody has, looked up in the place of what can be no name, so that both take the same way.
_NOBODY = ""


def begin_login(
    connection: Connection, name: str, *, dummy_hash: str, policy: LoginPolicy, now: datetime
) -> LoginAttempt:
    """Count an attempt to log in, and say what the password is to be held against.

    Args:
        connection: Of a short `Database.write`; commit before the password is looked at.
        name: As it was typed.
        dummy_hash: What is given back where there is no password to hold it against.
        policy: When a user is locked out.
        now: When.
    """
    row = connection.execute(select(users).where(users.c.name == _sought(name)).with_for_update()).first()
    if row is None:
        return LoginAttempt(None, dummy_hash, "unknown")
    stored = row.password_hash or dummy_hash
    if not row.is_active:
        return LoginAttempt(row.id, stored, "disabled")
    if row.locked_until is not None and now < row.locked_until:
        return LoginAttempt(row.id, stored, "locked")
    if row.password_hash is None:
        return LoginAttempt(row.id, stored, "no_password")
    failures = row.failed_logins + 1
    lock = locked_until(failures, now, policy)
    connection.execute(update(users).where(users.c.id == row.id).values(failed_logins=failures, locked_until=lock))
    return LoginAttempt(row.id, stored, locked_until=lock)


def _sought(name: str) -> str:
    try:
        return check_user_name(name)
    except InvalidUserName:
        return _NOBODY


def finish_login(
    connection: Connection,
    attempt: LoginAttempt,
    check: PasswordCheck,
    *,
    code: str | None,
    service_keys: Callable[[], ServiceKeys],
    policy: SessionPolicy,
    now: datetime,
) -> LoginOutcome:
    """Record what came of an attempt.

    Args:
        connection: Of `Database.write`.
        attempt: What `begin_login` gave.
        check: What came of holding the password against its hash.
        code: A code of the authenticator, or a recovery code; None if none was typed.
        service_keys: Gives the keys that open the authenticator's secret; asked only if there is one.
        policy: How long the session lives.
        now: When.

    Returns:
        The session; or the error to be raised once this is committed.
    """
    row = connection.execute(select(users).where(users.c.id == (attempt.user_id or 0)).with_for_update()).first()
    factor = _Factor("password")
    refusal = _why_refused(row, attempt, check)
    if refusal is None and row is not None and row.totp_secret is not None:
        if not (code or "").strip():
            _take_back(connection, row, attempt)
            return SecondFactorNeeded()
        factor = _second_factor(connection, row, code or "", service_keys, now)
        refusal = factor.refusal
    if refusal is not None or row is None:
        _record_refusal(connection, attempt, refusal or "unknown", now)
        return LoginRefused()
    values: dict[str, object] = {"failed_logins": 0, "locked_until": None, "last_login_at": now}
    if check.new_hash is not None:
        values["password_hash"] = check.new_hash
    if factor.counter is not None:
        values["totp_counter"] = factor.counter
    connection.execute(update(users).where(users.c.id == row.id).values(values))
    return begin_session(connection, find_user_by_id(connection, row.id), policy=policy, how=factor.how, now=now)


def finish_confirmation(
    connection: Connection, attempt: LoginAttempt, check: PasswordCheck, *, now: datetime
) -> LoginRefused | None:
    """Record what came of asking somebody who is logged in for the password once more: before what outlives a session.

    Failures count like those of logins, so that whoever finds an open browser cannot guess on.

    Args:
        connection: Of `Database.write`.
        attempt: What `begin_login` gave.
        check: What came of holding the password against its hash.
        now: When.

    Returns:
        None where the password is right; else the error to be raised once this is committed.
    """
    row = connection.execute(select(users).where(users.c.id == (attempt.user_id or 0)).with_for_update()).first()
    refusal = _why_refused(row, attempt, check)
    if refusal is not None or row is None:
        _record_refusal(connection, attempt, refusal or "unknown", now)
        return LoginRefused()
    _take_back(connection, row, attempt)
    return None


def _why_refused(row: AnyRow | None, attempt: LoginAttempt, check: PasswordCheck) -> str | None:
    """Say why the login is refused before a code is asked for; what changed since it began counts."""
    if row is None:
        return "unknown"
    if attempt.refusal is not None:
        return attempt.refusal
    if not row.is_active:
        return "disabled"
    if not check.is_right or row.password_hash != attempt.password_hash:
        return "password"
    return None


def _take_back(connection: Connection, row: AnyRow, attempt: LoginAttempt) -> None:
    """Count an attempt as none: its password was right, and the code is still to come."""
    is_own_lock = row.locked_until == attempt.locked_until
    connection.execute(
        update(users)
        .where(users.c.id == row.id)
        .values(failed_logins=max(row.failed_logins - 1, 0), locked_until=None if is_own_lock else row.locked_until)
    )


def _record_refusal(connection: Connection, attempt: LoginAttempt, reason: str, now: datetime) -> None:
    subject_id = None if attempt.user_id is None else str(attempt.user_id)
    append(
        connection,
        actor=_STRANGER,
        action="login.refused",
        subject_type="user",
        subject_id=subject_id,
        details={"reason": reason},
        now=now,
    )
    if attempt.locked_until is not None:
        append(
            connection,
            actor="system",
            action="user.locked",
            subject_type="user",
            subject_id=subject_id,
            details={"until": attempt.locked_until.isoformat()},
            now=now,
        )


# ── the second factor ────────────────────────────────────────────────────────────────────────────────────────────


class _Factor(NamedTuple):
    """By what a login was proved, or why it was not; and the counter of the code that is used up by it."""

    how: str
    counter: int | None = None
    refusal: str | None = None


def _second_factor(
    connection: Connection, row: AnyRow, code: str, service_keys: Callable[[], ServiceKeys], now: datetime
) -> _Factor:
    if looks_like_recovery_code(code):
        used = connection.execute(
            update(recovery_codes)
            .where(
                recovery_codes.c.user_id == row.id,
                recovery_codes.c.digest == recovery_digest(code),
                recovery_codes.c.used_at.is_(None),
            )
            .values(used_at=now)
        ).rowcount
        return _Factor("password+recovery_code", refusal=None if used else "code")
    secret = service_keys().open(bytes(row.totp_secret), _place(row.id)).decode()
    counter = counter_of(secret, code, now=now, last_counter=row.totp_counter)
    return _Factor("password+totp", counter, None if counter is not None else "code")


def set_up_totp(
    connection: Connection,
    user_id: int,
    secret: str,
    code: str,
    *,
    service_keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> list[str]:
    """Ask a user for codes of this authenticator from now on, and return new recovery codes, shown once.

    Args:
        connection: Of `Database.write`.
        user_id: Whose.
        secret: As `hedgerow.accounts.totp.new_secret` drew it and the authenticator took it.
        code: What the authenticator shows: it proves that the secret arrived, and is used up by that.
        service_keys: The first one seals the secret.
        actor: Who.
        now: When.

    Raises:
        UserNotFound: There is no such user.
        CodeRefused: The code does not belong to the secret.
    """
    user = find_user_by_id(connection, user_id)
    counter = counter_of(secret, code, now=now, last_counter=None)
    if counter is None:
        raise CodeRefused
    sealed = service_keys.seal(secret.encode(), _place(user_id))
    connection.execute(update(users).where(users.c.id == user_id).values(totp_secret=sealed, totp_counter=counter))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    codes = new_recovery_codes()
    connection.execute(
        insert(recovery_codes), [{"user_id": user_id, "digest": recovery_digest(each)} for each in codes]
    )
    append(
        connection,
        actor=actor,
        action="user.totp_replaced" if user.has_totp else "user.totp_set_up",
        subject_type="user",
        subject_id=str(user_id),
        details={"recovery_codes": len(codes)},
        now=now,
    )
    return codes


def _place(user_id: int) -> Place:
    return Place("users", "totp_secret", user_id)


# ── OIDC ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def log_in_by_oidc(
    connection: Connection, issuer: str, subject: str, *, policy: SessionPolicy, now: datetime
) -> LoginOutcome:
    """Log in whom an issuer vouches for.

    The issuer's token is checked by the caller. Neither a lock nor a second factor of ours matters here: both guard the
    password, which is not asked for, and the issuer has its own.

    Returns:
        The session; or the error to be raised once this is committed.
    """
    row = _linked(connection, issuer, subject)
    attempt = LoginAttempt(None if row is None else row.id, "")
    if row is None or not row.is_active:
        _record_refusal(connection, attempt, "unknown" if row is None else "disabled", now)
        return LoginRefused()
    connection.execute(update(users).where(users.c.id == row.id).values(last_login_at=now))
    return begin_session(connection, find_user_by_id(connection, row.id), policy=policy, how="oidc", now=now)


def _linked(connection: Connection, issuer: str, subject: str) -> AnyRow | None:
    try:
        check_identity(issuer, subject)
    except InvalidIdentity:
        return None
    return connection.execute(
        select(users).where(users.c.oidc_issuer == issuer, users.c.oidc_subject == subject).with_for_update()
    ).first()
