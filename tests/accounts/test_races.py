"""What two may try at the same moment, on both databases, with real threads."""

# ruff: noqa: S106  (stand-ins for the hashes of nobody's passwords)

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyotp

from hedgerow.accounts import (
    LinkPurpose,
    LoggedIn,
    LoginPolicy,
    PasswordCheck,
    Role,
    begin_login,
    change_roles,
    disable_user,
    find_user_by_id,
    finish_login,
    list_users,
    make_first_admin_link,
    make_link,
    new_secret,
    set_up_totp,
    use_first_admin_link,
    use_link,
)
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.tables import users
from hedgerow.errors import DatabaseUnavailable, HedgerowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys


def _at_once(database: Database, calls: Sequence[Callable[[Connection], object]]) -> list[object]:
    """Make all calls at the same moment, each in a transaction of its own; give what they returned or raised."""
    outcomes: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def make(number: int) -> None:
        start.wait()
        try:
            with database.write() as connection:
                outcomes[number] = calls[number](connection)
        except HedgerowError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=make, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _succeeded(outcomes: Sequence[object]) -> int:
    return sum(not isinstance(each, HedgerowError) for each in outcomes)


def test_two_admins_who_disable_each_other_do_not_both_succeed(
    database: Database, now: datetime, add_user: Callable[..., User]
) -> None:
    for attempt in range(5):
        one, other = add_user(f"one{attempt}", Role.ADMIN), add_user(f"other{attempt}", Role.ADMIN)
        outcomes = _at_once(
            database,
            [
                lambda connection, one=one, other=other: disable_user(connection, other.id, actor=one.actor, now=now),
                lambda connection, one=one, other=other: change_roles(
                    connection, one.id, [Role.LEAD], actor=other.actor, now=now
                ),
            ],
        )
        assert _succeeded(outcomes) == 1, outcomes
        with database.write() as connection:
            left = [user for user in list_users(connection) if user.is_active and Role.ADMIN in user.roles]
            assert len(left) == 1
            connection.execute(users.update().values(is_active=False))  # behind the rules' back, for the next round


def test_a_link_that_two_use_at_once_is_used_once(database: Database, now: datetime, robin: User) -> None:
    with database.write() as connection:
        link = make_link(connection, robin.id, LinkPurpose.PASSWORD_RESET, lifetime_s=60, actor="cli", now=now)
    outcomes = _at_once(
        database,
        [
            lambda connection, number=number: use_link(connection, link.token, password_hash=str(number), now=now)
            for number in range(4)
        ],
    )
    assert _succeeded(outcomes) == 1


def test_there_is_one_first_admin_however_many_try_at_once(database: Database, now: datetime) -> None:
    with database.write() as connection:
        link = make_first_admin_link(connection, lifetime_s=60, actor="cli", now=now)
    outcomes = _at_once(
        database,
        [
            lambda connection, number=number: use_first_admin_link(
                connection, link.token, name=f"ada{number}", display_name=None, password_hash="x", now=now
            )
            for number in range(4)
        ],
    )
    assert _succeeded(outcomes) == 1
    with database.read() as connection:
        assert len(list_users(connection)) == 1


def test_guesses_at_the_same_moment_are_all_counted(database: Database, now: datetime, robin: User) -> None:
    policy = LoginPolicy(attempts=3)
    attempts = _at_once(
        database,
        [lambda connection: begin_login(connection, "robin", dummy_hash="-", policy=policy, now=now)] * 8,
    )
    assert sum(each.refusal is None for each in attempts) == 3  # type: ignore[attr-defined]  # attempts


def test_one_code_at_the_same_moment_logs_in_once(
    database: Database, now: datetime, robin: User, service_keys: ServiceKeys
) -> None:
    secret = new_secret()
    with database.write() as connection:
        codes = set_up_totp(
            connection,
            robin.id,
            secret,
            pyotp.TOTP(secret).generate_otp(int(now.timestamp()) // 30 - 1),
            service_keys=service_keys,
            actor="cli",
            now=now,
        )
    for code in (pyotp.TOTP(secret).at(now), codes[0]):
        with database.write() as connection:
            attempts = [
                begin_login(connection, "robin", dummy_hash="-", policy=LoginPolicy(attempts=9), now=now)
                for _ in range(4)
            ]
        outcomes = _at_once(
            database,
            [
                lambda connection, attempt=attempt, code=code: finish_login(
                    connection,
                    attempt,
                    PasswordCheck(is_right=True),
                    code=code,
                    service_keys=lambda: service_keys,
                    policy=SessionPolicy(),
                    now=now,
                )
                for attempt in attempts
            ],
        )
        assert sum(isinstance(each, LoggedIn) for each in outcomes) == 1


def test_logins_and_changes_of_one_user_never_block_each_other_for_ever(
    database: Database, now: datetime, robin: User
) -> None:
    def log_in(connection: Connection) -> object:
        attempt = begin_login(connection, "robin", dummy_hash="-", policy=LoginPolicy(attempts=99), now=now)
        return finish_login(
            connection,
            attempt,
            PasswordCheck(is_right=True),
            code=None,
            service_keys=lambda: None,  # type: ignore[arg-type, return-value]  # there is no secret to open
            policy=SessionPolicy(),
            now=now,
        )

    def reset(connection: Connection) -> object:
        link = make_link(connection, robin.id, LinkPurpose.PASSWORD_RESET, lifetime_s=60, actor="cli", now=now)
        return use_link(connection, link.token, password_hash="x", now=now)

    for _ in range(3):
        outcomes = _at_once(database, [log_in, reset, log_in, reset, log_in])
        assert not [each for each in outcomes if each is None or isinstance(each, DatabaseUnavailable)]
    with database.read() as connection:
        assert find_user_by_id(connection, robin.id).is_active
