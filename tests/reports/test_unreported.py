"""What people confirmed and nobody has reported is named, with the time since when it is known."""

from __future__ import annotations

import importlib.util
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import doctor_reports
from hedgerow.app.doctor import Standing
from hedgerow.cases import Verdict, due_decisions, take_effect
from hedgerow.reports import drafting
from hedgerow.reports.filing_model import Environment
from hedgerow.reports.finding import confirmed_at, unreported_cases
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from hedgerow.cases import Case
    from hedgerow.database import Database
    from hedgerow.settings import Settings


@pytest.fixture
def work(database: Database, now: datetime) -> Any:
    specification = importlib.util.spec_from_file_location("casework", Path(__file__).with_name("casework.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Casework(database, now)


def _effect(database: Database, at: datetime) -> None:
    with database.write() as connection:
        for each in due_decisions(connection, now=at, limit=100):
            take_effect(connection, each.id, now=at)


def _unreported(database: Database, **said: Any) -> list[tuple[str, datetime]]:
    with database.read() as connection:
        return [(each.number, each.since) for each in unreported_cases(connection, **said)]


def _draft(database: Database, case: Case, environment: Environment, now: datetime) -> None:
    with database.write() as connection:
        made = drafting.create_report(
            connection,
            case.id,
            authority="cybertipline",
            environment=environment,
            content={},
            files=[],
            deadline_at=now,
            actor="user:1",
            now=now,
        )
        drafting.withdraw_report(connection, made.id, reason="it is owed by nobody", actor="user:1", now=now)


def test_a_case_counts_from_when_its_confirmation_took_effect(database: Database, work: Any, now: datetime) -> None:
    case = work.case({})
    work.decide(case)
    assert _unreported(database) == []  # it can still be undone
    later = now + timedelta(hours=1)
    _effect(database, later)
    assert _unreported(database) == [(case.number, later)]
    with database.read() as connection:
        assert confirmed_at(connection, case.id) == later


def test_what_is_no_match_is_not_owed(database: Database, work: Any, now: datetime) -> None:
    case = work.case({})
    work.decide(case, Verdict.NOT_A_MATCH)
    _effect(database, now + timedelta(hours=1))
    assert _unreported(database) == []
    with database.read() as connection:
        assert confirmed_at(connection, case.id) is None


def test_a_report_that_somebody_withdrew_counts_and_a_rehearsal_is_none_where_it_is_meant(
    database: Database, work: Any, now: datetime
) -> None:
    case = work.case({})
    work.decide(case)
    later = now + timedelta(hours=1)
    _effect(database, later)
    _draft(database, case, Environment.TEST, later)
    assert _unreported(database) == []
    assert _unreported(database, environment=Environment.PRODUCTION) == [(case.number, later)]
    _draft(database, case, Environment.PRODUCTION, later)
    assert _unreported(database, environment=Environment.PRODUCTION) == []


def test_the_doctor_says_it_and_louder_after_the_deadline(
    database: Database, work: Any, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    settings = load_settings(data=tmp_path, database_url=url)
    case = work.case({})
    work.decide(case)
    _effect(database, now + timedelta(hours=1))

    def said(hours: float, settings: Settings = settings) -> list[tuple[Standing, str]]:
        monkeypatch.setattr(doctor_reports, "now", lambda: now + timedelta(hours=hours))
        return [(each.standing, each.sentence) for each in doctor_reports.look_at_reports(settings, database)]

    sentence = "1 case was confirmed, and nobody has drafted a report."
    assert (Standing.CAUTION, sentence) in said(2)
    assert (Standing.WRONG, sentence) in said(25)
    quiet = load_settings(data=tmp_path, database_url=url, reports={"expected": False})
    assert sentence not in [each for _, each in said(25, quiet)]
