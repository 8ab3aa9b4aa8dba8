"""How somebody stands with what they have looked at, and what they and their leads choose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow import exposure as room
from hedgerow.accounts import Permission, list_users, permissions_of
from hedgerow.app.clock import now
from hedgerow.exposure.rules import FEWEST_PEOPLE

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.exposure import Limits, Standing, Sum
    from hedgerow.settings import Settings

__all__ = [
    "FEWEST_PEOPLE",
    "Own",
    "Team",
    "TeamMember",
    "begin_break",
    "end_break",
    "limits_of",
    "lower_cap",
    "save_opt_outs",
    "set_cap",
    "show_own",
    "show_team",
    "standing_of",
]

_SUMMED_DAYS: Final = (1, 7, 30)


@dataclass(frozen=True, slots=True)
class Own:
    """What somebody sees of their own exposure; nobody else does.

    Attributes:
        standing: How they stand.
        limits: Of the house.
        categories: All that are known, and those that they opted out of.
        opted_out: What they opted out of.
    """

    standing: Standing
    limits: Limits
    categories: tuple[str, ...]
    opted_out: frozenset[str]


@dataclass(frozen=True, slots=True)
class TeamMember:
    """Somebody who may look, and their cap; what they looked at is their own business."""

    user: User
    cap: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Team:
    """What who sets limits sees.

    Attributes:
        members: Who may look.
        sums: What all looked at together, where they are enough.
        limits: Of the house.
    """

    members: tuple[TeamMember, ...]
    sums: tuple[Sum, ...]
    limits: Limits


def limits_of(settings: Settings) -> Limits:
    """Return what the house protects everybody by."""
    said = settings.exposure
    return room.Limits(said.daily_reveals, said.reveals_until_break, timedelta(minutes=said.break_minutes))


def standing_of(settings: Settings, connection: Connection, user: User) -> Standing | None:
    """Say how somebody stands; None for who sees no media."""
    if Permission.MEDIA_VIEW not in permissions_of(user.roles):
        return None
    return room.standing_of(connection, user.id, limits_of(settings), now=now())


def show_own(settings: Settings, database: Database, user_id: int) -> Own:
    """Return somebody's own exposure."""
    limits = limits_of(settings)
    with database.read() as connection:
        opted_out = room.opt_outs_of(connection, user_id)
        return Own(
            room.standing_of(connection, user_id, limits, now=now()),
            limits,
            tuple(sorted({*room.known_categories(connection), *opted_out})),
            opted_out,
        )


def lower_cap(settings: Settings, database: Database, user_id: int, cap: int) -> None:
    """Lower one's own cap.

    Raises:
        LimitRefused: It would not be lower.
    """
    with database.write() as connection:
        room.lower_cap(connection, user_id, cap, limits_of(settings), now=now())


def set_cap(settings: Settings, database: Database, user_id: int, cap: int, *, actor: str) -> None:
    """Set somebody else's cap.

    Raises:
        LimitRefused: It is one's own, or none.
        UserNotFound: There is nobody of that number.
    """
    with database.write() as connection:
        room.set_cap(connection, user_id, cap, limits_of(settings), actor=actor, now=now())


def save_opt_outs(database: Database, user_id: int, categories: Collection[str]) -> None:
    """Keep what somebody opts out of."""
    with database.write() as connection:
        room.save_opt_outs(connection, user_id, categories)


def begin_break(database: Database, user_id: int, minutes: float) -> datetime:
    """Take a break, and return until when.

    Raises:
        InvalidRequest: It is none.
    """
    with database.write() as connection:
        return room.begin_break(connection, user_id, timedelta(minutes=minutes), now=now())


def end_break(database: Database, user_id: int) -> None:
    """End a break of one's own."""
    with database.write() as connection:
        room.end_break(connection, user_id)


def show_team(settings: Settings, database: Database) -> Team:
    """Return what who sets limits sees of a team."""
    limits = limits_of(settings)
    with database.read() as connection:
        own = room.caps_of(connection)
        members = tuple(
            TeamMember(each, own.get(each.id, limits.daily_looks), each.id in own)
            for each in list_users(connection)
            if each.is_active and Permission.MEDIA_VIEW in permissions_of(each.roles)
        )
        return Team(members, tuple(room.sum_looks(connection, _SUMMED_DAYS, now=now())), limits)
