from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow.audit import list_entries
from hedgerow.errors import DryRunMissing, NoActivePolicy, PolicyInvalid, PolicyNotFound
from hedgerow.policy import (
    Comparison,
    activate,
    active_policy,
    active_version,
    add_version,
    default_policy_text,
    find_version,
    install_default,
    list_versions,
    read_policy,
    record_dry_run,
)

if TYPE_CHECKING:
    from hedgerow.database import Database

_STRICT = '[default]\nthen = "review"\npriority = 1\n'
_LAX = '[default]\nthen = "log"\n'
_NOTHING = Comparison(10, 2, (), {"default": 10})


def _two(database: Database, now: datetime) -> tuple[int, int]:
    """Install the shipped policy and add another; return both numbers."""
    with database.write() as connection:
        return install_default(connection, now=now), add_version(connection, _STRICT, actor="user:1", now=now)


def _try(database: Database, version: int, against: int, now: datetime) -> None:
    with database.write() as connection:
        record_dry_run(connection, version, _NOTHING, against=against, actor="user:1", now=now)


def _activate(database: Database, version: int, now: datetime, *, is_forced: bool = False) -> None:
    with database.write() as connection:
        activate(connection, version, actor="user:1", now=now, is_forced=is_forced)


def test_without_any_version_the_shipped_policy_is_put_in_force_once(database: Database, now: datetime) -> None:
    with database.read() as connection, pytest.raises(NoActivePolicy):
        active_policy(connection)
    with database.write() as connection:
        assert install_default(connection, now=now) == install_default(connection, now=now)
    with database.read() as connection:
        version, policy = active_policy(connection)
        assert policy == read_policy(default_policy_text())
        assert [each.action for each in list_entries(connection)] == ["policy.added", "policy.activated"]
        assert active_version(connection) == version


def test_a_version_is_kept_as_it_was_written_and_the_same_text_once(database: Database, now: datetime) -> None:
    with database.write() as connection:
        first = add_version(connection, _STRICT, note="stricter", actor="user:1", now=now)
        assert add_version(connection, _STRICT, actor="user:2", now=now) == first
    with database.read() as connection:
        found = find_version(connection, first)
        assert (found.toml, found.note, found.created_by, found.is_active) == (_STRICT, "stricter", "user:1", False)
        assert [each.version for each in list_versions(connection)] == [first]


def test_a_text_that_is_no_policy_is_not_kept(database: Database, now: datetime) -> None:
    with database.write() as connection, pytest.raises(PolicyInvalid):
        add_version(connection, "then = 1", actor="user:1", now=now)
    with database.read() as connection:
        assert list_versions(connection) == []


def test_a_version_is_not_activated_untried(database: Database, now: datetime) -> None:
    before, version = _two(database, now)
    with pytest.raises(DryRunMissing):
        _activate(database, version, now)
    with database.read() as connection:
        assert active_version(connection) == before


@pytest.mark.parametrize(
    ("age", "does_hold"), [(timedelta(0), True), (timedelta(hours=23), True), (timedelta(1), False)]
)
def test_a_dry_run_holds_for_a_day(database: Database, now: datetime, age: timedelta, does_hold: bool) -> None:
    before, version = _two(database, now)
    _try(database, version, before, now)
    if does_hold:
        _activate(database, version, now + age)
    else:
        with pytest.raises(DryRunMissing):
            _activate(database, version, now + age)
    with database.read() as connection:
        assert active_version(connection) == (version if does_hold else before)


def test_a_dry_run_beside_another_version_than_the_active_one_counts_for_nothing(
    database: Database, now: datetime
) -> None:
    before, version = _two(database, now)
    with database.write() as connection:
        third = add_version(connection, _LAX, actor="user:1", now=now)
    _try(database, version, before, now)
    _activate(database, third, now, is_forced=True)
    with pytest.raises(DryRunMissing):
        _activate(database, version, now)


def test_forcing_is_said_in_the_audit(database: Database, now: datetime) -> None:
    before, version = _two(database, now)
    _activate(database, version, now, is_forced=True)
    with database.read() as connection:
        last = list_entries(connection)[-1]
        assert (last.action, last.subject_id) == ("policy.activated", str(version))
        assert last.details == {"before": before, "is_forced": True}


def test_the_version_before_is_retired_and_can_come_back(database: Database, now: datetime) -> None:
    before, version = _two(database, now)
    _activate(database, version, now, is_forced=True)
    with database.read() as connection:
        assert find_version(connection, before).retired_at == now
    later = now + timedelta(hours=1)
    _try(database, before, version, later)
    _activate(database, before, later)
    with database.read() as connection:
        found = find_version(connection, before)
        assert (found.is_active, found.activated_at, found.retired_at) == (True, later, None)
        assert find_version(connection, version).retired_at == later


def test_activating_the_active_version_changes_nothing(database: Database, now: datetime) -> None:
    before, _ = _two(database, now)
    _activate(database, before, now + timedelta(1))
    with database.read() as connection:
        assert find_version(connection, before).activated_at == now


def test_what_does_not_exist_is_neither_tried_nor_activated(database: Database, now: datetime) -> None:
    before, _ = _two(database, now)
    with pytest.raises(PolicyNotFound):
        _try(database, 99, before, now)
    with pytest.raises(PolicyNotFound):
        _activate(database, 99, now, is_forced=True)


def test_the_database_itself_keeps_it_to_one_active_version(database: Database, now: datetime) -> None:
    _two(database, now)
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(text("UPDATE policies SET is_active = :yes, activated_at = created_at"), {"yes": True})


def test_an_activation_that_is_not_committed_leaves_nothing(database: Database, now: datetime) -> None:
    before, version = _two(database, now)

    def interrupted() -> None:
        with database.write() as connection:
            activate(connection, version, actor="user:1", now=now, is_forced=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with database.read() as connection:
        assert active_version(connection) == before
        assert len(list_entries(connection)) == 3


def test_of_two_who_activate_at_once_one_comes_after_the_other(database: Database, now: datetime) -> None:
    _, version = _two(database, now)
    with database.write() as connection:
        third = add_version(connection, _LAX, actor="user:1", now=now)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda each: _activate(database, each, now, is_forced=True), (version, third)))
    with database.read() as connection:
        assert sum(each.is_active for each in list_versions(connection)) == 1


def test_processes_that_start_at_once_install_one_default(database: Database, now: datetime) -> None:
    def install(_: int) -> int:
        with database.write() as connection:
            return install_default(connection, now=now)

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(install, range(3)))) == 1
    with database.read() as connection:
        assert len(list_versions(connection)) == 1
