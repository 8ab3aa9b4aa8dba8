"""Wherever the machine's clock says that it stands, partners are asked for the same, and the banks are the same."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from hedgerow.app.exchanges import open_exchanges
from hedgerow.banks.tables import entries
from hedgerow.database import open_database
from hedgerow.settings import load_settings
from hedgerow.simulators.feed import FeedPlay
from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records
from hedgerow.simulators.threatexchange import ThreatExchangePlay

if TYPE_CHECKING:
    from pathlib import Path

__all__: list[str] = []

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin")

# The clock of the process is that of the test, in the zone of the machine. It fetches once for each line that it reads.
_PROGRAM = """
import sys, time
from datetime import datetime

from hedgerow.app import exchanges
from hedgerow.app.exchanges import open_exchanges
from hedgerow.settings import load_settings

with open_exchanges(load_settings(data=sys.argv[1])) as opened:
    for line in sys.stdin:
        seconds = float(line)
        assert time.strftime("%z", time.localtime(seconds)) == sys.argv[3], time.tzname
        exchanges.now = lambda: datetime.fromtimestamp(seconds).astimezone()
        for name in sys.argv[2].split(","):
            end = opened.fetch_now(name)
            assert end is not None and end.error is None, (name, end)
        print("fetched", flush=True)
"""
OFFSETS = dict(zip(ZONES, ("+0000", "+0900", "-0500", "+0100"), strict=True))
HOURS = 2


class Partners:
    """All four, with clocks that go by the test's."""

    def __init__(self) -> None:
        ncmec = NcmecHashesPlay(
            page_size=4,
            generated={"hashsharing": 9},
            generated_from=START - timedelta(days=2),
            generated_over=timedelta(days=1),
        )
        threatexchange, feed = ThreatExchangePlay(page_limit=3), FeedPlay()
        self.plays: dict[str, tuple[Any, dict[str, Any], dict[str, str]]] = {
            "ncmec": (ncmec, {"base_url": "/hashsharing"}, {"user": "simulator", "password": "simulator"}),
            "stop_ncii": (
                StopNciiPlay(made_up_records(5)),
                {"page_size": 3},
                {
                    "subscription_key": "simulator-subscription",
                    "fetch_function_key": "simulator-fetch",
                    "feedback_function_key": "simulator-feedback",
                },
            ),
            "fb_threatexchange": (
                threatexchange,
                {"privacy_group": int(threatexchange.group)},
                {"api_token": threatexchange.token},
            ),
            "hedgerow": (feed, {"list": "shared"}, {"key": feed.key}),
        }
        self.simulators = {name: Simulator(play, stands_at=START) for name, (play, _, _) in self.plays.items()}

    def create(self, data: Path) -> None:
        """Make an exchange with each."""
        with open_exchanges(load_settings(data=data)) as exchanges:
            for name, (_, config, keys) in self.plays.items():
                base_url = self.simulators[name].url + config.get("base_url", "")
                exchanges.create(name.replace("_", "-"), name, {**config, "base_url": base_url}, actor="user:1")
                exchanges.set_credentials(name.replace("_", "-"), keys, actor="user:1")

    def edit(self, hour: int) -> None:
        """Let something come, and something go."""
        value = hashlib.sha256(b"hour %d" % hour).hexdigest()
        edits: dict[str, list[dict[str, Any]]] = {
            "ncmec": [{"do": "create", "member": 42, "id": f"h{hour}"}],
            "stop_ncii": [{"do": "create", "hashValue": value}],
            "fb_threatexchange": [{"do": "create", "type": "HASH_MD5"}],
            "hedgerow": [{"do": "create", "type": "sha1"}],
        }
        if hour:
            edits["ncmec"].append({"do": "delete", "member": 42, "id": f"h{hour - 1}"})
            edits["hedgerow"].append({"do": "delete", "id": hour})
        for name, changes in edits.items():
            for each in changes:
                self.simulators[name].edit(each)

    def asked(self) -> list[tuple[str, str, str]]:
        """Return what was asked for; ports, and what is drawn for each run, are left out."""
        return [
            (name, each.method, re.sub(r"(?:cursor|after|nextPageToken)=[^&]*", "", each.path))
            for name, simulator in self.simulators.items()
            for each in simulator.transcript()
        ]


def _in_zone(zone: str, data: Path) -> tuple[Any, Any]:
    """Fetch some hours long in a zone; return what was asked for, and what the banks hold."""
    partners = Partners()
    with ExitStack() as stack:
        for each in partners.simulators.values():
            stack.enter_context(each)
        partners.create(data)
        names = ",".join(name.replace("_", "-") for name in partners.plays)
        command = [sys.executable, "-c", _PROGRAM, str(data), names, OFFSETS[zone]]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env={**os.environ, "TZ": zone}, **pipes) as process:  # type: ignore[call-overload]  # what a dict holds
            for hour in range(HOURS):
                partners.edit(hour)
                for each in partners.simulators.values():
                    each.clock.advance(timedelta(hours=1))
                process.stdin.write(f"{(START + timedelta(hours=hour + 1)).timestamp()}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "fetched\n"
            process.stdin.close()
        assert process.returncode == 0
        assert partners.plays["ncmec"][0].future_queries == []
        return partners.asked(), _held(data)


def _held(data: Path) -> list[tuple[Any, ...]]:
    database = open_database(data)
    table = entries.c
    with database.read() as connection:
        rows = connection.execute(
            select(
                table.bank_id,
                table.signal_type,
                table.bits,
                table.category,
                table.contributor,
                table.added_at,
                table.withdrawn_at,
            ).order_by(table.id)
        ).all()
    database.close()
    return [tuple(row) for row in rows]


def test_in_every_zone_the_same_is_asked_for_and_the_banks_are_the_same(migrated: Path, tmp_path: Path) -> None:
    asked, held = {}, {}
    for zone in ZONES:
        asked[zone], held[zone] = _in_zone(zone, shutil.copytree(migrated, tmp_path / zone.replace("/", "-")))
    first = ("ncmec", "GET", "/hashsharing/v2/entries?from=1970-01-01T00:00:00Z&to=2026-11-22T12:59:55Z")
    assert first in asked["UTC"]
    assert 0 < sum(row[-1] is not None for row in held["UTC"]) < len(held["UTC"])  # some came, and some went
    for zone in ZONES[1:]:
        assert asked[zone] == asked["UTC"]
        assert held[zone] == held["UTC"]
