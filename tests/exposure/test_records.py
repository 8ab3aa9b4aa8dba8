"""Counters, caps, breaks and opt-outs on both kinds of database."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import exposure
from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.audit import list_entries
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import (
    ContentSignal,
    Form,
    NewMatch,
    NewSubmission,
    NewView,
    Queue,
    claim_next,
    open_or_join_case,
    record_submission,
    record_view,
)
from hedgerow.errors import BreakDue, CapReached, LimitRefused, OptedOut, UserNotFound
from hedgerow.exposure import Limits
from hedgerow.exposure.records import check_own_break
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default

if TYPE_CHECKING:
    from hedgerow.database import Database

LIMITS = Limits(daily_looks=3, looks_until_break=100, break_length=timedelta(minutes=10))


class Room:
    """Three people, and one case for each category."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        self.cases: dict[str | None, int] = {}
        self.submissions: dict[str | None, int] = {}
        with database.write() as connection:
            self.ada, self.ben, self.cem = (
                create_user(connection, name, roles=[Role.REVIEWER], actor="system", now=now).id
                for name in ("ada", "ben", "cem")
            )
            policy = install_default(connection, now=now)
            bank = create_bank(connection, "known", now=now)
            add_entries(connection, bank, [NewEntry(Signal("pdq", hashlib.sha256(b"known").digest()))], now=now)
            for number, category in enumerate((None, "terror", "csam")):
                bits = hashlib.sha256(b"%d" % number).digest()
                sent = NewSubmission(
                    f"post-{number}", "api", account_id=f"account-{number}", sha256=bits, policy_version=policy
                )
                submission = record_submission(connection, sent, now=now).submission
                match = NewMatch(
                    bank.id,
                    bank.name,
                    1,
                    "person",
                    "pdq",
                    8,
                    31,
                    "as is",
                    Tier.NEAR,
                    Outcome("a rule", Then.REVIEW, 1 + number, "near"),
                    policy,
                    category=category,
                )
                gathered = open_or_join_case(
                    connection, submission, [match], signal=ContentSignal(bits, 90), actor="key:1", now=now
                )
                assert gathered is not None
                self.cases[category], self.submissions[category] = gathered.case.id, submission.id

    def look(self, user: int, category: str | None = None, at: datetime | None = None, **how: Any) -> None:
        """Look as a page lets somebody look: allowed and recorded in one transaction."""
        at = at or self.now
        with self.database.write() as connection:
            exposure.allow_look(connection, user, self.submissions[category], LIMITS, now=at)
            self._record(connection, user, category, at, **how)

    def _record(self, connection: Any, user: int, category: str | None, at: datetime, **how: Any) -> None:
        name = how.pop("reveal", secrets.token_hex(8))
        view = NewView(
            self.cases[category], self.submissions[category], user, how.pop("form", Form.FULL), at, reveal=name, **how
        )
        record_view(connection, view, now=at)

    def record(self, user: int, **how: Any) -> None:
        with self.database.write() as connection:
            self._record(connection, user, None, how.pop("at", self.now), **how)

    def standing(self, user: int, at: datetime | None = None) -> exposure.Standing:
        with self.database.read() as connection:
            return exposure.standing_of(connection, user, LIMITS, now=at or self.now)


@pytest.fixture
def room(database: Database, now: datetime) -> Room:
    return Room(database, now)


def test_rows_of_one_look_count_once_and_filtered_views_do_not_count(room: Room) -> None:
    room.record(room.ada, reveal="one")
    room.record(room.ada, reveal="one", seconds=2.0)
    room.record(room.ada, reveal=None)
    room.record(room.ada, reveal=None)
    room.record(room.ada, form=Form.BLURRED)
    room.record(room.ben)
    assert room.standing(room.ada).looks == 3
    assert room.standing(room.ada, room.now + timedelta(hours=24)).looks == 0


def test_the_look_after_the_cap_is_refused_and_not_recorded(room: Room) -> None:
    for _ in range(3):
        room.look(room.ada)
    with pytest.raises(CapReached):
        room.look(room.ada)
    assert room.standing(room.ada).looks == 3
    room.look(room.ben)


