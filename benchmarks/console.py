"""What the pages of the console cost with 100,000 cases and 100,000 entries of a bank, on SQLite and on PostgreSQL.

One `hedgerow serve` answers one browser. The time to the first byte is taken by the clock on the wall, and beside it
what the server, and PostgreSQL, spent of their processors, since a busy machine makes the first grow and not the
second. Then every page is made once more in this process, where its statements can be counted, and on SQLite the steps
that the database takes for them (of its virtual machine), which are the same on every machine.

    python benchmarks/console.py                            both kinds of database
    python benchmarks/console.py --on sqlite --folder /tmp/house    keep the house, and measure it again later
    python benchmarks/console.py --plans                    print what the databases do for statements that read much
"""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import asyncio
import http.client
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import event, select

import console_house as house
from common import Result, Table, command, peer, share
from hedgerow import app
from hedgerow.app.service import Service
from hedgerow.cases.tables import cases, clusters
from hedgerow.database.sealing import load_service_keys
from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings
from service import serving

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from hedgerow.database import Database

KINDS: Final = ("sqlite", "postgresql")
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
TARGET_CASE_MS, TARGET_PAGE_MS, TARGET_INSIGHT_MS = 60, 100, 1_000
_CASES = ("case: one decision", "case: twelve decisions", "case: closed")
_BANKS = ("bank", "bank: page 1,000", "bank: searched", "bank: nothing found")
_DIFFERENT: Final = 40
"""Cases of each kind, one after the other: no page is asked for twice in a row."""
_STEPS: Final = 100  # of SQLite's virtual machine, between two calls of what counts them
_MUCH: Final = 2_000  # rows of one statement, with those that are left out: it is printed where plans are


@dataclass
class Page:
    """A page, and what was measured of it.

    Attributes:
        name: What it is called here.
        paths: Asked for in turn.
        first_ms: From the request to the first byte of the answer.
        cpu_ms: Of the server's process.
        database_ms: Of the processes of PostgreSQL.
        size_bytes: Of the answer, the largest.
        statements: That it takes, the most.
        steps: Of SQLite's virtual machine, the most.
    """

    name: str
    paths: list[str]
    first_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    size_bytes: int = 0
    statements: int = 0
    steps: int = 0


# ── the databases ────────────────────────────────────────────────────────────────────────────────────────────────


