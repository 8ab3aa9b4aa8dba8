from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.accounts import SessionPolicy, find_user
from hedgerow.accounts.sessions import begin_session
from hedgerow.app import now as clock
from hedgerow.audit import append, entry_lines, list_checkpoints, verify
from hedgerow.audit.keys import FOLDER, known_public_keys
from hedgerow.banks import create_bank
from hedgerow.cases import State, claim_case
from hedgerow.exchanges.exchanging import create_exchange, standing_of
from hedgerow.workers.jobs import (
    JOBS,
    end_sessions,
    fetch_exchanges,
    make_checkpoint,
    return_lapsed_claims,
    wake_cases,
)
from hedgerow.workers.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.workers.conftest import House

    from hedgerow.database import Database
    from hedgerow.workers.model import Parts

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


def _at(now: datetime) -> Turn:
    return Turn(lambda: now)


def test_every_job_has_a_name_of_its_own_and_a_rhythm() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(0 < job.every_s <= 3_600 for job in JOBS)


def test_a_claim_that_ran_out_goes_back_to_its_queue(house: House, wiring: Callable[..., Parts], now: datetime) -> None:
    case = house.opened("post-1")
    with house.database.write() as connection:
        claim = claim_case(connection, case.id, house.user, now=now)
    assert return_lapsed_claims(wiring(), _at(claim.expires_at - timedelta(seconds=1))) == 0
    assert return_lapsed_claims(wiring(), _at(claim.expires_at)) == 1
    assert house.case(case).state is State.OPEN


def test_a_case_that_was_put_aside_comes_back_in_time(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    from hedgerow.cases import put_aside  # noqa: PLC0415  (only here)

    case = house.opened("post-1")
    until = now + timedelta(hours=2)
    with house.database.write() as connection:
        claim = claim_case(connection, case.id, house.user, now=now)
        put_aside(connection, claim, until=until, reason="asked", now=now)
    assert wake_cases(wiring(), _at(until - timedelta(seconds=1))) == 0
    assert wake_cases(wiring(), _at(until)) == 1
    assert house.case(case).state is State.OPEN


def test_sessions_that_are_over_are_ended_as_the_settings_say(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    with house.database.write() as connection:
        user = find_user(connection, "ada")
        begin_session(connection, user, policy=SessionPolicy(1_800, 43_200), how="password", now=now)
    assert end_sessions(wiring(), _at(now + timedelta(minutes=29))) == 0
    assert end_sessions(wiring(), _at(now + timedelta(minutes=31))) == 1


def test_a_checkpoint_is_made_at_first_and_then_as_often_as_the_settings_say(
    database: Database, wiring: Callable[..., Parts], now: datetime
) -> None:
    parts = wiring(checkpoint_hours=24)
    hours = [0, 1, 23, 24, 25, 47, 48, 72]
    assert make_checkpoint(parts, _at(now)) == 0  # there is nothing to sign
    made = []
    for hour in hours:
        if hour != 72:  # nothing new between the last two
            with database.write() as connection:
                append(connection, actor="cli", action="case.viewed", subject_type="case", subject_id=hour, now=now)
        made.append(make_checkpoint(parts, _at(now + timedelta(hours=hour))))
    assert made == [1, 0, 0, 1, 0, 0, 1, 0]
    with database.read() as connection:
        found = verify(
            entry_lines(connection),
            checkpoints=list_checkpoints(connection),
            public_keys=known_public_keys(parts.settings.data / FOLDER),
        )
    assert found.is_sound
    assert len(found.held) == 3


def test_no_checkpoint_is_made_where_the_settings_want_none(
    database: Database, wiring: Callable[..., Parts], now: datetime
) -> None:
    with database.write() as connection:
        append(connection, actor="cli", action="case.viewed", subject_type="case", subject_id=1, now=now)
    assert make_checkpoint(wiring(checkpoint_hours=0), _at(now)) == 0


@pytest.mark.sqlite_file
def test_exchanges_are_fetched_when_they_are_due(wiring: Callable[..., Parts], now: datetime) -> None:
    parts = wiring()
    folder = parts.settings.data / "exchanges"
    folder.mkdir(parents=True)
    (folder / "weekly.txt").write_text(f"{'0f' * 32}\n{'f0' * 32}\n", "ascii")
    with parts.database.write() as connection:
        bank = create_bank(connection, "WEEKLY", now=clock())
        create_exchange(connection, bank, "local_file", {"filename": "weekly.txt"}, actor="cli", now=clock())
    assert fetch_exchanges(parts, _at(now)) == 1
    assert fetch_exchanges(parts, _at(now)) == 0
    with parts.database.read() as connection:
        standing = standing_of(connection, "WEEKLY")
    assert (standing.records, standing.is_current) == (2, True)
