"""What pages ask of the database: few statements, and none that goes through a whole table.

The house is the one of `benchmarks/console.py`, which measures how long all this takes with 100,000 cases.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from hedgerow.app import now
from hedgerow.app.serving import insight
from hedgerow.cases.tables import cases
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys

CASES = 300
LARGE = {
    "submissions", "cases", "clusters", "case_items", "decisions", "suppressions", "matches", "views", "deliveries",
    "delivery_attempts", "evidence", "reports", "report_files", "audit_entries", "entries",
}  # fmt: skip
PATHS = {
    "/": 32,
    "/cases": 17,
    "/cases?queue=near": 18,
    "/cases?state=closed": 16,
    "/cases?state=acting": 16,
    "/cases?state=claimed": 18,
    "/cases?mine=1": 16,
    "/cases?q=account-7": 16,
    "/cases/{case}": 32,
    "/cases/{case}/timeline": 32,
    "/banks": 15,
    "/banks/known": 24,
    "/banks/known?category=A1": 24,
    "/banks/known/entries/7": 20,
    "/banks/known/threshold?bits=20": 22,
    "/banks/known/suppressions": 18,
    "/deliveries": 16,
    "/deliveries?show=unconfirmed": 16,
    "/deliveries?show=unconfirmed&endpoint=1": 16,
    "/webhooks": 14,
    "/api-keys": 13,
    "/exchanges": 13,
    "/sharing": 14,
    "/shield": 16,
    "/lookbacks": 16,
    "/reports": 19,
    "/reports?show=over": 19,
    "/reports/1": 23,
    "/filing": 17,
    "/evidence": 15,
    "/evidence?state=missing": 15,
    "/evidence?state=kept": 15,
    "/evidence/1": 18,
    "/evidence/requests": 13,
    "/evidence/custodians": 19,
    "/team/people": 14,
    "/team/working": 18,
    "/team/exposure": 18,
    "/account": 15,
    "/account/keys": 16,
    "/account/exposure": 21,
    "/audit": 18,
    "/audit?kind=case&which=17": 18,
    "/audit/100": 20,
}
"""Path → statements that its page takes at most, with those for who is asking and for what stands around a page; the
beginning of a transaction counts as one on SQLite."""
# Newest first and so many: they end as soon as the page is full, whatever lies behind.
AS_FAR_AS_NEEDED = {
    "/banks/known/suppressions": "suppressions",
    "/deliveries": "deliveries",
    "/reports?show=over": "reports",
    "/evidence": "evidence",
    "/audit": "audit_entries",
}


def made_house() -> Any:
    """Load what fills a house for the benchmark."""
    path = Path(__file__).parents[3] / "benchmarks" / "console_house.py"
    spec = importlib.util.spec_from_file_location("console_house", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Statements:
    """Keeps what a database is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: list[tuple[str, Any]] = []

    @contextmanager
    def kept(self) -> Iterator[list[tuple[str, Any]]]:
        self._asked = []
        event.listen(self._database.engine, "before_cursor_execute", self._keep)
        yield self._asked
        event.remove(self._database.engine, "before_cursor_execute", self._keep)

    def _keep(self, _connection: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        self._asked.append((statement, given))

    def whole_tables(self, asked: list[tuple[str, Any]]) -> set[str]:
        """Name the large tables that a statement can only be answered from by going through all of them."""
        found: set[str] = set()
        with self._database.read() as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            if not is_sqlite:
                # Of so few rows it would go through all anyway: it does now where there is no other way.
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            for statement, given in asked:
                if not statement.startswith(("SELECT", "WITH")):
                    continue
                if is_sqlite:
                    lines = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
                    through = [line for line in lines if line.startswith("SCAN ") and not _is_of_few(line)]
                    found |= {line.split()[1] for line in through} & LARGE
                else:
                    (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).scalar_one()
                    found |= set(_scanned(plan["Plan"])) & LARGE
        return found


def _is_of_few(line: str) -> bool:
    """Tell whether only those rows are gone through that an index of some of them holds."""
    return any(each in line for each in ("ix_deliveries_unconfirmed", "ix_decisions_confirmed"))


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for each in plan.get("Plans", ()):
        yield from _scanned(each)


@pytest.fixture
def house(database: Database, service_keys: ServiceKeys) -> Any:
    """Give a filled house."""
    made = made_house()
    made.fill(database, service_keys, CASES, at=now(), tell=lambda _: None)
    return made


def test_a_page_takes_few_statements_and_goes_through_no_whole_table(
    house: Any, database: Database, browser: Any
) -> None:
    assert browser.log_in(house.NAME, house.PASSWORD).status_code == 303
    with database.read() as connection:
        case = connection.execute(select(cases.c.number).order_by(cases.c.id).limit(1)).scalar_one()
    statements = Statements(database)
    counts, whole = {}, {}
    for path in PATHS:
        with statements.kept() as asked:
            answer = browser.get(path.format(case=case))
        assert answer.status_code == 200, (path, answer.text)
        counts[path] = len(asked)
        whole[path] = statements.whole_tables(asked) - {AS_FAR_AS_NEEDED.get(path, "")}
    assert {path: tables for path, tables in whole.items() if tables} == {}
    assert {path: count for path, count in counts.items() if not 1 < count <= PATHS[path]} == {}


@pytest.mark.sqlite_file
def test_what_goes_through_a_whole_table_is_seen(house: Any, database: Database) -> None:
    statements = Statements(database)
    assert statements.whole_tables([("SELECT count(*) FROM cases WHERE subject_id = 'a'", ())]) == {"cases"}
    assert statements.whole_tables([("SELECT id FROM cases WHERE number = '2026-00001'", ())]) == set()


def test_a_list_takes_as_many_statements_for_fifty_rows_as_for_one(
    house: Any, database: Database, browser: Any
) -> None:
    browser.log_in(house.NAME, house.PASSWORD)
    statements = Statements(database)
    counted: Counter[str] = Counter()
    lists = {"/cases": "/cases?q=account-7", "/evidence": "/evidence?find=7", "/reports": "/reports?find=7"}
    for some, one in lists.items():
        for path in (some, one):
            with statements.kept() as asked:
                answer = browser.get(path)
            assert answer.status_code == 200
            counted[path] = len(asked)
        assert counted[some] <= counted[one] + 3, counted


def test_every_part_of_the_console_is_among_them(app: FastAPI) -> None:
    # Insight reckons, and is kept for a minute; the others show nothing of what there is much of.
    known = {path.partition("?")[0].split("/")[1] for path in PATHS}
    known |= {"insight", "media", "vault", "break", "first-run"}
    routes = [each for each in walk(app) if each.method == "GET" and each.permissions]
    pages = {each.path.split("/")[1] for each in routes} - {"api", "m", "h", "c", "dev", "status", "metrics"}
    assert pages <= known, pages - known


def test_figures_are_reckoned_once_a_minute_however_many_ask(
    house: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("hedgerow.app.serving.insight.time.monotonic", lambda: clock[0])
    statements = Statements(database)
    first = insight.insight(database, days=30)
    clock[0] += 59
    with statements.kept() as asked:
        assert insight.insight(database, days=30) is first
    assert asked == []
    clock[0] += 2
    later = insight.insight(database, days=30)
    assert later.at > first.at