def postgresql_programs() -> Path | None:
    """Find the folder of initdb and pg_ctl; Debian keeps them out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    found = shutil.which("initdb")
    return folders[-1] if folders else Path(found).parent if found else None


@contextmanager
def postgresql(
    folder: Path, settings: tuple[str, ...] = ("fsync=off", "shared_buffers=256MB")
) -> Iterator[tuple[str, int]]:
    """Run a server of our own on a socket in a folder; give the address of its database, and its process."""
    programs = postgresql_programs()
    assert programs is not None
    folder.mkdir(parents=True, exist_ok=True)
    # The server refuses to run as root; Debian's package made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
        for above in folder.resolve().parents[:-2]:
            above.chmod(above.stat().st_mode | 0o011)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    cluster = folder / "cluster"
    is_new = not cluster.exists()
    if is_new:
        run("initdb", "--pgdata", str(cluster), "--username", "hedgerow", "--auth", "trust", "--encoding", "UTF8")
    options = f"-h '' -k {folder} " + " ".join(f"-c {each}" for each in settings)
    run("pg_ctl", "--pgdata", str(cluster), "--wait", "--log", str(folder / "log"), "-o", options, "start")
    try:
        if is_new:
            run("createdb", "--host", str(folder), "--username", "hedgerow", "hedgerow")
        number = int((cluster / "postmaster.pid").read_text().split()[0])
        yield f"postgresql+psycopg://hedgerow@/hedgerow?host={folder}", number
    finally:
        run("pg_ctl", "--pgdata", str(cluster), "--mode", "fast", "--wait", "stop")


def prepare(data: Path, url: str | None, number: int) -> None:
    """Fill the house, unless it is there from an earlier run."""
    database = open_migrated(load_settings(data=data, database_url=url))
    try:
        if not house.is_filled(database):
            began = time.monotonic()
            house.fill(
                database,
                load_service_keys(data),
                number,
                at=app.now(),
                tell=lambda text: print(f"  {time.monotonic() - began:4.0f} s  {text}", flush=True),
            )
    finally:
        database.close()


def pages_of(database: Database) -> list[Page]:
    """List what is asked for."""
    with database.read() as connection:
        newest = connection.execute(select(cases.c.id).order_by(cases.c.id.desc()).limit(1)).scalar_one()

        def some(*conditions: ColumnElement[bool]) -> list[str]:
            found = connection.execute(
                select(cases.c.number).where(*conditions).order_by(cases.c.id.desc()).limit(_DIFFERENT * 7)
            ).scalars()
            return [f"/cases/{each}" for each in found][::7]

        many = select(clusters.c.id).where(clusters.c.case_id == cases.c.id).offset(11).limit(1).exists()
        by_case = [
            some(cases.c.state == "open", ~many),
            some(cases.c.id > newest // 2, many),
            some(cases.c.state == "closed", ~many),
        ]
    bank = f"/banks/{house.BANK}"
    listed = {
        "today": "/",
        "cases": "/cases",
        "cases: a queue": "/cases?queue=near",
        "cases: closed": "/cases?state=closed",
        "cases: acting": "/cases?state=acting",
        "cases: claimed": "/cases?state=claimed",
        "cases: of an account": "/cases?q=account-7",
        "banks": "/banks",
        "bank": bank,
        "bank: page 1,000": f"{bank}?before={newest // 2}",
        "bank: searched": f"{bank}?category=A1",
        "bank: nothing found": f"{bank}?category=none",
        "entry": f"{bank}/entries/55",
        "entry with many matches": f"{bank}/entries/7",
        "threshold": f"{bank}/threshold?bits=20",
        "suppressions": f"{bank}/suppressions",
        "deliveries": "/deliveries",
        "deliveries: unconfirmed": "/deliveries?show=unconfirmed",
        "exchanges": "/exchanges",
        "look-backs": "/lookbacks",
        "reports": "/reports",
        "reports: over": "/reports?show=over",
        "report": "/reports/100",
        "filing": "/filing",
        "evidence": "/evidence",
        "evidence: missing": "/evidence?state=missing",
        "piece of evidence": "/evidence/100",
        "requests": "/evidence/requests",
        "custodians": "/evidence/custodians",
        "people": "/team/people",
        "work": "/team/working",
        "quality": "/team/quality",
        "exposure of the team": "/team/exposure",
        "own exposure": "/account/exposure",
        "audit": "/audit",
        "audit: of a person": "/audit?who=user:3",
        "audit: of cases": "/audit?kind=case",
        "audit: nothing found": "/audit?what=nothing.done",
        "audit: an entry": "/audit/1000",
        "account": "/account",
        "keys": "/account/keys",
    }
    found = [Page(name, paths) for name, paths in zip(_CASES, by_case, strict=True) if paths]
    timeline = [f"{path}/timeline" for path in by_case[-1]] or ["/cases"]
    return [*found, Page("case: timeline", timeline), *(Page(name, [path]) for name, path in listed.items())]


# ── the clock on the wall, and processors ────────────────────────────────────────────────────────────────────────


def spent_ms(pids: list[int]) -> float:
    """Return the milliseconds that processes have had of a processor, with all their threads that still run."""
    spent = 0
    for pid in pids:
        for each in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                spent += int(each.read_text("ascii").split()[0])
            except OSError:
                continue  # it has just ended
    return spent / 1e6


def children_of(pid: int) -> list[int]:
    """Return the processes that a server of PostgreSQL has for its connections."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


