"""``hedgerow simulate``: the partners' services, started and stopped as people do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest

from hedgerow.cli.simulate_partners import PARTNERS, command_of
from hedgerow.simulators.stage import RemoteSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = str(Path(sys.executable).with_name("hedgerow"))
NAMES = [each.name for each in PARTNERS]


@pytest.fixture
def started() -> Iterator[Callable[..., Any]]:
    processes: list[Any] = []

    def start(partner: str, *options: str) -> Any:
        process = subprocess.Popen(
            [PROGRAM, "simulate", partner, "--port", "0", *options], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SIMULATOR of ")
        process.url = process.stdout.readline().split()[1]  # type: ignore[attr-defined]  # for the tests
        process.remote = RemoteSimulator(process.stdout.readline().split()[1])  # type: ignore[attr-defined]  # as above
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", NAMES)
def test_each_begins_with_made_up_entries_and_stops_when_it_is_told(name: str, started: Callable[..., Any]) -> None:
    process = started(name, "--items", "3", "--clock", "virtual")
    count = process.remote.ask("GET", "items")["count"]
    assert count == (7 * 3 if name == "ncmec-hashes" else 3)
    at = process.remote.clock.advance(timedelta(hours=30))
    assert process.remote.clock.now() == at
    assert process.url.startswith(process.remote.pages)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_calls_are_told_and_written_without_what_is_secret(tmp_path: Path, started: Callable[..., Any]) -> None:
    file = tmp_path / "calls.jsonl"
    options = ("--user", "a", "--password", "canary", "--fault", "status:2:drop_after", "--transcript", str(file))
    process = started("ncmec-hashes", "--items", "2500", *options)
    page = httpx.get(f"{process.url}/v2/entries", params={"from": "1970-01-01T00:00:00Z"}, auth=("a", "canary"))
    assert 'count="' in page.text
    assert "<next>" in page.text
    assert httpx.get(f"{process.url}/v2/status", auth=("a", "wrong")).status_code == 401
    assert httpx.get(f"{process.url}/v2/status", auth=("a", "canary")).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{process.url}/v2/status", auth=("a", "canary"))
    # It is written as it happens: a rehearsal may be killed.
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert lines == [each.as_json() for each in process.remote.transcript()]
    assert [(each["call"], each["status"], each["fault"]) for each in lines] == [
        ("entries", 200, None),
        ("status", 401, None),
        ("status", 200, None),
        ("status", None, "drop_after"),
    ]
    assert file.stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "status         HTTP 401" in said
    assert "status         connection dropped  (fault: drop_after)" in said
    assert "canary" not in said + file.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("ncmec-hashes", "--host", "hashsharing.ncmec.org"), 2, "never answers under the name"),
        (("stopncii", "--host", "api.stopncii.org"), 2, "never answers under the name"),
        (("threatexchange", "--host", "graph.facebook.com"), 2, "never answers under the name"),
        (("shield", "--fault", "pdq:1:unheard_of"), 2, "unheard_of"),
        (("feed", "--items", "-1"), 2, "-1"),
        (("feed", "--transcript", "missing/calls.jsonl"), 4, "transcript cannot be written"),
    ],
)
def test_what_cannot_be_started_is_refused(options: tuple[str, ...], status: int, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "simulate", *options], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_each_has_a_port_of_its_own() -> None:
    assert [each.port for each in PARTNERS] == [8101, 8102, 8103, 8104, 8105]


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_credentials_are_those_that_the_play_begins_with(name: str) -> None:
    """A rehearsal by the guide and a test without options meet the same simulator."""
    partner = next(each for each in PARTNERS if each.name == name)
    options = {each.name: each for each in command_of(partner).params if isinstance(each, click.Option)}
    assert {"host", "port", "items", "clock", "faults", "transcript"} < options.keys()
    given = {name: each.default for name, each in options.items()}
    said = {each.name.replace("-", "_"): given[each.name.replace("-", "_")] for each in partner.credentials}
    stated, plain = partner.build(0, said), type(partner.build(0, said))()
    shown = ("_users", "_keys", "_subscription_key", "token", "group", "_credentials", "key")
    pairs = [(getattr(stated, each), getattr(plain, each)) for each in shown if hasattr(plain, each)]
    assert pairs
    assert all(one == other for one, other in pairs)
