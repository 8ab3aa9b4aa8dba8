"""How somebody stands, and what they chose. The first argument is an open connection; the caller commits.

Changes of caps leave an audit line. What people do for themselves alone, breaks and opt-outs, leaves none: it is
nobody's business, and a record of it would keep people from doing it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, String, cast, delete, distinct, func, insert, literal, select, update

from hedgerow.accounts.tables import users
from hedgerow.audit import append
from hedgerow.cases.model import Form
from hedgerow.cases.tables import matches, views
from hedgerow.errors import BreakDue, LimitRefused, OptedOut, UserNotFound
from hedgerow.exposure.model import Sum
from hedgerow.exposure.rules import (
    FEWEST_PEOPLE,
    WINDOW,
    check_break,
    check_cap,
    check_look,
    check_lowering,
    standing,
)
from hedgerow.exposure.tables import exposure_breaks, exposure_caps, exposure_looks, exposure_opt_outs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from hedgerow.exposure.model import Limits, Standing

__all__ = [
    "allow_look",
    "begin_break",
    "begin_look",
    "cap_of",
    "caps_of",
    "check_own_break",
    "end_break",
    "end_look",
    "known_categories",
    "lower_cap",
    "note_shown",
    "opt_outs_of",
    "own_break_of",
    "save_opt_outs",
    "set_cap",
    "standing_of",
    "sum_looks",
]

_MOST_CATEGORIES: Final = 100
_FORGOTTEN_AFTER: Final = timedelta(days=1)  # a look that was never hidden: no look lasts for a day

# Several rows belong to one deliberate act; what an interface recorded without naming the act is one by itself.
_LOOK: Final[ColumnElement[str]] = func.coalesce(views.c.reveal, literal("view ") + cast(views.c.id, String))


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def standing_of(connection: Connection, user_id: int, limits: Limits, *, now: datetime) -> Standing:
    """Say how somebody stands, from what is on record of them."""
    looks = connection.execute(
        select(func.min(views.c.started_at).label("at"))
        .where(views.c.user_id == user_id, views.c.started_at > now - WINDOW, views.c.form == Form.FULL)
        .group_by(_LOOK)
        .order_by("at")
    ).scalars()
    cap = cap_of(connection, user_id, limits)
    return standing(list(looks), cap, own_break_of(connection, user_id), limits, now)


def allow_look(connection: Connection, user_id: int, submission_id: int, limits: Limits, *, now: datetime) -> Standing:
    """Let somebody look at a submission, and return how they stood before; the caller records the look in the same go.

    Args:
        connection: Of `Database.write`: of two looks at once the second one sees the first.
        user_id: Who.
        submission_id: At what.
        limits: Of the house.
        now: When.

    Raises:
        OptedOut: It is of a category that they do not look at.
        CapReached: It was enough for 24 hours.
        BreakDue: They have a break.
    """
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    unwanted = opt_outs_of(connection, user_id)
    if unwanted:
        found = connection.execute(
            select(matches.c.id)
            .where(matches.c.submission_id == submission_id, matches.c.category.in_(unwanted))
            .limit(1)
        ).first()
        if found is not None:
            raise OptedOut
    before = standing_of(connection, user_id, limits, now=now)
    check_look(before)
    return before


def begin_look(connection: Connection, reveal: str, *, now: datetime) -> None:
    """Note that a look has begun, and forget those of long ago that were never ended.

    Args:
        connection: Of `Database.write`.
        reveal: The look.
        now: When.
    """
    connection.execute(delete(exposure_looks).where(exposure_looks.c.begun_at < now - _FORGOTTEN_AFTER))
    connection.execute(insert(exposure_looks).values(reveal=reveal, begun_at=now))


def note_shown(connection: Connection, reveal: str, *, now: datetime) -> None:
    """Note since when a look has something to show, unless that is noted already."""
    connection.execute(
        update(exposure_looks)
        .where(exposure_looks.c.reveal == reveal, exposure_looks.c.shown_at.is_(None))
        .values(shown_at=now)
    )


def end_look(connection: Connection, reveal: str, *, now: datetime) -> timedelta | None:
    """End a look, and return for how long it had something to show; None where it is ended already.

    Args:
        connection: Of `Database.write`: of two ends at once one finds the look, and the other finds none.
        reveal: The look.
        now: When.
    """
    ended = connection.execute(
        delete(exposure_looks).where(exposure_looks.c.reveal == reveal).returning(exposure_looks.c.shown_at)
    ).first()
    if ended is None:
        return None
    return timedelta(0) if ended.shown_at is None else max(timedelta(0), now - ended.shown_at)


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def cap_of(connection: Connection, user_id: int, limits: Limits) -> int:
    """Return somebody's cap: their own, or that of the house."""
    own = connection.execute(select(exposure_caps.c.cap).where(exposure_caps.c.user_id == user_id)).scalar()
    return limits.daily_looks if own is None else int(own)


def caps_of(connection: Connection) -> dict[int, int]:
    """Return the caps of all who have one of their own, by user."""
    return {row.user_id: row.cap for row in connection.execute(select(exposure_caps.c.user_id, exposure_caps.c.cap))}


