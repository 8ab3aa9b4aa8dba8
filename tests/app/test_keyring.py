from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.accounts import create_key, list_keys, revoke_key
from hedgerow.app.keyring import KeyRing, RateLimits
from hedgerow.audit import list_entries
from hedgerow.errors import DatabaseUnavailable, KeyRefused, TooManyRequests

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.accounts import NewKey
    from hedgerow.database import Database


@pytest.fixture
def made(database: Database, now: datetime) -> NewKey:
    with database.write() as connection:
        return create_key(connection, "platform", scopes=("match",), actor="cli", now=now)


@pytest.fixture
def ring(database: Database, made: NewKey) -> KeyRing:  # made first, so that the ring has heard of it
    ring = KeyRing(database)
    ring.refresh()
    return ring


def test_a_key_that_was_shown_is_remembered_without_its_text(ring: KeyRing, made: NewKey, now: datetime) -> None:
    assert ring.remembered(made.text, per_minute=60, now=now) is None
    assert ring.authenticate(made.text, per_minute=60, now=now) == made.key
    assert ring.remembered(made.text, per_minute=60, now=now) == made.key
    assert made.text not in repr(vars(ring))


def test_before_the_first_refresh_nothing_is_remembered(database: Database, made: NewKey, now: datetime) -> None:
    ring = KeyRing(database)
    assert ring.authenticate(made.text, per_minute=60, now=now) == made.key
    assert ring.remembered(made.text, per_minute=60, now=now) is None


def test_a_revoked_key_works_no_more_after_the_next_refresh(
    ring: KeyRing, made: NewKey, database: Database, now: datetime
) -> None:
    ring.authenticate(made.text, per_minute=60, now=now)
    with database.write() as connection:
        revoke_key(connection, made.key.id, actor="cli", now=now)
    ring.refresh()
    with pytest.raises(KeyRefused):
        ring.authenticate(made.text, per_minute=60, now=now)


def test_a_key_that_was_looked_up_while_it_was_revoked_is_not_remembered(
    ring: KeyRing, made: NewKey, database: Database, now: datetime
) -> None:
    with database.write() as connection:  # a change that this ring has not heard of
        create_key(connection, "another", scopes=("match",), actor="cli", now=now)
    assert ring.authenticate(made.text, per_minute=60, now=now) == made.key
    assert ring.remembered(made.text, per_minute=60, now=now) is None


def test_a_remembered_key_expires_at_its_time(database: Database, ring: KeyRing, now: datetime) -> None:
    with database.write() as connection:
        key = create_key(
            connection, "for a day", scopes=("match",), expires_at=now + timedelta(days=1), actor="cli", now=now
        )
    ring.refresh()
    ring.authenticate(key.text, per_minute=60, now=now)
    assert ring.remembered(key.text, per_minute=60, now=now + timedelta(days=1)) is None
    with pytest.raises(KeyRefused):
        ring.authenticate(key.text, per_minute=60, now=now + timedelta(days=1))


def test_a_wrong_secret_of_a_known_key_is_on_record_and_no_key_at_all_is_not(
    ring: KeyRing, made: NewKey, database: Database, now: datetime
) -> None:
    for text in (made.text[:-1] + ("a" if made.text[-1] != "a" else "b"), "nothing", "", "hgk_\ud800"):
        with pytest.raises(KeyRefused):
            ring.authenticate(text, per_minute=60, now=now)
    with database.read() as connection:
        assert len(list_entries(connection, action="key.refused")) == 1


def test_when_keys_were_used_is_written_down_together(
    ring: KeyRing, made: NewKey, database: Database, now: datetime
) -> None:
    for minutes in range(3):
        ring.authenticate(made.text, per_minute=60, now=now + timedelta(minutes=minutes))
    assert ring.note_uses() == 1
    assert ring.note_uses() == 0
    with database.read() as connection:
        [key] = list_keys(connection)
    assert key.last_used_at == now + timedelta(minutes=2)


def test_a_key_with_a_limit_of_its_own_is_held_to_that(database: Database, ring: KeyRing, now: datetime) -> None:
    with database.write() as connection:
        key = create_key(connection, "slow", scopes=("match",), requests_per_minute=2, actor="cli", now=now)
    ring.refresh()
    for _ in range(2):
        ring.authenticate(key.text, per_minute=1_000, now=now)
    with pytest.raises(TooManyRequests) as refused:
        ring.remembered(key.text, per_minute=1_000, now=now)
    assert 0 < refused.value.wait_s <= 30


def test_while_the_database_is_away_no_key_is_believed(
    ring: KeyRing, made: NewKey, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.authenticate(made.text, per_minute=60, now=now)

    def away(*_: object) -> None:
        raise DatabaseUnavailable("it is away")

    monkeypatch.setattr("hedgerow.accounts.latest_account_change", away)
    with pytest.raises(DatabaseUnavailable):
        ring.refresh()
    assert ring.remembered(made.text, per_minute=60, now=now) is None


@given(
    steps=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
    per_minute=st.integers(1, 100),
)
def test_nobody_ever_gets_more_than_the_limit_and_a_minutes_worth(steps: list[float], per_minute: int) -> None:
    time = 0.0
    limits = RateLimits(clock=lambda: time)
    taken = 0
    for step in steps:
        time += step
        try:
            limits.take("somebody", per_minute)
        except TooManyRequests as refused:
            assert 0 < refused.wait_s <= 60 / per_minute + 1e-6  # noqa: PT017  (how long it is, in each of many rounds)
        else:
            taken += 1
    assert taken <= per_minute * (1 + time / 60) + 1e-6


def test_one_that_asks_too_often_keeps_nobody_else_waiting() -> None:
    limits = RateLimits(clock=lambda: 0.0)
    limits.take("one", 1)
    with pytest.raises(TooManyRequests):
        limits.take("one", 1)
    limits.take("another", 1)
