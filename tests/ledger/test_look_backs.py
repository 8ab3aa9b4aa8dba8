from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hedgerow import ledger
from hedgerow.audit.tables import audit_entries
from hedgerow.banks import change_bank, create_bank, withdraw_entry
from hedgerow.errors import EntryNotFound, InvalidLookBack, LookBackLost, LookBackNotFound
from hedgerow.ledger import LEASE, MOST_ATTEMPTS, LookBack, LookBackClaim, LookBackState

if TYPE_CHECKING:
    from .conftest import House


def _ask(house: House, *entries: int) -> LookBack:
    with house.database.write() as connection:
        return ledger.request_look_back(connection, house.bank, entries or None, actor="user:1", now=house.now)


def _claim(house: House, later: timedelta = timedelta(0), only: int | None = None) -> LookBackClaim | None:
    with house.database.write() as connection:
        return ledger.claim_look_back(connection, now=house.now + later, only=only)


def _taken(house: House, later: timedelta = timedelta(0)) -> LookBackClaim:
    claim = _claim(house, later)
    assert claim is not None
    return claim


def _collect(house: House) -> list[LookBack]:
    with house.database.read() as connection:
        is_wanted = ledger.has_uncollected(connection)
    with house.database.write() as connection:
        asked = ledger.request_for_added(connection, now=house.now)
    assert is_wanted or not asked
    return asked


def _finish(house: House, claim: LookBackClaim) -> LookBack:
    with house.database.write() as connection:
        return ledger.finish(connection, claim, now=house.now)


def _lines(house: House) -> list[tuple[str, dict[str, object]]]:
    with house.database.read() as connection:
        rows = connection.execute(
            select(audit_entries.c.action, audit_entries.c.details)
            .where(audit_entries.c.action.like("lookback.%"))
            .order_by(audit_entries.c.sequence)
        )
        return [(row.action, json.loads(row.details)) for row in rows]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_look_back_waits_until_somebody_claims_it(house: House) -> None:
    asked = _ask(house)
    assert (asked.state, asked.entry_ids, asked.cursor, asked.total) == (LookBackState.WAITING, None, 0, None)
    assert (asked.requested_by, asked.requested_at) == ("user:1", house.now)
    assert not asked.has_ended
    assert not asked.is_automatic


def test_asking_for_the_same_again_while_it_waits_gives_the_same(house: House) -> None:
    house.bank_signals(1, 2)
    assert _ask(house).id == _ask(house).id
    assert _ask(house, 1, 2).id == _ask(house, 2, 1, 1).id
    assert _ask(house, 1).id != _ask(house, 2).id
    _taken(house)
    assert _ask(house).id == 5


def test_entries_of_other_banks_and_none_and_too_many_are_refused(house: House) -> None:
    house.bank_signals(1)
    with house.database.write() as connection:
        other = create_bank(connection, "other", now=house.now)
    house.bank_signals(2, bank=other)
    with pytest.raises(EntryNotFound):
        _ask(house, 2)
    for wrong in ([], range(1, 2_000)):
        with pytest.raises(InvalidLookBack), house.database.write() as connection:
            ledger.request_look_back(connection, house.bank, list(wrong), actor="cli", now=house.now)


def test_a_look_back_is_found_and_listed(house: House) -> None:
    house.bank_signals(1)
    first, second = _ask(house), _ask(house, 1)
    _finish(house, _taken(house))
    with house.database.read() as connection:
        assert ledger.find_look_back(connection, second.id).entry_ids == (1,)
        assert [each.id for each in ledger.list_look_backs(connection)] == [second.id, first.id]
        assert [each.id for each in ledger.list_look_backs(connection, is_open=True)] == [second.id]
        assert [each.id for each in ledger.list_look_backs(connection, before=second.id)] == [first.id]
        assert ledger.list_look_backs(connection, bank_id=99) == []
        with pytest.raises(LookBackNotFound):
            ledger.find_look_back(connection, 99)


# ── collecting ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_banked_is_collected_once(house: House) -> None:
    assert _collect(house) == []
    house.bank_signals(1)
    house.bank_signals(2)
    (asked,) = _collect(house)
    assert asked.is_automatic
    assert _collect(house) == []
    house.bank_signals(3)
    assert _collect(house) == []  # the one that waits will take it
    claim = _taken(house)
    assert claim.look_back.since_sequence == 0
    house.bank_signals(4)
    assert _collect(house) == []  # one at a time
    _finish(house, claim)
    (following,) = _collect(house)
    assert following.since_sequence == claim.look_back.until_sequence
    _finish(house, _taken(house))
    assert _collect(house) == []


def test_a_withdrawal_alone_asks_for_nothing(house: House) -> None:
    house.bank_signals(1, 2)
    _collect(house)
    _finish(house, _taken(house))
    with house.database.write() as connection:
        withdraw_entry(connection, house.bank, 1, now=house.now)
    assert _collect(house) == []


def test_a_bank_that_is_switched_off_is_not_collected(house: House) -> None:
    house.bank_signals(1)
    with house.database.write() as connection:
        change_bank(connection, house.bank, is_enabled=False)
    assert _collect(house) == []


def test_what_a_stopped_one_was_to_collect_is_collected_by_the_next(house: House) -> None:
    house.bank_signals(1)
    (asked,) = _collect(house)
    _taken(house)
    with house.database.write() as connection:
        ledger.stop_look_back(connection, asked.id, actor="user:1", now=house.now)
    (again,) = _collect(house)
    assert (again.since_sequence, again.id) == (0, asked.id + 1)