def lower_cap(connection: Connection, user_id: int, cap: int, limits: Limits, *, now: datetime) -> None:
    """Lower one's own cap.

    Raises:
        LimitRefused: It would not be lower.
    """
    before = cap_of(connection, user_id, limits)
    check_lowering(cap, before)
    _put_cap(connection, user_id, cap, before, actor=f"user:{user_id}", now=now)


def set_cap(connection: Connection, user_id: int, cap: int, limits: Limits, *, actor: str, now: datetime) -> None:
    """Set somebody else's cap, higher or lower.

    Args:
        connection: Of `Database.write`.
        user_id: Whose.
        cap: Most looks in 24 hours.
        limits: Of the house.
        actor: Who sets it.
        now: When.

    Raises:
        LimitRefused: It is one's own, or none.
        UserNotFound: There is nobody of that number.
    """
    if actor == f"user:{user_id}":
        raise LimitRefused("nobody raises their own; you may lower it on your own page")
    check_cap(cap)
    if connection.execute(select(users.c.id).where(users.c.id == user_id)).first() is None:
        raise UserNotFound
    _put_cap(connection, user_id, cap, cap_of(connection, user_id, limits), actor=actor, now=now)


def _put_cap(connection: Connection, user_id: int, cap: int, before: int, *, actor: str, now: datetime) -> None:
    _put(connection, exposure_caps, user_id, {"cap": cap, "set_by": actor, "set_at": now})
    append(
        connection,
        actor=actor,
        action="exposure.cap_set",
        subject_type="user",
        subject_id=user_id,
        details={"before": before, "cap": cap},
        now=now,
    )


def _put(connection: Connection, table: Table, user_id: int, values: dict[str, Any]) -> None:
    own = table.c.user_id == user_id
    if connection.execute(update(table).where(own).values(values)).rowcount == 0:
        connection.execute(insert(table).values(user_id=user_id, **values))


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def own_break_of(connection: Connection, user_id: int) -> datetime | None:
    """Return until when somebody takes a break of their own, over or not; None without one."""
    return connection.execute(select(exposure_breaks.c.until).where(exposure_breaks.c.user_id == user_id)).scalar()


def check_own_break(connection: Connection, user_id: int, *, now: datetime) -> None:
    """Keep somebody who takes a break of their own from being given work.

    Raises:
        BreakDue: They take one.
    """
    until = own_break_of(connection, user_id)
    if until is not None and now < until:
        raise BreakDue(until.isoformat(timespec="seconds"))


def begin_break(connection: Connection, user_id: int, length: timedelta, *, now: datetime) -> datetime:
    """Take a break of one's own, and return until when.

    Raises:
        InvalidRequest: It is none.
    """
    check_break(length)
    _put(connection, exposure_breaks, user_id, {"until": now + length})
    return now + length


def end_break(connection: Connection, user_id: int) -> None:
    """End a break of one's own; one that is due stays."""
    connection.execute(delete(exposure_breaks).where(exposure_breaks.c.user_id == user_id))


# ── categories ───────────────────────────────────────────────────────────────────────────────────────────────────


def opt_outs_of(connection: Connection, user_id: int) -> frozenset[str]:
    """Return the categories that somebody opted out of. To be shown to that person alone."""
    rows = connection.execute(select(exposure_opt_outs.c.category).where(exposure_opt_outs.c.user_id == user_id))
    return frozenset(rows.scalars())


def save_opt_outs(connection: Connection, user_id: int, categories: Collection[str]) -> None:
    """Keep what somebody opts out of, in the place of what they did before."""
    connection.execute(delete(exposure_opt_outs).where(exposure_opt_outs.c.user_id == user_id))
    wanted = sorted({each for each in categories if 1 <= len(each) <= 100})[:_MOST_CATEGORIES]  # noqa: PLR2004  (the column)
    if wanted:
        connection.execute(insert(exposure_opt_outs), [{"user_id": user_id, "category": each} for each in wanted])


def known_categories(connection: Connection) -> list[str]:
    """List the categories of what was found so far, each by one short look into an index."""
    found: list[str] = []
    last = ""
    while len(found) < _MOST_CATEGORIES:
        following = connection.execute(
            select(func.min(matches.c.category)).where(matches.c.category > last)
        ).scalar_one()
        if following is None:
            break
        found.append(following)
        last = following
    return found


# ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sum_looks(connection: Connection, days: Sequence[int], *, now: datetime) -> list[Sum]:
    """Sum up what all people together looked at in some days, where they are enough that it tells of nobody.

    Args:
        connection: An open connection.
        days: How many days each sum goes back.
        now: When.
    """
    return [_sum(connection, each, now - each * WINDOW) for each in days]


def _sum(connection: Connection, days: int, since: datetime) -> Sum:
    # Person by person: the index of views begins with the person.
    own = (
        select(func.count(distinct(_LOOK)))
        .where(views.c.user_id == users.c.id, views.c.started_at > since, views.c.form == Form.FULL)
        .scalar_subquery()
        .label("looks")
    )
    each = select(own).select_from(users).subquery()
    row = connection.execute(
        select(
            func.count().label("people"), func.coalesce(cast(func.sum(each.c.looks), Integer), 0).label("looks")
        ).where(each.c.looks > 0)
    ).one()
    return Sum(days, row.people, int(row.looks) if row.people >= FEWEST_PEOPLE else None)
