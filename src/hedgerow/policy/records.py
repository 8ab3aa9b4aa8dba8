"""Versions of the policy. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.errors import DryRunMissing, NoActivePolicy, PolicyNotFound
from hedgerow.policy.model import PolicyVersion
from hedgerow.policy.reading import default_policy_text, read_policy
from hedgerow.policy.tables import policies, policy_dry_runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.policy.model import Comparison, Policy

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "DRY_RUN_HOLDS",
    "activate",
    "active_policy",
    "active_version",
    "add_version",
    "find_version",
    "install_default",
    "list_versions",
    "record_dry_run",
]

_ACTIVE_VERSION: Final = select(policies.c.version).where(policies.c.is_active)  # asked for every submission

DRY_RUN_HOLDS: Final = timedelta(days=1)
"""How long a dry run is good for: after a day there are matches that nobody has tried it on."""


def add_version(connection: Connection, toml: str, *, note: str | None = None, actor: str, now: datetime) -> int:
    """Keep a policy and return its number; a text that is kept already keeps its number.

    Raises:
        PolicyInvalid: It is no policy.
    """
    rules = len(read_policy(toml).rules)
    digest = hashlib.sha256(toml.encode()).digest()
    kept = connection.execute(select(policies.c.version).where(policies.c.sha256 == digest)).scalar()
    if kept is not None:
        return int(kept)
    version = connection.execute(
        insert(policies)
        .values(toml=toml, sha256=digest, note=note, created_by=actor, created_at=now)
        .returning(policies.c.version)
    ).scalar_one()
    append(
        connection,
        actor=actor,
        action="policy.added",
        subject_type="policy",
        subject_id=version,
        details={"rules": rules, "sha256": digest.hex()},
        now=now,
    )
    return int(version)


def install_default(connection: Connection, *, now: datetime) -> int:
    """Return the active version; where no version was ever activated, keep the shipped policy and activate that.

    Nothing was decided before, so there is nothing to try it on.
    """
    found = active_version(connection)
    if found is not None:
        return found
    # A version of before that was put aside is not brought back silently: only the very first needs no person.
    if connection.execute(select(policies.c.version).where(policies.c.activated_at.is_not(None)).limit(1)).first():
        raise NoActivePolicy
    try:
        with connection.begin_nested():
            version = add_version(
                connection, default_policy_text(), note="shipped with Hedgerow", actor="system", now=now
            )
            _put_in_force(connection, version, "system", now)
            _append_activation(connection, version, None, "system", now, is_forced=False)
    except IntegrityError:  # another process did so meanwhile
        found = active_version(connection)
        if found is None:
            raise
        return found
    return version


def active_version(connection: Connection) -> int | None:
    """Return the number of the active version, or None; one row, to be asked often."""
    found = connection.execute(_ACTIVE_VERSION).scalar()
    return None if found is None else int(found)


def active_policy(connection: Connection) -> tuple[int, Policy]:
    """Return the active version, read.

    Raises:
        NoActivePolicy: None is active.
    """
    row = connection.execute(select(policies.c.version, policies.c.toml).where(policies.c.is_active)).first()
    if row is None:
        raise NoActivePolicy
    return int(row.version), read_policy(row.toml)


def find_version(connection: Connection, version: int) -> PolicyVersion:
    """Find a version.

    Raises:
        PolicyNotFound: There is none.
    """
    row = connection.execute(select(policies).where(policies.c.version == version)).first()
    if row is None:
        raise PolicyNotFound(version)
    return _version(row)


def list_versions(connection: Connection) -> list[PolicyVersion]:
    """List the versions, the newest first."""
    return [_version(row) for row in connection.execute(select(policies).order_by(policies.c.version.desc()))]


def record_dry_run(
    connection: Connection, version: int, comparison: Comparison, *, against: int, actor: str, now: datetime
) -> int:
    """Keep what a version would have done with past matches beside the active one, and return the record's number.

    Args:
        connection: Of `Database.write`.
        version: The version that was tried.
        comparison: What came of it (`hedgerow.policy.compare`).
        against: The version that was active.
        actor: Who tried it.
        now: When.

    Raises:
        PolicyNotFound: One of the versions does not exist.
    """
    for each in (version, against):
        find_version(connection, each)
    number = connection.execute(
        insert(policy_dry_runs)
        .values(
            version=version,
            against_version=against,
            considered=comparison.considered,
            changed=comparison.changed,
            comparison=canonical_json(comparison.to_json()),
            made_by=actor,
            made_at=now,
        )
        .returning(policy_dry_runs.c.id)
    ).scalar_one()
    append(
        connection,
        actor=actor,
        action="policy.tried",
        subject_type="policy",
        subject_id=version,
        details={"against": against, "considered": comparison.considered, "changed": comparison.changed},
        now=now,
    )
    return int(number)


def activate(connection: Connection, version: int, *, actor: str, now: datetime, is_forced: bool = False) -> None:
    """Put a version in force; the one before is retired and stays as it is. An earlier one may come back.

    Args:
        connection: Of `Database.write`.
        version: Which; the active one stays active, and nothing is recorded.
        actor: Who.
        now: When.
        is_forced: Without a dry run. The audit says so.

    Raises:
        PolicyNotFound: There is no such version.
        DryRunMissing: It was not tried within `DRY_RUN_HOLDS` beside the version that is active now.
    """
    # All versions, in their order: two who activate at once come one after another.
    active = {
        int(row.version): bool(row.is_active)
        for row in connection.execute(
            select(policies.c.version, policies.c.is_active).order_by(policies.c.version).with_for_update()
        )
    }
    if version not in active:
        raise PolicyNotFound(version)
    if active[version]:
        return
    before = next((each for each, is_active in active.items() if is_active), None)
    if not is_forced and (before is None or not _was_tried(connection, version, before, now)):
        raise DryRunMissing(version)
    if before is not None:
        connection.execute(update(policies).where(policies.c.version == before).values(is_active=None, retired_at=now))
    _put_in_force(connection, version, actor, now)
    _append_activation(connection, version, before, actor, now, is_forced=is_forced)


def _was_tried(connection: Connection, version: int, against: int, now: datetime) -> bool:
    found = connection.execute(
        select(policy_dry_runs.c.id)
        .where(
            policy_dry_runs.c.version == version,
            policy_dry_runs.c.against_version == against,
            policy_dry_runs.c.made_at > now - DRY_RUN_HOLDS,
            policy_dry_runs.c.made_at <= now,
        )
        .limit(1)
    ).first()
    return found is not None


def _put_in_force(connection: Connection, version: int, actor: str, now: datetime) -> None:
    connection.execute(
        update(policies)
        .where(policies.c.version == version)
        .values(is_active=True, activated_at=now, activated_by=actor, retired_at=None)
    )


def _append_activation(
    connection: Connection, version: int, before: int | None, actor: str, now: datetime, *, is_forced: bool
) -> None:
    append(
        connection,
        actor=actor,
        action="policy.activated",
        subject_type="policy",
        subject_id=version,
        details={"before": before, "is_forced": is_forced},
        now=now,
    )


def _version(row: AnyRow) -> PolicyVersion:
    return PolicyVersion(
        int(row.version),
        row.toml,
        bytes(row.sha256),
        row.note,
        row.created_by,
        row.created_at,
        bool(row.is_active),
        row.activated_at,
        row.activated_by,
        row.retired_at,
    )
