"""Look after evidence for a command: open the database, prove who is there, and hand on to `hedgerow.app.serving`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hedgerow.accounts import Permission, User
    from hedgerow.database import Database
    from hedgerow.evidence import Evidence, EvidenceVerification, Rewrapped
    from hedgerow.settings import Settings

__all__ = [
    "evidence_database",
    "make_custodian",
    "prove",
    "rewrap",
    "verify",
    "write_content",
]


@contextmanager
def evidence_database(settings: Settings) -> Iterator[Database]:
    """Open the database for one command.

    Raises:
        DatabaseUnavailable: There is none: a wrong folder's name would pass for "no evidence".
    """
    from hedgerow.errors import DatabaseUnavailable
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        raise DatabaseUnavailable("there is none in the data folder")
    try:
        yield database
    finally:
        database.close()


def prove(
    settings: Settings,
    database: Database,
    name: str,
    password: Callable[[], str],
    code: Callable[[], str],
    needed: Permission,
) -> User:
    """Find out who sits at this command, by password and code, and whether they may.

    What takes two people is worth nothing where one could type both names. So a command that is half of it asks for a
    login, which counts and is on record like any other; the session ends at once.

    Args:
        settings: The settings.
        database: An open database.
        name: Who it is said to be.
        password: Asks for the password.
        code: Asks for the code of an authenticator, where there is one.
        needed: What they must be allowed.

    Raises:
        LoginRefused: Something was wrong, or there were too many attempts.
        PermissionDenied: It is not for this person; that is on record.
    """
    from hedgerow.accounts import end_session, permissions_of, record_denial
    from hedgerow.app.accounts import log_in
    from hedgerow.errors import PermissionDenied, SecondFactorNeeded

    typed = password()
    try:
        logged_in = log_in(settings, database, name, typed, at=now())
    except SecondFactorNeeded:
        logged_in = log_in(settings, database, name, typed, code(), at=now())
    session = logged_in.session
    with database.write() as connection:
        end_session(connection, session, now=now())
    if needed not in permissions_of(session.user.roles):
        with database.write() as connection:
            record_denial(connection, actor=session.actor, permission=needed, place="command line", now=now())
        raise PermissionDenied(str(needed))
    return session.user


def write_content(
    settings: Settings,
    database: Database,
    request: int,
    number: int,
    *,
    identity: str | None,
    actor: str,
    out: BinaryIO,
) -> int:
    """Write what two people opened, and return how many bytes; see `hedgerow.app.serving.evidence.read_content`."""
    from hedgerow.app.serving.evidence import read_content

    count = 0
    for chunk in read_content(settings, database, request, number, identity=identity, actor=actor).chunks:
        out.write(chunk)
        count += len(chunk)
    return count


def verify(
    settings: Settings,
    database: Database,
    *,
    identity: str | None = None,
    case: str | None = None,
    told: Callable[[Evidence], None] | None = None,
    actor: str = "cli",
) -> EvidenceVerification:
    """Read everything again and compare it with the rows; that it was done, and what came of it, is on record.

    Raises:
        CaseNotFound: There is no such case.
    """
    from hedgerow import evidence
    from hedgerow.audit import append
    from hedgerow.cases import find_case_by_number

    case_id = None
    if case is not None:
        with database.read() as connection:
            case_id = find_case_by_number(connection, case).id
    found = evidence.verify_evidence(
        database,
        evidence.open_vault(settings),
        evidence.load_review_keys(settings),
        identity=identity,
        case_id=case_id,
        told=told,
    )
    with database.write() as connection:
        append(
            connection,
            actor=actor,
            action="evidence.verified",
            subject_type="vault",
            subject_id=None,
            details={"read": found.read, "compared": found.compared, "findings": len(found.findings)},
            now=now(),
        )
    return found


def make_custodian(path: Path) -> str:
    """Draw a custodian's keys, write the identity into a new file that its owner alone can read, return the recipient.

    Raises:
        InvalidCustodian: There is something at that path already, or it cannot be written.
        EvidenceSupportMissing: The package pyrage is not installed.
    """
    from hedgerow import evidence
    from hedgerow.errors import InvalidCustodian

    pair = evidence.new_custodian()
    try:
        evidence.write_identity(path, pair)
    except FileExistsError:
        raise InvalidCustodian("there is a file of that name, and nothing is written over an identity") from None
    except OSError as error:
        raise InvalidCustodian(f"its file cannot be written ({error.strerror})") from None
    return pair.recipient


def rewrap(settings: Settings, database: Database, *, identity: str | None = None, actor: str = "cli") -> Rewrapped:
    """Lock all data keys away anew: under the newest review key, or with an identity to today's custodians.

    Raises:
        InvalidCustodian: There is no custodian, or the text is no identity.
    """
    from hedgerow import evidence

    with database.write() as connection:
        if identity is not None:
            return evidence.reseal_evidence(connection, identity, actor=actor, now=now())
        return evidence.rewrap_evidence(connection, evidence.load_review_keys(settings), actor=actor, now=now())
