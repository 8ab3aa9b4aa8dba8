"""Who may switch from rehearsal to real reports, and who has.

The rules:

1. Nothing is sent to the authority's real system unless it is *armed*: one person asks for it, another agrees within
   `AGREE_WITHIN`. Both are persons; a program and the command line's ``cli`` are none.
2. In solo mode the same person may agree, with a declaration that is kept, and it holds only `SoloRule.arming_delay`
   later. That it was one person stands in the record for ever.
3. Any one person disarms, at once; who has the command line of the machine does, too.
4. What one person armed holds no longer than solo mode is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hedgerow.audit import append
from hedgerow.errors import ArmingRefused, AuthorityNotReady, PersonNeeded
from hedgerow.reports.filing_model import Arming
from hedgerow.reports.tables import report_arming

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "AGREE_WITHIN",
    "DECLARATION",
    "SoloRule",
    "agree_to_arming",
    "armed",
    "ask_to_arm",
    "check_person",
    "disarm",
    "find_arming",
]

AGREE_WITHIN: Final = timedelta(hours=48)
"""A wish to arm that nobody agrees to is over then: a weekend's absence, and no more."""

DECLARATION: Final = "I work alone, nobody else can check this, and I take responsibility for it."
"""What one person types, word for word, where two would be needed."""


@dataclass(frozen=True, slots=True)
class SoloRule:
    """What one person alone may do.

    Attributes:
        is_on: Whether anything: the setting ``reports.solo``.
        approval_delay: How long an approval of one's own report cools off.
        arming_delay: How long arming does.
    """

    is_on: bool = False
    approval_delay: timedelta = timedelta(hours=1)
    arming_delay: timedelta = timedelta(hours=24)


def check_person(actor: str) -> str:
    """Return the actor, if it is a person.

    Raises:
        PersonNeeded: It is a program, or nobody in particular.
    """
    if not actor.startswith("user:"):
        raise PersonNeeded
    return actor


def ask_to_arm(connection: Connection, authority: str, *, actor: str, now: datetime) -> Arming:
    """Ask for real reports to be switched on; somebody else has to agree.

    Raises:
        ArmingRefused: They are, or somebody has asked already.
        PersonNeeded: Who asks is no person.
    """
    check_person(actor)
    found = find_arming(connection, authority, now=now)
    if found is not None and found.second_by is not None:
        raise ArmingRefused("they are switched on already")
    if found is not None:
        raise ArmingRefused("somebody has asked for it already, and somebody else has to agree")
    values = {"authority": authority, "first_by": actor, "first_at": now, "expires_at": now + AGREE_WITHIN}
    number = connection.execute(insert(report_arming).values(values).returning(report_arming.c.id)).scalar_one()
    _record(connection, number, authority, "arming_asked", actor=actor, now=now)
    return _find(connection, number)


def agree_to_arming(
    connection: Connection,
    authority: str,
    *,
    actor: str,
    now: datetime,
    solo: SoloRule = SoloRule(),
    declaration: str | None = None,
) -> Arming:
    """Agree that real reports are switched on.

    Args:
        connection: Of `Database.write`.
        authority: For whom.
        actor: The second person.
        now: When.
        solo: What one person alone may do.
        declaration: Where it is the same person, in solo mode: `DECLARATION`.

    Raises:
        ArmingRefused: Nobody has asked, or it is the same person.
        PersonNeeded: Who agrees is no person.
    """
    check_person(actor)
    found = find_arming(connection, authority, now=now)
    if found is None:
        raise ArmingRefused("nobody has asked for it, or too long ago: `hedgerow report arm` asks")
    if found.second_by is not None:
        raise ArmingRefused("they are switched on already")
    is_solo = found.first_by == actor
    if is_solo and not solo.is_on:
        raise ArmingRefused("somebody else has to agree")
    if is_solo and declaration != DECLARATION:
        raise ArmingRefused(f"who works alone declares, word for word: {DECLARATION}")
    connection.execute(
        update(report_arming)
        .where(report_arming.c.id == found.id, report_arming.c.second_by.is_(None))
        .values(
            second_by=actor,
            second_at=now,
            declaration=declaration if is_solo else None,
            effective_at=now + solo.arming_delay if is_solo else now,
        )
    )
    _record(connection, found.id, authority, "armed_solo" if is_solo else "armed", actor=actor, now=now)
    return _find(connection, found.id)


def disarm(connection: Connection, authority: str, *, actor: str, now: datetime) -> bool:
    """Switch real reports off, and end a wish to switch them on; return whether there was anything to end."""
    found = find_arming(connection, authority, now=now)
    if found is None:
        return False
    connection.execute(
        update(report_arming)
        .where(report_arming.c.authority == authority, report_arming.c.disarmed_at.is_(None))
        .values(disarmed_by=actor, disarmed_at=now)
    )
    _record(connection, found.id, authority, "disarmed", actor=actor, now=now)
    return True


def find_arming(connection: Connection, authority: str, *, now: datetime) -> Arming | None:
    """Return the arming that is not over, whether it holds yet or not; None where there is none."""
    is_waiting = report_arming.c.second_by.is_(None) & (report_arming.c.expires_at > now)
    row = connection.execute(
        select(report_arming)
        .where(
            report_arming.c.authority == authority,
            report_arming.c.disarmed_at.is_(None),
            report_arming.c.second_by.is_not(None) | is_waiting,
        )
        .order_by(report_arming.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _arming(row)


def armed(connection: Connection, authority: str, *, solo: SoloRule, now: datetime) -> Arming:
    """Return proof that real reports may be sent now.

    Raises:
        AuthorityNotReady: They may not.
    """
    found = find_arming(connection, authority, now=now)
    if found is None or found.second_by is None or found.effective_at is None:
        problem = f"Two people have to switch real reports on: `hedgerow report arm {authority}`."
        raise AuthorityNotReady(authority, "production", problem, "not_armed")
    if found.is_solo and not solo.is_on:
        problem = "One person alone switched real reports on, and solo mode is off now: switch them on with two."
        raise AuthorityNotReady(authority, "production", problem, "not_armed")
    if found.effective_at > now:
        problem = f"Real reports are switched on from {found.effective_at:%Y-%m-%d %H:%M} UTC on."
        raise AuthorityNotReady(authority, "production", problem, "cooling_off")
    return found


def _find(connection: Connection, number: int) -> Arming:
    return _arming(connection.execute(select(report_arming).where(report_arming.c.id == number)).one())


def _arming(row: AnyRow) -> Arming:
    return Arming(
        id=int(row.id),
        authority=row.authority,
        first_by=row.first_by,
        first_at=row.first_at,
        second_by=row.second_by,
        second_at=row.second_at,
        is_solo=row.declaration is not None,
        effective_at=row.effective_at,
        disarmed_by=row.disarmed_by,
        disarmed_at=row.disarmed_at,
    )


def _record(connection: Connection, number: int, authority: str, what: str, *, actor: str, now: datetime) -> None:
    append(
        connection,
        actor=actor,
        action=f"report.{what}",
        subject_type="authority",
        subject_id=authority,
        details={"arming": number},
        now=now,
    )
