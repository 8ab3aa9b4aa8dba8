from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hedgerow.accounts import (
    LoggedIn,
    end_lapsed_sessions,
    end_session,
    find_session,
    is_worth_noting,
    latest_account_change,
    note_request,
)
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.tables import sessions
from hedgerow.accounts.tokens import digest_of
from hedgerow.errors import SessionEnded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import Session, User
    from hedgerow.accounts.model import LoginOutcome
    from hedgerow.database import Database

_POLICY = SessionPolicy(idle_s=1_800, lifetime_s=43_200)


@pytest.fixture
def login(robin: User, log_in: Callable[..., LoginOutcome], now: datetime) -> LoggedIn:
    outcome = log_in("robin", now)
    assert isinstance(outcome, LoggedIn)
    return outcome


def _find(database: Database, login: LoggedIn, at: datetime) -> Session:
    with database.read() as connection:
        return find_session(connection, login.token, policy=_POLICY, now=at)


def test_a_session_is_found_by_its_token_with_its_user(
    database: Database, login: LoggedIn, now: datetime, robin: User
) -> None:
    session = _find(database, login, now)
    assert session == login.session
    assert (session.user.id, session.actor) == (robin.id, robin.actor)
    assert session.expires_at == now + timedelta(seconds=_POLICY.lifetime_s)


def test_only_the_digest_of_a_token_is_stored(database: Database, login: LoggedIn) -> None:
    with database.read() as connection:
        row = connection.execute(select(sessions)).one()
    assert bytes(row.token_digest) == digest_of(login.token)
    assert login.token not in str(row)
    assert login.token not in repr(login)


@pytest.mark.parametrize("token", ["", "another", "x" * 5_000, "\0", "\ud800"])
def test_no_other_token_finds_a_session(database: Database, login: LoggedIn, now: datetime, token: str) -> None:
    with database.read() as connection, pytest.raises(SessionEnded):
        find_session(connection, token, policy=_POLICY, now=now)


def test_a_session_that_is_idle_too_long_is_over(database: Database, login: LoggedIn, now: datetime) -> None:
    _find(database, login, now + timedelta(seconds=1_799))
    with pytest.raises(SessionEnded):
        _find(database, login, now + timedelta(seconds=1_800))


def test_requests_keep_a_session_alive_until_its_whole_life_is_over(
    database: Database, login: LoggedIn, now: datetime
) -> None:
    at = now
    while at < now + timedelta(seconds=_POLICY.lifetime_s):
        session = _find(database, login, at)
        with database.write() as connection:
            note_request(connection, session, now=at)
        at += timedelta(seconds=1_799)
    with pytest.raises(SessionEnded):
        _find(database, login, now + timedelta(seconds=_POLICY.lifetime_s))


def test_a_request_is_worth_noting_once_a_minute(login: LoggedIn, now: datetime) -> None:
    assert not is_worth_noting(login.session, now + timedelta(seconds=59))
    assert is_worth_noting(login.session, now + timedelta(seconds=60))


def test_a_request_of_a_slow_clock_moves_nothing_back(database: Database, login: LoggedIn, now: datetime) -> None:
    with database.write() as connection:
        note_request(connection, login.session, now=now + timedelta(seconds=90))
        note_request(connection, login.session, now=now)
    assert _find(database, login, now).last_seen_at == now + timedelta(seconds=90)


def test_logging_out_ends_the_session_and_no_other(
    database: Database, login: LoggedIn, log_in: Callable[..., LoginOutcome], now: datetime, lines: Callable[[], list]
) -> None:
    other = log_in("robin", now)
    assert isinstance(other, LoggedIn)
    with database.write() as connection:
        end_session(connection, login.session, now=now)
    with pytest.raises(SessionEnded):
        _find(database, login, now)
    assert _find(database, other, now) == other.session
    details = {"reason": "logout", "sessions": [login.session.id]}
    assert lines()[-1] == (login.session.actor, "session.ended", f"user:{login.session.user.id}", details)


def test_a_session_ends_once_and_its_end_is_kept(
    database: Database, login: LoggedIn, now: datetime, lines: Callable[[], list]
) -> None:
    with database.write() as connection:
        end_session(connection, login.session, now=now)
    before = lines()
    with database.write() as connection:
        end_session(connection, login.session, now=now + timedelta(hours=1))
        note_request(connection, login.session, now=now + timedelta(hours=1))
        row = connection.execute(select(sessions.c.ended_at, sessions.c.last_seen_at)).one()
    assert (row.ended_at, row.last_seen_at) == (now, now)
    assert lines() == before


def test_a_cache_learns_of_a_logout(database: Database, login: LoggedIn, now: datetime) -> None:
    with database.read() as connection:
        before = latest_account_change(connection)
    with database.write() as connection:
        end_session(connection, login.session, now=now)
        assert latest_account_change(connection) != before


def test_sessions_that_are_over_by_themselves_get_their_end_written_down(
    database: Database, login: LoggedIn, log_in: Callable[..., LoginOutcome], now: datetime, lines: Callable[[], list]
) -> None:
    later = now + timedelta(seconds=1_800)
    young = log_in("robin", later)
    assert isinstance(young, LoggedIn)
    with database.write() as connection:
        assert end_lapsed_sessions(connection, policy=_POLICY, now=later) == 1
        assert end_lapsed_sessions(connection, policy=_POLICY, now=later) == 0
    assert _find(database, young, later) == young.session
    assert lines()[-1] == ("system", "session.lapsed", "session:None", {"count": 1})
