"""Policies: write versions, try them on past matches, put one in force."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow import policy
from hedgerow.app.clock import now
from hedgerow.app.policies import AddedPolicy, TriedPolicy
from hedgerow.banks.held import bank_states
from hedgerow.cases import past_matches
from hedgerow.errors import NoActivePolicy

if TYPE_CHECKING:
    from hedgerow.database import Database
    from hedgerow.policy import PolicyVersion

__all__ = ["activate_policy", "add_policy", "compare_policy", "list_policies", "show_policy"]

_MOST_MATCHES: Final = 1_000_000
"""Past matches that a policy is tried on, the latest; some ten seconds."""


def list_policies(database: Database, *, before: int | None = None, limit: int) -> list[PolicyVersion]:
    """List the versions, the newest first."""
    with database.read() as connection:
        found = policy.list_versions(connection)
    return [each for each in found if before is None or each.version < before][:limit]


def show_policy(database: Database, version: int | None = None) -> PolicyVersion:
    """Return a version; without a number the active one.

    Raises:
        PolicyNotFound: There is no such version.
        NoActivePolicy: None is active.
    """
    with database.read() as connection:
        wanted = policy.active_version(connection) if version is None else version
        if wanted is None:
            raise NoActivePolicy
        return policy.find_version(connection, wanted)


def add_policy(database: Database, text: str, *, note: str | None = None, actor: str) -> AddedPolicy:
    """Keep a policy as a version; it decides nothing until it is activated. A text that is kept keeps its number.

    Raises:
        PolicyInvalid: It is none; all its problems are named.
    """
    read = policy.read_policy(text)
    with database.write() as connection:
        banks = [state.bank.name for state in bank_states(connection)]
        before = {each.version for each in policy.list_versions(connection)}
        number = policy.add_version(connection, text, note=note, actor=actor, now=now())
        found = policy.find_version(connection, number)
    return AddedPolicy(found, number not in before, policy.unknown_banks(read, banks))


def compare_policy(database: Database, version: int, *, days: float | None = None, actor: str) -> TriedPolicy:
    """Try a version on past matches beside the active one, and keep what came of it: to activate it asks for that.

    Args:
        database: An open database.
        version: Which.
        days: Only matches of so many days.
        actor: Who tries it.

    Raises:
        PolicyNotFound: There is no such version.
        NoActivePolicy: None is active, and none can be activated by itself.
    """
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


def activate_policy(database: Database, version: int, *, is_forced: bool = False, actor: str) -> PolicyVersion:
    """Put a version in force, for whatever is screened from now on.

    Raises:
        PolicyNotFound: There is no such version.
        DryRunMissing: It was not tried within a day beside the version that is active.
    """
    with database.write() as connection:
        policy.activate(connection, version, actor=actor, now=now(), is_forced=is_forced)
        return policy.find_version(connection, version)
