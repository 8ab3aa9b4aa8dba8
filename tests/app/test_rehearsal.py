"""The simulator that rehearsed reports go to while no address for them is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import rehearsal
from hedgerow.app.rehearsal import FOLDER, SimulatorHost
from hedgerow.app.serving import reports
from hedgerow.audit import list_entries
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import InvalidReport
from hedgerow.reports import credentials
from hedgerow.reports.cybertipline.client import check_test_address
from hedgerow.reports.filing_model import AnswerKind, Environment
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.settings import Settings

pytestmark = pytest.mark.sqlite_file
KEYS = ServiceKeys((b"\x07" * 32,))
ELSEWHERE = "http://127.0.0.1:9/ispws"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path)


@pytest.fixture
def host(settings: Settings, database: Database) -> Iterator[SimulatorHost]:
    made = SimulatorHost(settings, database, KEYS)
    yield made
    made.close()


def ask(settings: Settings, database: Database, now: datetime) -> None:
    rehearsal.ask(settings, database, KEYS, actor="user:1", now=now)


def test_it_runs_when_it_was_asked_for_and_no_longer_than_it_is_wanted(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    assert not host.look(now=now)
    assert rehearsal.test_address(settings) is None
    ask(settings, database, now)
    assert rehearsal.standing(settings) == rehearsal.SimulatorStanding(is_needed=True, is_wanted=True, pages=None)
    assert host.look(now=now)
    assert not host.look(now=now)
    answer = reports.try_credentials(settings, database, KEYS, Environment.TEST)
    assert (answer.kind, answer.code) == (AnswerKind.ANSWERED, 0)
    rehearsal.end(settings, database, actor="user:1", now=now)
    assert host.look(now=now)
    assert rehearsal.test_address(settings) is None
    with database.read() as connection:
        actions = [each.action for each in list_entries(connection)]
    assert actions == ["report.credentials_set", "report.simulator_asked", "report.simulator_ended"]


def test_it_goes_on_at_the_next_start_with_what_it_had_received(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    ask(settings, database, now)
    host.look(now=now)
    reports.try_credentials(settings, database, KEYS, Environment.TEST)
    host.close()
    assert rehearsal.test_address(settings) is None
    again = SimulatorHost(settings, database, KEYS)
    assert again.look(now=now)
    simulator = again._simulator
    assert simulator is not None
    assert [each.call for each in simulator.calls()] == ["status"]
    again.close()


def test_one_process_runs_it_however_many_could(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    ask(settings, database, now)
    other = SimulatorHost(settings, database, KEYS)
    assert (host.look(now=now), other.look(now=now)) == (True, False)
    address = rehearsal.test_address(settings)
    host.close()
    assert other.look(now=now)
    assert rehearsal.test_address(settings) not in {None, address}
    other.close()


def test_where_an_address_is_set_that_one_is_taken_and_nothing_is_started(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    ask(settings, database, now)
    host.look(now=now)
    said = load_settings(data=settings.data, reports={"test_url": ELSEWHERE})
    assert rehearsal.test_address(said) == ELSEWHERE
    assert rehearsal.standing(said).pages is None
    with pytest.raises(InvalidReport):
        ask(said, database, now)
    host.close()
    assert not SimulatorHost(said, database, KEYS).look(now=now)


def test_a_house_that_sends_real_reports_rehearses_nothing(
    settings: Settings, database: Database, now: datetime
) -> None:
    earnest = load_settings(data=settings.data, reports={"environment": "production"})
    with pytest.raises(InvalidReport):
        ask(earnest, database, now)
    assert not rehearsal.standing(earnest).is_wanted


@pytest.mark.parametrize(
    "said",
    [
        {"machine": "elsewhere"},
        {"port": "443"},
        {"port": 0},
        {"port": 65_536},
        {"port": True},
        {"port": "80@report.cybertip.org"},
        {"port": None},
    ],
)
def test_what_is_written_beside_it_leads_to_this_machine_or_nowhere(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime, said: dict[str, Any]
) -> None:
    ask(settings, database, now)
    host.look(now=now)
    address = rehearsal.test_address(settings)
    assert address is not None
    assert check_test_address(address) == address
    assert address.startswith("http://127.0.0.1:")
    running = settings.data / FOLDER / "running.json"
    running.write_text(json.dumps(json.loads(running.read_text()) | said | {"address": "https://report.cybertip.org"}))
    assert rehearsal.test_address(settings) is None


def test_after_a_kill_its_port_is_nobodys_address(settings: Settings, database: Database, now: datetime) -> None:
    ask(settings, database, now)
    folder = settings.data / FOLDER
    code = (
        "import fcntl, os, sys\n"
        "held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(held, fcntl.LOCK_EX)\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (folder / "running.json").write_text(json.dumps({"machine": os.uname().nodename, "port": 12_345}))
        assert rehearsal.test_address(settings) == "http://127.0.0.1:12345/ispws"
        process.kill()
        process.wait()
    assert rehearsal.test_address(settings) is None


def test_credentials_that_were_entered_are_left_alone_and_others_are_taken_over(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    def enter(password: str) -> None:
        with database.write() as connection:
            credentials.set_credentials(
                connection,
                "cybertipline",
                Environment.TEST,
                "esp",
                password,
                keys=KEYS,
                actor="user:1",
                now=now if password == "first" else now.replace(year=2027),  # noqa: S105  (a simulator's)
            )

    enter("first")
    ask(settings, database, now)
    host.look(now=now)
    for password in ("first", "second"):
        enter(password)
        host.look(now=now)
        host.look(now=now)
        answer = reports.try_credentials(settings, database, KEYS, Environment.TEST)
        assert (answer.kind, answer.code) == (AnswerKind.ANSWERED, 0)


def test_the_folder_and_what_it_holds_are_its_owners(
    settings: Settings, database: Database, host: SimulatorHost, now: datetime
) -> None:
    ask(settings, database, now)
    host.look(now=now)
    folder = settings.data / FOLDER
    assert folder.stat().st_mode & 0o077 == 0
    assert {each.name for each in folder.iterdir()} >= {"wish.json", "running.json", "lock", "received.db"}
    assert [each.name for each in folder.iterdir() if each.stat().st_mode & 0o077] == []


def test_a_wish_that_cannot_be_read_is_none(settings: Settings, database: Database, host: SimulatorHost) -> None:
    for text in ("", "[]", '{"at": 5}', '{"at": "soon"}', "\xff"):
        (settings.data / FOLDER).mkdir(exist_ok=True)
        (settings.data / FOLDER / "wish.json").write_text(text, encoding="latin-1")
        assert not rehearsal.standing(settings).is_wanted
