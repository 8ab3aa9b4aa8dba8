"""How Project Arachnid Shield is asked: off until a person switches it on. The first argument is an open connection.

The rules:

1. Without a row nothing is set, and nothing is asked: Shield is off.
2. Its production system is spoken to only while a person has armed it; another place has to be armed anew.
3. The credentials are sealed, and nobody can read them back. They belong to the place for which they were entered:
   another place takes them away, so that no address that somebody types is shown them.
4. Where it refuses us, nothing is asked any more until a person enters other credentials, or switches it on again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hedgerow.actions import enqueue
from hedgerow.audit import append
from hedgerow.database.sealing import Place as SealedAt
from hedgerow.errors import InvalidExchange
from hedgerow.exchanges.shield import SHIELD_NAME, shield_place
from hedgerow.exchanges.shield_tables import shield_account

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.exchanges.model import Place

__all__ = [
    "MOST_CALLS",
    "ShieldStanding",
    "arm_shield",
    "change_shield",
    "disarm_shield",
    "open_shield_credentials",
    "set_shield_credentials",
    "shield_standing",
    "stop_shield",
]

MOST_CALLS: Final = 600
"""Calls in a minute that may be set at most; the service documents no limit of its own."""

_CALLS: Final = 60
"""Unless a person says otherwise: one hash a second, far more than people press."""
_LONGEST: Final = 200
_SEALED: Final = SealedAt("shield_account", "credentials", 1)


@dataclass(frozen=True, slots=True)
class ShieldStanding:
    """How Shield is asked, and how that stands.

    Attributes:
        is_enabled: Whether it is asked at all.
        environment: ``simulator`` or ``production``.
        base_url: Another address of it; empty for the usual one.
        place: Where that is.
        calls_per_minute: The most calls in a minute, of all processes together.
        is_null_no_match: Whether null stands for "no known match"; see `hedgerow.exchanges.shield.Shield`.
        armed_by: Who allowed its production system to be spoken to; None while nobody did.
        armed_at: When.
        has_credentials: Whether there are any.
        credentials_at: When they were entered.
        stopped: Why nothing is asked any more until a person has acted.
        next_call_at: Nothing is asked before; None where nothing was asked yet.
        answered_at: When it last answered.
    """

    is_enabled: bool
    environment: str
    base_url: str
    place: Place
    calls_per_minute: int = _CALLS
    is_null_no_match: bool = False
    armed_by: str | None = None
    armed_at: datetime | None = None
    has_credentials: bool = False
    credentials_at: datetime | None = None
    stopped: str | None = None
    next_call_at: datetime | None = None
    answered_at: datetime | None = None

    @property
    def lacks(self) -> str | None:
        """Why it cannot be asked, in a word: ``off``, ``stopped``, ``credentials``, ``arming``; None where it can."""
        found = (
            ("off", not self.is_enabled),
            ("stopped", self.stopped is not None),
            ("credentials", not self.has_credentials),
            ("arming", self.place.is_production and self.armed_by is None),
        )
        return next((word for word, is_so in found if is_so), None)


def shield_standing(connection: Connection) -> ShieldStanding:
    """Say how Shield is asked."""
    row = connection.execute(select(shield_account)).one_or_none()
    if row is None:
        return ShieldStanding(is_enabled=False, environment="simulator", base_url="", place=shield_place())
    return ShieldStanding(
        is_enabled=row.is_enabled,
        environment=row.environment,
        base_url=row.base_url,
        place=shield_place(row.environment, row.base_url),
        calls_per_minute=row.calls_per_minute,
        is_null_no_match=row.is_null_no_match,
        armed_by=row.armed_by,
        armed_at=row.armed_at,
        has_credentials=row.credentials is not None,
        credentials_at=row.credentials_at,
        stopped=row.stopped,
        next_call_at=row.next_call_at,
        answered_at=row.answered_at,
    )


def change_shield(
    connection: Connection,
    *,
    actor: str,
    now: datetime,
    is_enabled: bool | None = None,
    environment: str | None = None,
    base_url: str | None = None,
    calls_per_minute: int | None = None,
    is_null_no_match: bool | None = None,
) -> ShieldStanding:
    """Change what is given, and leave the rest. Another place disarms, and takes the credentials away.

    Args:
        connection: Of `Database.write`.
        actor: Who asks.
        now: When.
        is_enabled: Whether it is asked; to switch it on also lets go on what its refusal stopped.
        environment: ``simulator`` or ``production``.
        base_url: Another address of it; empty for the usual one.
        calls_per_minute: From 1 to `MOST_CALLS`.
        is_null_no_match: See `ShieldStanding`.

    Raises:
        InvalidExchange: Something does not fit.
    """
    if calls_per_minute is not None and not 1 <= calls_per_minute <= MOST_CALLS:
        raise InvalidExchange(f"calls_per_minute must be from 1 to {MOST_CALLS}")
    before = shield_standing(connection)
    place = shield_place(
        before.environment if environment is None else environment, before.base_url if base_url is None else base_url
    )
    said: dict[str, Any] = {
        "is_enabled": is_enabled,
        "environment": environment,
        "base_url": base_url,
        "calls_per_minute": calls_per_minute,
        "is_null_no_match": is_null_no_match,
    }
    values = {name: value for name, value in said.items() if value is not None and value != getattr(before, name)}
    details: dict[str, Any] = {name: [getattr(before, name), value] for name, value in values.items()}
    if place != before.place:
        values |= {"armed_by": None, "armed_at": None, "stopped": None, "next_call_at": None}
        values |= _NO_CREDENTIALS
        details["place"] = [before.place.name, place.name]
    if is_enabled and before.stopped is not None:
        values["stopped"] = None
        details["resumed"] = before.stopped
    if values:
        _write(connection, values)
        _record(connection, "changed", details, actor=actor, now=now)
    return shield_standing(connection)


_NO_CREDENTIALS: Final[Mapping[str, Any]] = {"credentials": None, "credentials_by": None, "credentials_at": None}


def arm_shield(connection: Connection, *, actor: str, now: datetime) -> ShieldStanding:
    """Allow Shield's production system to be spoken to."""
    before = shield_standing(connection)
    if before.place.is_production and before.armed_by is None:
        _write(connection, {"armed_by": actor, "armed_at": now, "stopped": None})
        _record(connection, "armed", {"place": before.place.name}, actor=actor, now=now)
    return shield_standing(connection)