def test_of_workers_that_collect_at_once_one_asks(house: House) -> None:
    house.bank_signals(1)
    with ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(lambda _: _collect(house), range(8)))
    assert sum(len(each) for each in asked) == 1


# ── working ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_workers_that_claim_at_once_one_gets_it(house: House) -> None:
    _ask(house)
    with ThreadPoolExecutor(4) as threads:
        claims = list(threads.map(lambda _: _claim(house), range(8)))
    assert sum(claim is not None for claim in claims) == 1


def test_the_oldest_is_claimed_first_unless_one_is_named(house: House) -> None:
    house.bank_signals(1)
    first, second = _ask(house), _ask(house, 1)
    claim = _claim(house, only=second.id)
    assert claim is not None
    assert claim.look_back.id == second.id
    assert _taken(house).look_back.id == first.id
    assert _claim(house) is None


def test_whoever_lost_the_lease_writes_nothing(house: House) -> None:
    _ask(house)
    lost = _taken(house)
    assert _claim(house, LEASE) is None
    taken = _taken(house, LEASE + timedelta(seconds=1))
    assert taken.look_back.id == lost.look_back.id
    with house.database.write() as connection:
        for write in (
            lambda: ledger.begin(connection, lost, until_id=1, total=1, now=house.now),
            lambda: ledger.extend(connection, lost, now=house.now),
            lambda: ledger.advance(connection, lost, cursor=1, checked=1, now=house.now),
            lambda: ledger.finish(connection, lost, now=house.now),
            lambda: ledger.give_back(connection, lost, now=house.now),
            lambda: ledger.fail(connection, lost, "trouble", now=house.now),
        ):
            with pytest.raises(LookBackLost):
                write()
        advanced = ledger.advance(connection, taken, cursor=7, checked=5, unreadable=1, found=2, now=house.now)
    assert (advanced.look_back.cursor, advanced.look_back.checked, advanced.look_back.found) == (7, 5, 2)


def test_progress_lets_the_lease_begin_anew(house: House) -> None:
    _ask(house)
    claim = _taken(house)
    later = LEASE - timedelta(seconds=1)
    with house.database.write() as connection:
        claim = ledger.advance(connection, claim, cursor=1, checked=1, now=house.now + later)
    assert claim.lease_until == house.now + later + LEASE
    assert _claim(house, LEASE + timedelta(seconds=1)) is None


def test_what_is_given_back_is_claimed_at_once_and_goes_on_where_it_was(house: House) -> None:
    _ask(house)
    claim = _taken(house)
    with house.database.write() as connection:
        claim = ledger.begin(connection, claim, until_id=9, total=9, now=house.now)
        claim = ledger.advance(connection, claim, cursor=4, checked=4, now=house.now)
        ledger.give_back(connection, claim, now=house.now)
    again = _taken(house).look_back
    assert (again.cursor, again.until_id, again.state, again.attempts) == (4, 9, LookBackState.RUNNING, 1)


def test_after_trouble_it_waits_and_then_is_tried_again(house: House) -> None:
    _ask(house)
    claim = _taken(house)
    with house.database.write() as connection:
        failed = ledger.fail(connection, claim, "database_unavailable", now=house.now)
    assert failed.last_error == "database_unavailable"
    assert _claim(house, timedelta(seconds=9)) is None
    assert _taken(house, timedelta(seconds=10)).look_back.attempts == 2


def test_a_look_back_that_kills_every_worker_is_stopped(house: House) -> None:
    _ask(house)
    later = timedelta(0)
    for _ in range(MOST_ATTEMPTS):
        _taken(house, later)
        later += LEASE + timedelta(seconds=1)
    assert _claim(house, later) is None
    with house.database.read() as connection:
        ended = ledger.find_look_back(connection, 1)
    assert (ended.state, ended.last_error) == (LookBackState.STOPPED, "died")


def test_trouble_that_waiting_does_not_mend_stops_it(house: House) -> None:
    _ask(house)
    claim = _taken(house)
    with house.database.write() as connection:
        assert ledger.fail(connection, claim, "bank_disabled", now=house.now, is_final=True).has_ended
    assert _claim(house, timedelta(days=1)) is None


def test_a_person_can_stop_it_whoever_works_on_it(house: House) -> None:
    asked = _ask(house)
    claim = _taken(house)
    with house.database.write() as connection:
        stopped = ledger.stop_look_back(connection, asked.id, actor="user:2", now=house.now)
        assert (stopped.state, stopped.ended_at) == (LookBackState.STOPPED, house.now)
        with pytest.raises(LookBackLost):
            ledger.finish(connection, claim, now=house.now)
        assert ledger.stop_look_back(connection, asked.id, actor="user:3", now=house.now) == stopped
        with pytest.raises(LookBackNotFound):
            ledger.stop_look_back(connection, 99, actor="user:2", now=house.now)


def test_the_audit_has_a_line_for_the_request_the_start_and_the_end(house: House) -> None:
    house.bank_signals(1)
    _ask(house, 1)
    claim = _taken(house)
    with house.database.write() as connection:
        ledger.give_back(connection, claim, now=house.now)
    claim = _taken(house)  # no second start
    _finish(house, claim)
    assert _lines(house) == [
        ("lookback.requested", {"bank": 1, "entries": 1, "since": None}),
        ("lookback.started", {"bank": 1}),
        ("lookback.done", {"bank": 1, "checked": 0, "unreadable": 0, "found": 0, "why": None}),
    ]
