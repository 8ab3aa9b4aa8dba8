from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import evidence
from hedgerow.cases import Verdict, case_items_of, find_case, find_submission
from hedgerow.errors import ClockBehind
from hedgerow.evidence import EvidenceState, Missing
from hedgerow.workers import preserving
from hedgerow.workers.effecting import finish_cases, take_effects
from hedgerow.workers.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import House
    from hedgerow.evidence import Evidence
    from hedgerow.workers.model import Parts

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")

DAY = timedelta(days=1)


class Preserved:
    """A house whose submissions are kept in a vault, and the jobs that look after it."""

    def __init__(self, house: House, parts: Parts) -> None:
        self.house = house
        self.parts = parts
        self.vault = evidence.open_vault(parts.settings)
        self.keys = evidence.load_review_keys(parts.settings)
        self.keeper = evidence.Keeper(house.database, self.vault, self.keys)

    def kept(self, content: str = "post-1", account: str = "acc") -> Evidence:
        case = self.house.opened(content, account=account)
        kept = self.keeper.keep(lambda: [content.encode() * 100], now=self.house.now)
        with self.house.database.write() as connection:
            number = self.item(connection, case.id)
            submission = find_submission(connection, number)
            return evidence.record_kept(connection, case.id, submission, kept, now=self.house.now)

    @staticmethod
    def item(connection: Any, case: int) -> int:
        return case_items_of(connection, case)[-1].submission_id

    def read(self, of: Evidence) -> Evidence:
        with self.house.database.read() as connection:
            return evidence.find_evidence(connection, of.id)

    def turn(self, job: Callable[..., int], now: datetime | None = None) -> int:
        return job(self.parts, Turn(lambda: now or self.house.now))

    def objects(self) -> list[str]:
        return [each.name for each in self.vault.stored()]


@pytest.fixture
def preserved(house: House, wiring: Callable[..., Parts]) -> Preserved:
    return Preserved(house, wiring())


def test_what_is_no_match_expires_and_its_ciphertext_is_deleted_and_certified(preserved: Preserved) -> None:
    of = preserved.kept()
    house = preserved.house
    with house.database.read() as connection:
        case = find_case(connection, of.case_id)
    decision = house.decided(case, Verdict.NOT_A_MATCH)
    preserved.turn(take_effects, decision.takes_effect_at)
    preserved.turn(finish_cases, decision.takes_effect_at)
    assert preserved.turn(preserving.expire_evidence, house.now + 29 * DAY) == 0
    later = house.now + 31 * DAY
    assert preserved.turn(preserving.expire_evidence, later) == 1
    assert preserved.turn(preserving.destroy_evidence, later) == 1
    assert preserved.objects() == []
    assert preserved.read(of).state is EvidenceState.DESTROYED
    assert preserved.turn(preserving.destroy_evidence, later) == 0
    assert preserved.turn(preserving.expire_evidence, later) == 0


def test_an_expiry_waits_for_the_clock(preserved: Preserved) -> None:
    of = preserved.kept()
    now = preserved.house.now
    with preserved.house.database.write() as connection:
        evidence.seal_filed(
            connection, [of.id], report=1, filed_at=now - 400 * DAY, keys=preserved.keys, actor="system", now=now
        )
    with pytest.raises(ClockBehind):
        preserved.turn(preserving.expire_evidence, now - DAY)
    assert preserved.objects() == [of.object]


def test_what_was_filed_without_a_custodian_is_sealed_once_there_is_one(preserved: Preserved) -> None:
    pytest.importorskip("pyrage", reason="NO PYRAGE: this test checked NOTHING. Install hedgerow[server].")
    of = preserved.kept()
    now = preserved.house.now
    with preserved.house.database.write() as connection:
        evidence.seal_filed(connection, [of.id], report=1, filed_at=now, keys=preserved.keys, actor="system", now=now)
    assert preserved.turn(preserving.seal_evidence) == 0
    with preserved.house.database.write() as connection:
        recipient = evidence.new_custodian().recipient
        evidence.add_custodian(connection, "the safe", recipient, actor="cli", now=now)
    assert preserved.turn(preserving.seal_evidence) == 1
    assert preserved.read(of).state is EvidenceState.SEALED
    assert preserved.turn(preserving.seal_evidence) == 0


def test_what_a_kill_has_left_is_swept_after_a_day_and_nothing_else(preserved: Preserved) -> None:
    of = preserved.kept()
    preserved.keeper.keep(lambda: [b"of a process that died"], now=preserved.house.now)
    assert preserved.turn(preserving.sweep_vault, preserved.house.now + timedelta(hours=23)) == 0
    assert preserved.turn(preserving.sweep_vault, preserved.house.now + timedelta(hours=25)) == 1
    assert preserved.objects() == [of.object]


def test_a_case_that_nobody_kept_anything_for_gets_rows_that_say_so(preserved: Preserved) -> None:
    preserved.kept()
    case = preserved.house.opened("post-2", account="other")
    assert preserved.turn(preserving.fill_gaps) == 1
    assert preserved.turn(preserving.fill_gaps) == 0
    with preserved.house.database.read() as connection:
        [of] = evidence.case_evidence(connection, case.id)
    assert of.missing_reason is Missing.SIGNALS_ONLY  # this house says no size