def test_of_two_looks_at_once_the_second_one_counts_the_first(room: Room) -> None:
    for _ in range(2):
        room.look(room.ada)
    barrier, refused = Barrier(2), []

    def look() -> None:
        barrier.wait()
        try:
            room.look(room.ada)
        except CapReached as error:
            refused.append(error)

    threads = [Thread(target=look) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(refused), room.standing(room.ada).looks) == (1, 3)


def test_a_cap_is_lowered_by_oneself_and_raised_by_another_on_record(room: Room) -> None:
    with room.database.write() as connection:
        exposure.lower_cap(connection, room.ada, 1, LIMITS, now=room.now)
        with pytest.raises(LimitRefused):
            exposure.lower_cap(connection, room.ada, 2, LIMITS, now=room.now)
        with pytest.raises(LimitRefused):
            exposure.set_cap(connection, room.ada, 2, LIMITS, actor=f"user:{room.ada}", now=room.now)
        with pytest.raises(UserNotFound):
            exposure.set_cap(connection, 999, 2, LIMITS, actor=f"user:{room.ben}", now=room.now)
        exposure.set_cap(connection, room.ada, 5, LIMITS, actor=f"user:{room.ben}", now=room.now)
        assert exposure.caps_of(connection) == {room.ada: 5}
        told = [(each.actor, each.details) for each in list_entries(connection) if each.action == "exposure.cap_set"]
    assert told == [
        (f"user:{room.ada}", {"before": 3, "cap": 1}),
        (f"user:{room.ben}", {"before": 1, "cap": 5}),
    ]


def test_nothing_is_shown_of_a_category_that_somebody_opted_out_of(room: Room) -> None:
    with room.database.write() as connection:
        assert exposure.known_categories(connection) == ["csam", "terror"]
        exposure.save_opt_outs(connection, room.ada, ["terror"])
    with pytest.raises(OptedOut):
        room.look(room.ada, "terror")
    room.look(room.ada, "csam")
    room.look(room.ben, "terror")
    with room.database.write() as connection:
        exposure.save_opt_outs(connection, room.ada, [])
    room.look(room.ada, "terror")


def test_cases_of_a_category_are_left_to_others(room: Room) -> None:
    def next_of(user: int, *passes_by: str) -> int | None:
        with room.database.write() as connection:
            claim = claim_next(connection, list(Queue), user, now=room.now, passes_by=passes_by)
            return None if claim is None else claim.case_id

    assert next_of(room.ada, "terror", "csam") == room.cases[None]
    assert next_of(room.ada, "terror", "csam") is None
    assert next_of(room.ben) == room.cases["terror"]


def test_a_break_of_ones_own_begins_and_ends_when_one_wants_it(room: Room) -> None:
    with room.database.write() as connection:
        until = exposure.begin_break(connection, room.ada, timedelta(minutes=5), now=room.now)
        with pytest.raises(BreakDue):
            check_own_break(connection, room.ada, now=room.now)
        check_own_break(connection, room.ben, now=room.now)
    assert until == room.now + timedelta(minutes=5)
    with pytest.raises(BreakDue):
        room.look(room.ada)
    with room.database.write() as connection:
        exposure.begin_break(connection, room.ada, timedelta(minutes=10), now=room.now)
        exposure.end_break(connection, room.ada)
    room.look(room.ada)


def test_sums_tell_of_three_people_and_of_no_fewer(room: Room) -> None:
    for user in (room.ada, room.ben):
        room.record(user)
        room.record(user)
    with room.database.read() as connection:
        assert exposure.sum_looks(connection, [1], now=room.now) == [exposure.Sum(1, 2, None)]
    room.record(room.cem, at=room.now - timedelta(days=2))
    with room.database.read() as connection:
        found = exposure.sum_looks(connection, [1, 7], now=room.now)
    assert found == [exposure.Sum(1, 2, None), exposure.Sum(7, 3, 5)]


def test_breaks_and_opt_outs_leave_no_line_in_the_audit(room: Room) -> None:
    with room.database.write() as connection:
        before = len(list_entries(connection, limit=1_000))
        exposure.begin_break(connection, room.ada, timedelta(minutes=5), now=room.now)
        exposure.save_opt_outs(connection, room.ada, ["terror"])
        assert len(list_entries(connection, limit=1_000)) == before
