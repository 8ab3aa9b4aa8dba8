"""Rehearsed reports go to the simulator that a worker runs, whenever it is there, and to nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.reports.conftest import Desk

from hedgerow.app import now as clock
from hedgerow.app import rehearsal
from hedgerow.reports.filing_model import ReportState
from hedgerow.settings import load_settings
from hedgerow.workers import Workers
from hedgerow.workers.jobs import JOBS
from hedgerow.workers.model import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.reports.filing_model import Report
    from hedgerow.settings import Settings

HAPPENED = {
    "incidentType": "Child Pornography (possession, manufacture, and distribution)",
    "incidentDateTime": "2024-03-04T11:22:33Z",
}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path, clock())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path)


@pytest.fixture
def workers(desk: Desk, settings: Settings) -> Iterator[Workers]:
    jobs = [each for each in JOBS if each.name in {"rehearsal", "reports"}]
    assert [each.name for each in jobs] == ["rehearsal", "reports"]
    made = Workers(Parts(settings, desk.database, desk.keys), jobs=jobs)
    yield made
    assert made.stop(5)


def approved(desk: Desk) -> Report:
    return desk.approve(desk.draft(0, incidentSummary=HAPPENED))


def test_what_was_approved_before_there_was_a_simulator_goes_as_soon_as_there_is_one(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    report = approved(desk)
    assert workers.run_once(clock()) == {"rehearsal": 0, "reports": 1}
    waits = desk.look(report)
    assert waits.state is ReportState.APPROVED
    assert waits.filing.due_at is not None
    assert waits.filing.due_at > clock()
    rehearsal.ask(settings, desk.database, desk.keys, actor=desk.ada, now=clock())
    workers.run_once(clock())
    filed = desk.look(report)
    assert (filed.state, filed.filing.external_id) == (ReportState.FILED, "900000001")


def test_where_the_simulator_went_and_came_back_the_next_report_finds_it(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    rehearsal.ask(settings, desk.database, desk.keys, actor=desk.ada, now=clock())
    workers.run_once(clock())
    first = approved(desk)
    workers.run_once(clock())
    rehearsal.end(settings, desk.database, actor=desk.ada, now=clock())
    workers.run_once(clock())
    second = desk.approve(desk.draft_more(first))
    workers.run_once(clock())
    assert [desk.look(each).state for each in (first, second)] == [ReportState.FILED, ReportState.APPROVED]
    rehearsal.ask(settings, desk.database, desk.keys, actor=desk.ada, now=clock())
    workers.run_once(clock())
    assert desk.look(second).filing.external_id == "900000002"


def test_a_rehearsal_that_is_over_is_not_begun_again_by_the_next_start(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    rehearsal.ask(settings, desk.database, desk.keys, actor=desk.ada, now=desk.now)
    report = approved(desk)
    workers.run_once(clock())
    assert desk.look(report).state is ReportState.FILED
    later = rehearsal.SimulatorHost(settings, desk.database, desk.keys)
    assert rehearsal.standing(settings).is_wanted
    assert not later.look(now=clock())
    assert not rehearsal.standing(settings).is_wanted


def test_a_real_report_never_goes_to_it(desk: Desk, settings: Settings, workers: Workers) -> None:
    rehearsal.ask(settings, desk.database, desk.keys, actor=desk.ada, now=clock())
    report = desk.approve(desk.draft_real())
    workers.run_once(clock())
    assert rehearsal.test_address(settings) is not None
    waits = desk.look(report)
    assert (waits.state, waits.filing.external_id) == (ReportState.APPROVED, None)
    assert desk.calls(report) == []
