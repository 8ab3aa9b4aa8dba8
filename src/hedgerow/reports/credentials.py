"""The authority's credentials: sealed, written and never read back by anybody, one pair for each of its systems.

Where the authority refuses them, everything of that system stops, and alarms once; a person enters others, or says that
these are mended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from hedgerow.audit import append
from hedgerow.database.sealing import Place
from hedgerow.errors import AuthorityNotReady, CredentialsRefused
from hedgerow.reports.tables import report_credentials

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.reports.filing_model import Environment

__all__ = [
    "Credentials",
    "CredentialsStanding",
    "open_credentials",
    "resume_environment",
    "set_credentials",
    "standing_of",
    "stop_environment",
]

_LONGEST: Final = 200
# What stands in a new row until its number is known, to which both secrets are bound.
_NOT_YET: Final = b""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens one system of an authority. It knows for which, and is refused everywhere else.

    Attributes:
        authority: Of whom.
        environment: Of which of its systems.
        username: The one half.
        password: The other.
    """

    authority: str
    environment: Environment
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CredentialsStanding:
    """What anybody may know of credentials.

    Attributes:
        authority: Of whom.
        environment: Of which of its systems.
        set_by: Who entered them; None where there are none.
        set_at: When.
        stopped_at: Since when nothing is sent with them, because they were refused.
        stopped_reason: With which code.
    """

    authority: str
    environment: Environment
    set_by: str | None = None
    set_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_reason: str | None = None


def set_credentials(
    connection: Connection,
    authority: str,
    environment: Environment,
    username: str,
    password: str,
    *,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> CredentialsStanding:
    """Enter credentials in the place of those that were there. What they stopped goes on.

    Raises:
        CredentialsRefused: One of them cannot be any.
    """
    if not username or ":" in username or not username.isprintable() or len(username) > _LONGEST:
        raise CredentialsRefused("a user name is a printable text without a colon (RFC 7617)")
    if not password or not password.isprintable() or len(password) > _LONGEST:
        raise CredentialsRefused("a password is a printable text")
    at = _at(authority, environment)
    number = connection.execute(select(report_credentials.c.id).where(*at).with_for_update()).scalar()
    values: dict[str, object] = {"set_by": actor, "set_at": now, "stopped_at": None, "stopped_reason": None}
    if number is None:
        new = {"authority": authority, "environment": str(environment), "username": _NOT_YET, "password": _NOT_YET}
        number = connection.execute(
            insert(report_credentials).values({**values, **new}).returning(report_credentials.c.id)
        ).scalar_one()
    values["username"] = keys.seal(username.encode(), _place("username", number))
    values["password"] = keys.seal(password.encode(), _place("password", number))
    connection.execute(update(report_credentials).where(report_credentials.c.id == number).values(values))
    _record(connection, "credentials_set", authority, environment, actor=actor, now=now)
    return standing_of(connection, authority, environment)


def open_credentials(
    connection: Connection, authority: str, environment: Environment, *, keys: ServiceKeys
) -> Credentials:
    """Open the credentials of a system.

    Raises:
        AuthorityNotReady: There are none, or they were refused.
        SealBroken: No service key of ours sealed them.
    """
    row = connection.execute(select(report_credentials).where(*_at(authority, environment))).one_or_none()
    if row is None:
        problem = f"Enter its credentials: `hedgerow report credentials {authority} --environment {environment}`."
        raise AuthorityNotReady(authority, environment, problem, "no_credentials")
    if row.stopped_at is not None:
        problem = (
            f"It refused the credentials ({row.stopped_reason}). Enter others, or say that they are mended: "
            f"`hedgerow report credentials {authority} --environment {environment} --mended`."
        )
        raise AuthorityNotReady(authority, environment, problem, "stopped")
    return Credentials(
        authority,
        environment,
        keys.open(bytes(row.username), _place("username", row.id)).decode(),
        keys.open(bytes(row.password), _place("password", row.id)).decode(),
    )


def standing_of(connection: Connection, authority: str, environment: Environment) -> CredentialsStanding:
    """Say what anybody may know of the credentials of a system."""
    row = connection.execute(select(report_credentials).where(*_at(authority, environment))).one_or_none()
    if row is None:
        return CredentialsStanding(authority, environment)
    return CredentialsStanding(authority, environment, row.set_by, row.set_at, row.stopped_at, row.stopped_reason)


def stop_environment(
    connection: Connection, authority: str, environment: Environment, reason: str, *, now: datetime
) -> bool:
    """Send nothing to a system any more, until a person has looked; return whether it was not so before."""
    found = connection.execute(
        update(report_credentials)
        .where(*_at(authority, environment), report_credentials.c.stopped_at.is_(None))
        .values(stopped_at=now, stopped_reason=reason)
    )
    if not found.rowcount:
        return False
    _record(connection, "stopped", authority, environment, actor="system", now=now, reason=reason)
    return True


def resume_environment(
    connection: Connection, authority: str, environment: Environment, *, actor: str, now: datetime
) -> CredentialsStanding:
    """Say that the credentials of a system are mended: what they stopped goes on."""
    found = connection.execute(
        update(report_credentials)
        .where(*_at(authority, environment), report_credentials.c.stopped_at.is_not(None))
        .values(stopped_at=None, stopped_reason=None)
    )
    if found.rowcount:
        _record(connection, "resumed", authority, environment, actor=actor, now=now)
    return standing_of(connection, authority, environment)


def _at(authority: str, environment: Environment) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return report_credentials.c.authority == authority, report_credentials.c.environment == str(environment)


def _place(column: str, number: int) -> Place:
    return Place("report_credentials", column, number)


def _record(
    connection: Connection,
    what: str,
    authority: str,
    environment: Environment,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    details = {"environment": str(environment)} | ({} if reason is None else {"reason": reason})
    append(
        connection,
        actor=actor,
        action=f"report.{what}",
        subject_type="authority",
        subject_id=authority,
        details=details,
        now=now,
    )