class Browser:
    """Asks one server, over one connection, as somebody who is logged in."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        form = urlencode({"name": house.NAME, "password": house.PASSWORD})
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
        self._http.request("POST", "/login", form, headers)
        answer = self._http.getresponse()
        answer.read()
        cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        if answer.status != 303 or not cookie:
            raise RuntimeError(f"nobody could log in: {answer.status}")
        self._headers = {"accept": "text/html", "cookie": cookie}

    def ask(self, path: str) -> tuple[float, int]:
        """Return the milliseconds to the first byte, and how many bytes the page has."""
        began = time.perf_counter()
        self._http.request("GET", path, headers=self._headers)
        answer = self._http.getresponse()
        first = time.perf_counter() - began
        size = len(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return first * 1e3, size


def time_pages(pages: list[Page], data: Path, rounds: int, server: int | None) -> dict[str, float]:
    """Ask for every page in turn, round after round; return what does not belong to one page."""
    with serving(data) as (port, pid):
        browser = Browser(port)
        time.sleep(3)  # the banks are loaded
        for page in pages:
            browser.ask(page.paths[-1])
        browser.ask("/insight?days=7")
        # Each of these periods for the first time in this process: nothing is kept of it.
        insight = {f"insight_{days}_ms": browser.ask(f"/insight?days={days}")[0] for days in (30, 90)}
        kept = browser.ask("/insight?days=90")[0]
        before, began = spent_ms([pid]), time.perf_counter()
        time.sleep(3)
        idle = (spent_ms([pid]) - before) / (time.perf_counter() - began)
        for turn in range(rounds):
            for page in pages:
                path = page.paths[turn % len(page.paths)]
                behind = [] if server is None else children_of(server)
                before, database_before = spent_ms([pid]), spent_ms(behind)
                first, size = browser.ask(path)
                page.first_ms.append(first)
                page.cpu_ms.append(spent_ms([pid]) - before)
                page.database_ms.append(spent_ms(behind) - database_before)
                page.size_bytes = max(page.size_bytes, size)
    return insight | {"insight_kept_ms": kept, "idle_ms_per_s": idle}


# ── statements, and the steps that they take ─────────────────────────────────────────────────────────────────────


def count_statements(pages: list[Page], data: Path, url: str | None, *, with_plans: bool) -> None:
    """Make each page in this process, and count what the database is asked."""
    import httpx  # noqa: PLC0415  (of the extra `dev`)

    from hedgerow.web import create_app  # noqa: PLC0415  (of the extra `server`)

    settings = load_settings(data=data, database_url=url)
    database = open_migrated(settings)
    service = Service(settings, database, load_service_keys(data))
    counting = Counting(database, with_plans=with_plans)

    async def go() -> None:
        transport = httpx.ASGITransport(create_app(service), client=("127.0.0.1", 5))
        headers = {"accept": "text/html"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            said = {"name": house.NAME, "password": house.PASSWORD}
            await client.post("/login", data=said)
            for page in [*pages, Page("insight", ["/insight?days=30"])]:
                for path in dict.fromkeys((page.paths[0], page.paths[len(page.paths) // 2])):
                    counting.begin()
                    answer = await client.get(path)
                    if answer.status_code != 200:
                        raise RuntimeError(f"{path}: {answer.status_code}")
                    page.statements = max(page.statements, counting.statements)
                    page.steps = max(page.steps, counting.steps)
                    for line in counting.much:
                        print(f"\n{database.engine.dialect.name} {page.name}: {line}")

    try:
        asyncio.run(go())
    finally:
        service.stop()
        database.close()


class Counting:
    """Counts statements, and on SQLite the steps of its virtual machine, in hundreds."""

    def __init__(self, database: Database, *, with_plans: bool) -> None:
        self.statements = 0
        self.steps = 0
        self.much: list[str] = []
        self._with_plans = with_plans
        self._is_sqlite = database.engine.dialect.name == "sqlite"
        self._is_asking = False
        event.listen(database.engine, "before_cursor_execute", self._before)
        event.listen(database.engine, "after_cursor_execute", self._after)
        if self._is_sqlite:
            event.listen(database.engine, "checkout", self._checkout)

    def begin(self) -> None:
        """Begin to count anew."""
        self.statements = self.steps = 0
        self.much = []

    def _checkout(self, connection: sqlite3.Connection, *_rest: object) -> None:
        connection.set_progress_handler(self._step, _STEPS)

    def _step(self) -> int:
        if not self._is_asking:
            self.steps += _STEPS
        return 0

    def _before(self, _connection: Connection, *_rest: object) -> None:
        self.statements += not self._is_asking
        self._from = self.steps

    def _after(self, connection: Connection, _cursor: object, statement: str, *rest: Any) -> None:  # noqa: ANN401  (its values are the driver's)
        given = rest[0]
        if not self._with_plans or self._is_asking or not statement.startswith(("SELECT", "WITH")):
            return
        self._is_asking = True
        try:
            if self._is_sqlite:
                # Most of the steps are taken while rows are fetched, which is later: what is planned is shown.
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
                if any(line.startswith("SCAN ") for line in plan):
                    self.much.append(f"{statement}\n    " + "\n    ".join(plan))
            else:
                asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                told = connection.exec_driver_sql(asked, given).scalar_one()
                plan = told if isinstance(told, list) else json.loads(told)
                read = _rows_read(plan[0]["Plan"])
                self.steps += read
                if read > _MUCH:
                    took = f"{read} rows, {plan[0]['Execution Time']:.1f} ms"
                    self.much.append(f"{took}\n{statement}\n{_shape(plan[0]['Plan'])}")
        finally:
            self._is_asking = False


def _rows_read(plan: dict[str, Any]) -> int:
    own = 0
    if "Relation Name" in plan:
        loops = plan["Actual Loops"]
        own = round(loops * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)))
    return own + sum(_rows_read(each) for each in plan.get("Plans", ()))


def _shape(plan: dict[str, Any], depth: int = 1) -> str:
    where = " ".join(str(plan[name]) for name in ("Node Type", "Index Name", "Relation Name") if name in plan)
    removed = plan.get("Rows Removed by Filter", 0)
    line = f"{'  ' * depth}{where}: {plan['Actual Loops']} × {plan['Actual Rows']} rows, {removed} left out"
    return "\n".join([line, *(_shape(each, depth + 1) for each in plan.get("Plans", ()))])


# ── the result ───────────────────────────────────────────────────────────────────────────────────────────────────


def report(result: Result, kind: str, pages: list[Page], beside: dict[str, float]) -> None:
    """Put what was measured on one kind of database into tables and checks."""
    lines = []
    for page in pages:
        median, cpu, database = map(statistics.median, (page.first_ms, page.cpu_ms, page.database_ms))
        row: dict[str, Any] = {
            "database": kind,
            "page": page.name,
            "median_ms": median,
            "p95_ms": share(page.first_ms, 0.95),
            "least_ms": min(page.first_ms),
            "cpu_ms": cpu,
            "database_cpu_ms": database,
            "statements": page.statements,
            "steps": page.steps,
            "size_bytes": page.size_bytes,
            "rounds": len(page.first_ms),
        }
        result.rows.append(row)
        lines.append(
            (
                page.name,
                *(f"{each:.0f}" for each in (median, row["p95_ms"], row["least_ms"], cpu)),
                *([f"{database:.0f}"] if kind == "postgresql" else []),
                str(page.statements),
                *([f"{page.steps / 1e3:.0f}"] if kind == "sqlite" else []),
                f"{page.size_bytes / 1e3:.0f}",
            )
        )
    result.rows.append({"database": kind, **beside})
    own = ("PostgreSQL's, ms",) if kind == "postgresql" else ()
    steps = ("thousand steps",) if kind == "sqlite" else ()
    columns = ("page", "median, ms", "p95, ms", "least, ms", "processor, ms", *own, "statements", *steps, "kB")
    note = (
        f"Insight, reckoned: {beside['insight_30_ms']:,.0f} ms for 30 days, {beside['insight_90_ms']:,.0f} ms for 90; "
        f"asked for again: {beside['insight_kept_ms']:,.0f} ms. A server of which nothing is asked spends "
        f"{beside['idle_ms_per_s']:.0f} ms of a processor a second."
    )
    result.tables.append(Table(f"To the first byte, {NAMES[kind]}", columns, tuple(lines), note))
    medians = {page.name: statistics.median(page.first_ms) for page in pages}
    on = f", {NAMES[kind]}"
    case = max(medians[name] for name in _CASES if name in medians)
    result.check(f"a case{on}", "at most", TARGET_CASE_MS, case, unit=" ms")
    bank = max(medians[name] for name in _BANKS)
    result.check(f"a bank of many entries{on}", "at most", TARGET_PAGE_MS, bank, unit=" ms")
    slowest = max(medians, key=lambda name: medians[name])
    result.check(f"the slowest page ({slowest}){on}", "at most", TARGET_PAGE_MS, medians[slowest], unit=" ms")
    insight = max(beside["insight_30_ms"], beside["insight_90_ms"])
    result.check(f"insight, reckoned{on}", "at most", TARGET_INSIGHT_MS, insight, unit=" ms")


def missing(kind: str) -> str | None:
    """Say why a kind of database cannot be measured here; None where it can."""
    if command("hedgerow") is None:
        return "hedgerow is not installed beside this Python"
    if kind == "postgresql" and (peer("psycopg") is None or postgresql_programs() is None):
        return "PostgreSQL, or its driver, is not installed"
    return None


def main() -> None:
    """Read the arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=KINDS, action="append", help="only this kind of database (repeatable)")
    parser.add_argument("--cases", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="keep the houses here, and take them from here")
    parser.add_argument("--plans", action="store_true", help="print statements that read much, and how")
    given = parser.parse_args()
    result = Result(
        "console",
        "The console",
        f"One `hedgerow serve` with {given.cases:,} cases, three of five closed, and a bank of {given.cases:,} "
        "entries; one browser, logged in with every role. What falls due is left to other processes, since it would "
        "change the house. Medians of rounds over all pages; each case is another one.",
    )
    kept = nullcontext(str(given.folder)) if given.folder else tempfile.TemporaryDirectory()
    os.environ["HEDGEROW_WORKERS_IN_SERVE"] = "false"
    with kept as name:
        for kind in given.on or KINDS:
            why = missing(kind)
            if why is not None:
                result.notes.append(f"{NAMES[kind]} was not measured: {why}.")
                continue
            folder = Path(name) / kind
            folder.mkdir(parents=True, exist_ok=True)
            running = nullcontext((None, None)) if kind == "sqlite" else postgresql(folder / "server")
            with running as (url, server):
                if url is not None:
                    os.environ["HEDGEROW_DATABASE_URL"] = url
                else:
                    os.environ.pop("HEDGEROW_DATABASE_URL", None)
                data = folder / "data"
                print(f"\n{NAMES[kind]}", flush=True)
                prepare(data, url, given.cases)
                database = open_migrated(load_settings(data=data, database_url=url))
                pages = pages_of(database)
                database.close()
                beside = time_pages(pages, data, given.rounds, server)
                count_statements(pages, data, url, with_plans=given.plans)
                report(result, kind, pages, beside)
    result.write()


if __name__ == "__main__":
    main()
