"""Looking back, on both databases; kills are played by exceptions that nothing catches."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import func, insert, select, update

from hedgerow import ledger
from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.actions import add_endpoint
from hedgerow.actions.tables import deliveries
from hedgerow.audit.tables import audit_entries
from hedgerow.banks import Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.held import latest_change
from hedgerow.cases import NewSubmission, Statement, Verdict, claim_case, decide, find_case, record_submission
from hedgerow.cases.tables import case_items, cases, matches, submissions
from hedgerow.database.sealing import ServiceKeys
from hedgerow.evidence import list_evidence
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import LEVELS, Signal
from hedgerow.ledger import LookBackState, pack_signals
from hedgerow.ledger.tables import ledger_rows
from hedgerow.policy import install_default
from hedgerow.screening.look_back import LookBacks, Pace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.ledger import LookBack

Found = set[tuple[str, int, int, str]]


def bits_of(number: int, flipped: int = 0) -> bytes:
    bits = int.from_bytes(hashlib.sha256(b"past %d" % number).digest(), "big")
    return (bits ^ ((1 << flipped) - 1)).to_bytes(32, "big")


def picture(number: int, flipped: int = 0, **others: Any) -> Signal:
    return Signal("pdq", bits_of(number, flipped), **({"quality": 90} | others))


class Killed(BaseException):
    """A process that is no more: nothing it could catch."""


class Mortal:
    """A database during whose n-th transaction that writes the process dies: before its commit, or right after."""

    def __init__(self, database: Database, at: int, *, is_committed: bool) -> None:
        self._database = database
        self._left = at
        self._is_committed = is_committed
        self.read, self.read_latest = database.read, database.read_latest

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._left -= 1
        with self._database.write() as connection:
            yield connection
            if self._left == 0 and not self._is_committed:
                raise Killed
        if self._left == 0:
            raise Killed


class Past:
    """A platform's past: what was submitted, and what is banked since."""

    def __init__(self, database: Database, data: Path, now: datetime) -> None:
        self.database = database
        self.data = data
        self.now = now
        self.slept: list[float] = []
        self._contents = 0
        with database.write() as connection:
            install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)

    def submit(self, *signals: Signal, days: float = 90, seen: tuple[str, int] | None = None, **others: Any) -> int:
        self._contents += 1
        content = f"post-{self._contents}"
        values = {"content_id": content, "door": "api", "account_id": f"account-{self._contents}"} | others
        with self.database.write() as connection:
            submission = record_submission(connection, NewSubmission(**values), now=self.now).submission
            keep_until = self.now + timedelta(days=days)
            ledger.record(connection, submission.id, signals, now=self.now, keep_until=keep_until, seen=seen)
        return submission.id

    def know(self, *signals: Signal) -> None:
        with self.database.write() as connection:
            added = add_entries(connection, self.bank, [NewEntry(each) for each in signals], now=self.now)
        assert added.added == len(signals)

    def ask(self, *entries: int) -> int:
        with self.database.write() as connection:
            return ledger.request_look_back(connection, self.bank, entries or None, actor="user:1", now=self.now).id

    def looking(self, database: Any = None, *, pace: Pace | None = None, small: int = 20_000) -> LookBacks:
        return LookBacks(
            database or self.database,
            self.data,
            pace=pace or Pace(slice_rows=3, pause_s=None),
            small_bank_entries=small,
            sleep=self.slept.append,
        )

    def run(self, later: timedelta = timedelta(hours=1), **how: Any) -> LookBack | None:
        return self.looking(**how).run_next(now=lambda: self.now + later)

    def look_back(self, *entries: int, **how: Any) -> LookBack:
        number = self.ask(*entries)
        ended = self.run(**how)
        assert ended is not None
        assert ended.id == number
        return ended

    def found(self) -> Found:
        """Say which content matches which entry, at what distance and under which variant."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(submissions.c.content_id, matches.c.entry_id, matches.c.distance, matches.c.variant).join(
                    submissions, submissions.c.id == matches.c.submission_id
                )
            ).all()
        assert len(set(rows)) == len(rows)
        return {tuple(row) for row in rows}  # type: ignore[misc]  # four columns

    def count(self, table: Any) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def past(database: Database, tmp_path: Path, now: datetime) -> Past:
    return Past(database, tmp_path, now)


# ── what is found ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_submitted_before_it_was_banked_is_found_and_goes_to_people(past: Past) -> None:
    past.submit(picture(1))
    past.submit(picture(2, 5), picture(2, 40, variant="mirrored", level="standard"))
    past.submit(picture(3))
    past.know(picture(2), picture(3, 31))
    ended = past.look_back()
    assert past.found() == {("post-2", 1, 5, "as is"), ("post-3", 2, 31, "as is")}
    assert (ended.state, ended.total, ended.checked, ended.found) == (LookBackState.DONE, 3, 3, 2)
    assert (past.count(cases), past.count(case_items)) == (2, 2)
    with past.database.read() as connection:
        when = connection.execute(select(matches.c.matched_at, submissions.c.received_at).join(submissions)).all()
        lines = connection.execute(
            select(audit_entries.c.details).where(audit_entries.c.action == "submission.looked_back")
        ).scalars()
        assert [json.loads(line) for line in lines] == [{"lookback": 1, "matches": 1, "suppressed": 0}] * 2
    assert all(row.matched_at == row.received_at + timedelta(hours=1) for row in when)


def test_a_case_that_a_look_back_opens_says_why_there_are_no_bytes(past: Past) -> None:
    past.submit(picture(1), size_bytes=17)
    past.submit(picture(2))
    past.know(picture(1), picture(2))
    past.look_back()
    with past.database.read() as connection:
        found = [(each.state, each.missing_reason) for each in list_evidence(connection)]
    assert found == [("missing", "not_kept"), ("missing", "signals_only")]


def test_only_the_entries_that_are_named_are_looked_for(past: Past) -> None:
    past.submit(picture(1), picture(2))
    past.know(picture(1), picture(2))
    past.look_back(2)
    assert past.found() == {("post-1", 2, 0, "as is")}


def test_looking_back_again_finds_nothing_anew_and_doubles_nothing(past: Past) -> None:
    past.submit(picture(1), account_id="one")
    past.submit(picture(1, 3), account_id="one")
    past.know(picture(1))
    assert past.look_back().found == 2
    before = past.found()
    with past.database.read() as connection:
        version = find_case(connection, 1).version
    ended = past.look_back()
    assert (ended.found, ended.checked, past.found()) == (0, 2, before)
    assert (past.count(cases), past.count(case_items)) == (1, 2)
    with past.database.read() as connection:
        assert find_case(connection, 1).version == version


def test_what_was_withdrawn_finds_nothing(past: Past) -> None:
    past.submit(picture(1), picture(2))
    past.know(picture(1), picture(2))
    with past.database.write() as connection:
        withdraw_entry(connection, past.bank, 1, now=past.now)
    past.look_back()
    past.look_back(1)
    assert past.found() == {("post-1", 2, 0, "as is")}


def test_what_is_withdrawn_while_it_runs_finds_nothing(past: Past) -> None:
    past.submit(picture(1))
    past.know(picture(1))
    number = past.ask()
    looking = past.looking()

    def withdrawing() -> datetime:
        # the clock is read before the first slice is searched, and after the entries were taken
        return past.now

    original = ledger.rows_after

    def rows_after(*args: Any, **how: Any) -> Any:
        with past.database.write() as connection:
            withdraw_entry(connection, past.bank, 1, now=past.now)
        ledger.rows_after = original  # type: ignore[assignment]  # once is enough
        with past.database.read() as connection:
            return original(connection, *args[1:], **how)

    ledger.rows_after = rows_after  # type: ignore[assignment]  # put back in it
    try:
        ended = looking.run_next(now=withdrawing, only=number)
    finally:
        ledger.rows_after = original  # type: ignore[assignment]  # as it was
    assert ended is not None
    assert (ended.state, ended.found) == (LookBackState.DONE, 0)
    assert past.found() == set()


@pytest.mark.parametrize("small", [20_000, 0], ids=["an index of its own", "the bank's index"])
def test_digests_and_videos_are_found_too(past: Past, small: int) -> None:
    def frames(first: int, count: int) -> FrameList:
        times = np.arange(count, dtype=float)
        looks = np.frombuffer(b"".join(bits_of(first + each) for each in range(count)), np.uint8)
        return FrameList.of(looks.reshape(-1, 32), np.full(count, 90), np.arange(count), times, times + 1, count)

    def video(first: int, count: int) -> Signal:
        listed = frames(first, count)
        return Signal("vpdq", listed.digest(), frames=listed)

    md5 = Signal("md5", hashlib.md5(b"file", usedforsecurity=False).digest())
    past.submit(video(100, 20))
    past.submit(picture(105, 2))
    past.submit(md5)
    past.submit(picture(7), md5)
    past.know(video(98, 12), picture(118), md5)
    past.look_back(small=small)
    assert {(content, entry) for content, entry, _, _ in past.found()} == {
        ("post-1", 1),  # ten seconds of the known video
        ("post-1", 2),  # a known picture in it
        ("post-2", 1),  # a frame of the known video
        ("post-3", 3),
        ("post-4", 3),
    }


def test_a_pair_that_was_judged_to_be_no_match_is_kept_and_asks_nobody(past: Past, now: datetime) -> None:
    sha256 = hashlib.sha256(b"the file").digest()
    past.submit(picture(1), sha256=sha256)
    past.know(picture(1))
    past.look_back()
    with past.database.write() as connection:
        ada = create_user(connection, "ada", roles=[Role.REVIEWER], actor="system", now=now).id
        claim = claim_case(connection, 1, ada, now=now + timedelta(hours=1))
        decide(
            connection,
            claim,
            Statement(Verdict.NOT_A_MATCH),
            seen_version=find_case(connection, 1).version,
            now=now + timedelta(hours=1),
        )
    past.submit(picture(1), sha256=sha256)
    ended = past.look_back()
    assert ended.found == 1
    assert past.count(cases) == 1
    with past.database.read() as connection:
        held_back = connection.execute(select(matches.c.suppression_id).order_by(matches.c.id)).scalars().all()
    assert held_back == [None, 1]


def test_the_platform_is_told_by_message_since_nobody_waits_for_an_answer(past: Past, now: datetime) -> None:
    with past.database.write() as connection:
        keys = ServiceKeys((bytes(range(32)),))
        add_endpoint(connection, "https://platform.example/hooks", keys=keys, actor="user:1", now=now)
    past.submit(picture(1))
    past.submit(picture(2, 9))
    past.know(picture(1), picture(2))
    past.look_back()
    with past.database.read() as connection:
        told = connection.execute(select(deliveries.c.subject_id, deliveries.c.event).order_by(deliveries.c.id)).all()
    assert {tuple(row) for row in told} == {("1", "case.opened"), ("1", "content.hold"), ("2", "case.opened")}


# ── what is not looked at ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_over_is_not_found(past: Past) -> None:
    past.submit(picture(1), days=1)
    past.submit(picture(1), days=3)
    past.know(picture(1))
    past.ask()
    ended = past.run(later=timedelta(days=2))
    assert ended is not None
    assert (ended.total, ended.checked) == (1, 1)
    assert {content for content, *_ in past.found()} == {"post-2"}


def test_what_comes_while_it_runs_is_for_screening(past: Past) -> None:
    for number in range(5):
        past.submit(picture(number))
    past.know(picture(9))
    number = past.ask()

    def told(_: LookBack) -> None:
        if past.count(ledger_rows) == 5:
            past.submit(picture(9))

    ended = past.looking().run_next(now=lambda: past.now, only=number, told=told)
    assert ended is not None
    assert (ended.checked, ended.until_id, past.count(ledger_rows)) == (5, 5, 6)
    assert past.found() == set()


def test_a_bank_that_is_switched_off_ends_it_with_the_reason(past: Past) -> None:
    past.submit(picture(1))
    past.know(picture(1))
    with past.database.write() as connection:
        change_bank(connection, past.bank, is_enabled=False)
    ended = past.look_back()
    assert (ended.state, ended.last_error) == (LookBackState.STOPPED, "bank_disabled")
    assert past.found() == set()


def test_a_row_that_cannot_be_read_is_counted_and_passed_over(past: Past) -> None:
    for number in (1, 2, 3):
        past.submit(picture(number))
    with past.database.write() as connection:
        connection.execute(update(ledger_rows).where(ledger_rows.c.id == 2).values(packed=b"\x07"))
    past.know(picture(1), picture(2), picture(3))
    ended = past.look_back()
    assert (ended.state, ended.checked, ended.unreadable, ended.found) == (LookBackState.DONE, 2, 1, 2)


def test_an_empty_ledger_is_done_at_once(past: Past) -> None:
    past.know(picture(1))
    ended = past.look_back()
    assert (ended.state, ended.total, ended.checked) == (LookBackState.DONE, 0, 0)
    assert past.run() is None


# ── what is new in a bank ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_banked_is_looked_for_once_without_anybody_asking(past: Past) -> None:
    past.submit(picture(1), picture(2))
    past.know(picture(1))

    def collect() -> LookBack | None:
        with past.database.write() as connection:
            ledger.request_for_added(connection, now=past.now)
        return past.run()

    assert collect() is not None
    assert past.found() == {("post-1", 1, 0, "as is")}
    assert collect() is None
    past.know(picture(2))
    second = collect()
    assert second is not None
    assert (second.since_sequence, second.found) == (2, 1)
    assert past.found() == {("post-1", 1, 0, "as is"), ("post-1", 2, 0, "as is")}


def test_what_was_being_written_when_it_started_is_waited_for(past: Past) -> None:
    past.know(picture(1))
    number = past.ask()
    with ExitStack() as stack:
        slow = stack.enter_context(past.database.write())
        if slow.dialect.name != "postgresql":
            return  # one writer at a time: nothing else could have started
        sent = NewSubmission(content_id="slow", door="api")
        submission = record_submission(slow, sent, now=past.now).submission
        ledger.record(slow, submission.id, [picture(1)], now=past.now, keep_until=past.now + timedelta(days=9))
        past.submit(picture(2))  # a greater number, committed before
        waited: list[float] = []

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            stack.close()  # it is committed

        looking = LookBacks(past.database, past.data, pace=Pace(pause_s=None), sleep=sleep)
        ended = looking.run_next(now=lambda: past.now, only=number)
    assert len(waited) == 1
    assert ended is not None
    assert (ended.checked, past.found()) == (2, {("slow", 1, 0, "as is")})


# ── several workers, and none ────────────────────────────────────────────────────────────────────────────────────


def test_of_two_workers_one_works(past: Past) -> None:
    for number in range(20):
        past.submit(picture(number))
    past.know(*(picture(number) for number in range(20)))
    past.ask()
    with ThreadPoolExecutor(4) as threads:
        ended = [each for each in threads.map(lambda _: past.run(), range(4)) if each is not None]
    assert [each.found for each in ended] == [20]
    assert len(past.found()) == 20


def test_several_look_backs_for_the_same_entry_at_once_double_nothing(past: Past) -> None:
    for number in range(10):
        past.submit(picture(number))
    past.know(*(picture(number) for number in range(10)), picture(99))
    for extra in range(4):
        past.ask(*range(1, 11 - extra))
    with ThreadPoolExecutor(4) as threads:
        ended = [each for each in threads.map(lambda _: past.run(), range(4)) if each is not None]
    assert len(ended) == 4
    assert len(past.found()) == 10
    assert sum(each.found for each in ended) == 10
    assert past.count(cases) == 10


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_kill_at_any_point_changes_nothing_in_the_end(past: Past, is_committed: bool) -> None:
    for number in range(8):
        past.submit(picture(number), account_id=f"account-{number % 3}")
    past.know(picture(1), picture(4), picture(7, 3))
    expected = {("post-2", 1, 0, "as is"), ("post-5", 2, 0, "as is"), ("post-8", 3, 3, "as is")}
    past.ask()
    later, kills = timedelta(hours=1), 0
    while True:
        # each life gets one transaction further than the one before
        mortal = Mortal(past.database, kills + 1, is_committed=is_committed)
        try:
            ended = past.run(later=later, database=mortal)
        except Killed:
            kills += 1
            if is_committed or kills > 1:  # whoever died before its claim was there holds nothing
                assert past.run(later=later) is None
            later += ledger.LEASE + timedelta(seconds=1)
            continue
        break
    assert kills >= 3
    with past.database.read() as connection:
        final = ledger.find_look_back(connection, 1)
    assert ended is None or ended == final
    assert (final.state, final.checked, final.found) == (LookBackState.DONE, 8, 3)
    assert past.found() == expected
    assert (past.count(cases), past.count(case_items)) == (1, 3)  # all three came from one account


def test_a_worker_that_lost_its_lease_writes_nothing_more(past: Past) -> None:
    for number in range(9):
        past.submit(picture(number))
    past.know(*(picture(number) for number in range(9)))
    number = past.ask()
    late: list[LookBack | None] = []

    def told(_: LookBack) -> None:
        if not late:
            late.append(past.run(later=timedelta(days=1)))  # another, to whom the lease is over

    ended = past.looking().run_next(now=lambda: past.now, only=number, told=told)
    assert late == [ended]
    assert ended is not None
    assert (ended.checked, ended.found) == (9, 9)
    assert len(past.found()) == 9


def test_a_person_who_stops_it_is_heard(past: Past) -> None:
    for number in range(9):
        past.submit(picture(number))
    past.know(picture(8))
    number = past.ask()

    def told(_: LookBack) -> None:
        with past.database.write() as connection:
            ledger.stop_look_back(connection, number, actor="user:1", now=past.now)

    ended = past.looking().run_next(now=lambda: past.now, told=told)
    assert ended is not None
    assert (ended.state, ended.checked) == (LookBackState.STOPPED, 3)
    assert past.found() == set()


def test_a_person_who_interrupts_it_leaves_it_to_the_next(past: Past) -> None:
    for number in range(9):
        past.submit(picture(number))
    past.know(picture(8))
    past.ask()

    def told(_: LookBack) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        past.looking().run_next(now=lambda: past.now, told=told)
    ended = past.run(later=timedelta(0))
    assert ended is not None
    assert (ended.checked, ended.found) == (9, 1)


def test_a_worker_that_is_asked_to_stop_gives_it_back(past: Past) -> None:
    for number in range(9):
        past.submit(picture(number))
    past.know(picture(0), picture(8))
    past.ask()
    asked = iter([False, True])
    given_back = past.looking().run_next(now=lambda: past.now, is_stopping=lambda: next(asked))
    assert given_back is not None
    assert (given_back.state, given_back.checked) == (LookBackState.RUNNING, 3)
    ended = past.run(later=timedelta(0))  # at once: no lease to wait for
    assert ended is not None
    assert (ended.state, ended.checked, ended.found) == (LookBackState.DONE, 9, 2)


def test_what_nobody_foresaw_is_recorded_and_tried_again(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.submit(picture(1))
    past.know(picture(1))
    past.ask()
    with monkeypatch.context() as patched:
        patched.setattr("hedgerow.screening.look_back.seeker_for", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            past.run(later=timedelta(0))
    with past.database.read() as connection:
        assert ledger.find_look_back(connection, 1).last_error == "internal"
    assert past.run(later=timedelta(seconds=5)) is None
    ended = past.run(later=timedelta(minutes=1))
    assert ended is not None
    assert (ended.state, ended.found, ended.last_error) == (LookBackState.DONE, 1, None)


def test_it_rests_as_long_as_it_works_and_not_at_all_in_haste(past: Past) -> None:
    for number in range(7):
        past.submit(picture(number))
    past.know(picture(1))
    past.look_back(pace=Pace(slice_rows=3, pause_s=0.2))
    assert len(past.slept) == 3
    assert min(past.slept) >= 0.2
    past.slept.clear()
    past.look_back(pace=Pace(slice_rows=3, pause_s=None))
    assert past.slept == []


# ── catching up ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_searched_while_the_banks_changed_is_looked_up_once_more(past: Past) -> None:
    with past.database.read() as connection:
        before = latest_change(connection)
    past.know(picture(1))
    past.submit(picture(1, 2), seen=before)
    past.submit(picture(5), seen=before)
    matcher = Matcher(past.database, past.data)
    looking = past.looking()
    assert looking.catch_up(matcher.search_many, now=lambda: past.now) == 2
    assert past.found() == {("post-1", 1, 2, "as is")}
    assert past.count(cases) == 1
    assert looking.catch_up(matcher.search_many, now=lambda: past.now) == 0


# ── exactly ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _many(past: Past, count: int, entries: Sequence[bytes]) -> list[list[Signal]]:
    """Fill the ledger, and return what every submission asked. Some lie near an entry: at, and beyond the threshold."""
    rng = np.random.default_rng(count)
    asked = []
    for _ in range(count):
        signals: list[Signal] = []
        for _ in range(int(rng.integers(1, 4))):
            bits = rng.bytes(32)
            if rng.random() < 0.01:
                entry = int.from_bytes(entries[int(rng.integers(len(entries)))], "big")
                for place in rng.choice(256, int(rng.integers(0, 45)), replace=False):
                    entry ^= 1 << int(place)
                bits = entry.to_bytes(32, "big")
            quality = None if rng.random() < 0.1 else int(rng.integers(20, 101))
            level = LEVELS[int(rng.integers(3))]
            signals.append(Signal("pdq", bits, quality, f"variant {len(signals)}", level=level))
        asked.append(signals)
    with past.database.write() as connection:
        rows = [
            {
                "namespace": "",
                "content_id": f"post-{number}",
                "revision": 1,
                "account_id": f"account-{number}",
                "received_at": past.now,
                "door": "api",
                "context": "{}",
            }
            for number in range(1, count + 1)
        ]
        connection.execute(insert(submissions), rows)
        numbers = {row.content_id: row.id for row in connection.execute(select(submissions))}
        connection.execute(
            insert(ledger_rows),
            [
                {
                    "submission_id": numbers[f"post-{number}"],
                    "packed": pack_signals(signals),
                    "recorded_at": past.now,
                    "keep_until": past.now + timedelta(days=9),
                }
                for number, signals in enumerate(asked, 1)
            ],
        )
    return asked


def _by_brute_force(asked: Sequence[Sequence[Signal]], entries: Sequence[bytes]) -> Found:
    """Say what the bank (31 bits, quality 50, level standard) finds: the nearest variant, of equals the first."""
    known = np.unpackbits(np.frombuffer(b"".join(entries), np.uint8).reshape(-1, 32), axis=1)
    found: Found = set()
    for number, signals in enumerate(asked, 1):
        nearest: dict[int, tuple[int, int, str]] = {}
        for order, signal in enumerate(signals):
            if signal.level == "thorough" or (signal.quality is not None and signal.quality < 50):
                continue
            distances = (known != np.unpackbits(np.frombuffer(signal.bits, np.uint8))).sum(axis=1)
            for entry in np.flatnonzero(distances <= 31):
                key = (int(distances[entry]), order, signal.variant)
                nearest[int(entry) + 1] = min(nearest.get(int(entry) + 1, key), key)
        found |= {(f"post-{number}", entry, bits, variant) for entry, (bits, _, variant) in nearest.items()}
    return found


@pytest.mark.parametrize(
    ("small", "count"), [(20_000, 20_000), (10, 5_000)], ids=["an index of its own", "the bank's index"]
)
def test_thousands_of_submissions_give_exactly_what_comparing_all_gives(past: Past, small: int, count: int) -> None:
    entries = [bits_of(number) for number in range(40)]
    asked = _many(past, count, entries)
    past.know(*(Signal("pdq", each) for each in entries))
    expected = _by_brute_force(asked, entries)
    assert len(expected) > count // 200
    ended = past.look_back(pace=Pace(slice_rows=2_000, pause_s=None), small=small)
    assert past.found() == expected
    assert (ended.total, ended.checked) == (count, count)
    assert ended.found == len({content for content, *_ in expected})


@pytest.mark.parametrize("small", [20_000, 5], ids=["an index of its own", "the bank's index"])
def test_of_a_bank_that_is_looked_for_in_part_the_rest_is_left_out(past: Past, small: int) -> None:
    entries = [bits_of(number) for number in range(40)]
    asked = _many(past, 1_000, entries)
    past.know(*(Signal("pdq", each) for each in entries))
    wanted = set(range(1, 31))
    past.look_back(*wanted, pace=Pace(slice_rows=300, pause_s=None), small=small)
    assert past.found() == {each for each in _by_brute_force(asked, entries) if each[1] in wanted}
