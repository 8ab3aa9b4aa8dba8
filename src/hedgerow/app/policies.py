"""Write, check, try and activate policies for a door."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.database import Database
    from hedgerow.policy import Comparison, Policy, PolicyVersion
    from hedgerow.settings import Settings

__all__ = [
    "AddedPolicy",
    "CheckedPolicy",
    "TriedPolicy",
    "activate_policy",
    "add_policy",
    "check_policy",
    "compare_policy",
    "list_policies",
    "show_policy",
]

_MOST_MATCHES = 1_000_000
"""Past matches that a policy is tried on, the latest; some ten seconds."""


class CheckedPolicy(NamedTuple):
    """A text that is a policy, and what its writer may want to look at."""

    policy: Policy
    warnings: list[str]


class AddedPolicy(NamedTuple):
    """A version that is kept, whether it was new, and what its writer may want to look at."""

    version: PolicyVersion
    is_new: bool
    warnings: list[str]


class TriedPolicy(NamedTuple):
    """What a version would have done beside the one that is active."""

    version: int
    against: int
    comparison: Comparison


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _existing(settings: Settings) -> Iterator[Database | None]:
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    try:
        yield database
    finally:
        if database is not None:
            database.close()


def check_policy(settings: Settings, text: str) -> CheckedPolicy:
    """Read a policy, and warn of banks that it names and that do not exist; nothing is kept.

    Raises:
        PolicyInvalid: It is none; all its problems are named.
    """
    from hedgerow.banks import list_banks
    from hedgerow.policy import read_policy, unknown_banks

    policy = read_policy(text)
    with _existing(settings) as database:
        if database is None:
            return CheckedPolicy(policy, unknown_banks(policy, ()))
        with database.read() as connection:
            return CheckedPolicy(policy, unknown_banks(policy, [each.bank.name for each in list_banks(connection)]))


def add_policy(settings: Settings, text: str, *, note: str | None = None, actor: str = "cli") -> AddedPolicy:
    """Keep a policy as a version; it decides nothing until it is activated. A text that is kept keeps its number.

    Raises:
        PolicyInvalid: It is none.
    """
    from hedgerow import policy

    checked = check_policy(settings, text)
    with _database(settings) as database, database.write() as connection:
        before = {each.version for each in policy.list_versions(connection)}
        number = policy.add_version(connection, text, note=note, actor=actor, now=now())
        return AddedPolicy(policy.find_version(connection, number), number not in before, checked.warnings)


def list_policies(settings: Settings) -> list[PolicyVersion]:
    """List the versions, the newest first; none where nobody has added or used one."""
    from hedgerow.policy import list_versions

    with _existing(settings) as database:
        if database is None:
            return []
        with database.read() as connection:
            return list_versions(connection)


def show_policy(settings: Settings, version: int | None = None) -> PolicyVersion:
    """Return a version; without a number the active one.

    Raises:
        PolicyNotFound: There is no such version.
        NoActivePolicy: None is active.
    """
    from hedgerow.errors import NoActivePolicy, PolicyNotFound
    from hedgerow.policy import active_version, find_version

    with _existing(settings) as database:
        if database is None:
            raise NoActivePolicy if version is None else PolicyNotFound(version)
        with database.read() as connection:
            wanted = active_version(connection) if version is None else version
            if wanted is None:
                raise NoActivePolicy
            return find_version(connection, wanted)


def compare_policy(settings: Settings, version: int, *, days: float | None = None, actor: str = "cli") -> TriedPolicy:
    """Try a version on past matches beside the active one, and keep what came of it: `activate_policy` asks for that.

    Where none was ever active, the shipped policy is activated first.

    Args:
        settings: The settings.
        version: Which.
        days: Only matches of so many days.
        actor: Who tries it.

    Raises:
        PolicyNotFound: There is no such version.
        NoActivePolicy: None is active, and none can be activated by itself.
    """
    from hedgerow import policy
    from hedgerow.cases import past_matches

    with _database(settings) as database:
        at = now()
        with database.write() as connection:
            candidate = policy.read_policy(policy.find_version(connection, version).toml)
            policy.install_default(connection, now=at)
        since = None if days is None else at - timedelta(days=days)
        with database.read() as connection:
            against, active = policy.active_policy(connection)
            matches = past_matches(connection, since=since, limit=_MOST_MATCHES)
            comparison = policy.compare(active, candidate, matches)
        with database.write() as connection:
            policy.record_dry_run(connection, version, comparison, against=against, actor=actor, now=now())
        return TriedPolicy(version, against, comparison)


def activate_policy(settings: Settings, version: int, *, is_forced: bool = False, actor: str = "cli") -> PolicyVersion:
    """Put a version in force, for whatever is screened from now on.

    Args:
        settings: The settings.
        version: Which.
        is_forced: Without having been tried. The audit says so.
        actor: Who.

    Raises:
        PolicyNotFound: There is no such version.
        DryRunMissing: It was not tried within a day beside the version that is active.
    """
    from hedgerow import policy

    with _database(settings) as database, database.write() as connection:
        policy.activate(connection, version, actor=actor, now=now(), is_forced=is_forced)
        return policy.find_version(connection, version)