def disarm_shield(connection: Connection, *, actor: str, now: datetime) -> ShieldStanding:
    """Let Shield's production system be spoken to no more. What was asked waits."""
    if shield_standing(connection).armed_by is not None:
        _write(connection, {"armed_by": None, "armed_at": None})
        _record(connection, "disarmed", {}, actor=actor, now=now)
    return shield_standing(connection)


def set_shield_credentials(
    connection: Connection,
    credentials: Mapping[str, object] | None,
    *,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> ShieldStanding:
    """Enter Shield's credentials in the place of those that were there; what they stopped goes on.

    Args:
        connection: Of `Database.write`.
        credentials: ``user`` and ``password``; None takes them away.
        keys: Those that seal.
        actor: Who enters them.
        now: When.

    Raises:
        InvalidExchange: They do not fit. No message quotes any of them.
    """
    if credentials is None:
        _write(connection, dict(_NO_CREDENTIALS))
        _record(connection, "credentials_removed", {}, actor=actor, now=now)
        return shield_standing(connection)
    checked = _checked(credentials)
    sealed = keys.seal(json.dumps(checked).encode(), _SEALED)
    _write(connection, {"credentials": sealed, "credentials_by": actor, "credentials_at": now, "stopped": None})
    _record(connection, "credentials_set", {}, actor=actor, now=now)
    return shield_standing(connection)


def _checked(credentials: Mapping[str, object]) -> dict[str, str]:
    if set(credentials) != {"user", "password"}:
        raise InvalidExchange(f"the credentials of {SHIELD_NAME} are user and password")
    checked = {name: value for name, value in credentials.items() if isinstance(value, str)}
    if not all(0 < len(checked.get(name, "")) <= _LONGEST and checked[name].isprintable() for name in credentials):
        raise InvalidExchange("user and password are printable texts")
    if ":" in checked["user"]:  # RFC 7617, section 2
        raise InvalidExchange("a user has no colon")
    return checked


def open_shield_credentials(connection: Connection, *, keys: ServiceKeys) -> tuple[str, str] | None:
    """Open Shield's credentials; None where there are none.

    Raises:
        SealBroken: No service key of ours sealed them.
    """
    sealed = connection.execute(select(shield_account.c.credentials)).scalar()
    if sealed is None:
        return None
    opened = json.loads(keys.open(bytes(sealed), _SEALED))
    return opened["user"], opened["password"]


def stop_shield(connection: Connection, why: str, *, now: datetime) -> bool:
    """Ask nothing any more until a person has acted; return whether it was not so before."""
    if shield_standing(connection).stopped is not None:
        return False
    _write(connection, {"stopped": why[:_LONGEST_WHY]})
    _record(connection, "stopped", {"why": why[:_LONGEST_WHY]}, actor="system", now=now)
    enqueue(
        connection,
        "exchange.stopped",
        subject_type="shield",
        subject_id="shield",
        data={"exchange": SHIELD_NAME, "kind": "shield", "reason": why[:_LONGEST_WHY]},
        actor="system",
        now=now,
    )
    return True


_LONGEST_WHY: Final = 100


def _write(connection: Connection, values: Mapping[str, Any]) -> None:
    if connection.execute(update(shield_account).values(dict(values))).rowcount:
        return
    usual = {
        "id": 1,
        "is_enabled": False,
        "environment": "simulator",
        "base_url": "",
        "calls_per_minute": _CALLS,
        "is_null_no_match": False,
    }
    connection.execute(insert(shield_account).values({**usual, **values}))


def _record(connection: Connection, what: str, details: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    append(
        connection,
        actor=actor,
        action=f"shield.{what}",
        subject_type="shield",
        subject_id="shield",
        details=details,
        now=now,
    )
