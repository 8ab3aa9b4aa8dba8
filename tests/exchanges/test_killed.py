"""A process that fetches is killed at random moments; whoever goes on ends with the partner's set all the same."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from hedgerow.app.exchanges import open_exchanges
from hedgerow.banks.tables import entries
from hedgerow.database import open_database
from hedgerow.exchanges.tables import exchanges
from hedgerow.settings import load_settings
from hedgerow.simulators.feed import FeedPlay
from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records
from hedgerow.simulators.threatexchange import ThreatExchangePlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.simulators.stage.model import Call

__all__: list[str] = []

PROGRAM = str(Path(sys.executable).with_name("hedgerow"))
NAME = "partner"
MOST_DELAY_S = 0.03  # about as long as a page takes from the answer to the commit


class Dying:
    """A fetch in a process of its own, which is killed a moment after one of its calls."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.left = 0
        self.delay_s = 0.0

    def on_call(self, call: Call) -> None:
        """Count a call."""
        del call
        self.left -= 1
        if self.left == 0:
            threading.Timer(self.delay_s, self._kill).start()

    def _kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)

    def run(self, data: Path, calls: int, delay_s: float) -> int:
        """Fetch, and be killed; return the exit status."""
        self.left, self.delay_s = calls, delay_s
        command = [PROGRAM, "exchange", "fetch", NAME, "--data", str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.process.wait(120)


def _ncmec() -> tuple[Any, str, dict[str, Any], dict[str, str]]:
    now = datetime.now(UTC)
    play = NcmecHashesPlay(
        page_size=3,
        generated={"hashsharing": 40},
        generated_from=now - timedelta(days=3),
        generated_over=timedelta(days=2),
    )
    return play, "ncmec", {"base_url": "/hashsharing"}, {"user": "simulator", "password": "simulator"}


def _stopncii() -> tuple[Any, str, dict[str, Any], dict[str, str]]:
    keys = {
        "subscription_key": "simulator-subscription",
        "fetch_function_key": "simulator-fetch",
        "feedback_function_key": "simulator-feedback",
    }
    return StopNciiPlay(made_up_records(40)), "stop_ncii", {"page_size": 3}, keys


def _threatexchange() -> tuple[Any, str, dict[str, Any], dict[str, str]]:
    play = ThreatExchangePlay(page_limit=3)
    return play, "fb_threatexchange", {"privacy_group": int(play.group)}, {"api_token": play.token}


def _feed() -> tuple[Any, str, dict[str, Any], dict[str, str]]:
    play = FeedPlay()
    return play, "hedgerow", {"list": "shared"}, {"key": play.key}


def _first(simulator: Simulator[Any], kind: str) -> None:
    """Let the partner have some pages of signals, of whom it has nothing yet."""
    if kind == "fb_threatexchange":
        simulator.edit({"do": "create", "count": 40, "type": "HASH_MD5"})
    elif kind == "hedgerow":
        simulator.edit({"do": "create", "count": 3_500, "type": "md5"})


def _edit(simulator: Simulator[Any], kind: str, drawing: random.Random) -> None:
    """Change something. What changed at NCMEC is shown 5 s later: that is left to the tests whose clock is virtual."""
    if kind == "stop_ncii":
        value = drawing.choice(list(made_up_records(40)))["hashValue"]
        simulator.edit({"do": "delete", "hashValue": value})
        simulator.edit({"do": "create", "hashValue": f"{drawing.getrandbits(255):064x}"})
    elif kind == "fb_threatexchange":
        items = [each for each in simulator.play.items() if each["state"] == "live"]
        simulator.edit({"do": "delete", "id": drawing.choice(items)["id"]})
        simulator.edit({"do": "create", "type": "HASH_MD5"})
    elif kind == "hedgerow":
        simulator.edit({"do": "delete", "id": drawing.choice(list(simulator.play.expected()))})
        simulator.edit({"do": "create", "type": "sha1"})


def _expected(play: Any, kind: str) -> set[tuple[str, bytes]]:
    if kind == "ncmec":
        prints = {each for _, held in play.expected().values() for each in held}
        return {(name, bytes.fromhex(value)) for name, value in prints if name in {"md5", "sha1", "pdq"}}
    if kind == "stop_ncii":
        return {("pdq", bytes.fromhex(value)) for _, value in play.expected({"Active"})}
    if kind == "fb_threatexchange":
        return {("md5", bytes.fromhex(value)) for _, value in play.expected().indicators.values()}
    return {(each.kind, bytes.fromhex(each.value)) for each in play.expected().values()}


@pytest.mark.parametrize("partner", [_ncmec, _stopncii, _threatexchange, _feed])
def test_a_fetch_that_is_killed_is_gone_on_with(data: Path, partner: Callable[[], Any]) -> None:
    _live_through(data, partner, kills=2)


@pytest.mark.slow
@pytest.mark.parametrize("partner", [_ncmec, _stopncii, _threatexchange, _feed])
def test_a_fetch_that_is_killed_again_and_again_is_gone_on_with(data: Path, partner: Callable[[], Any]) -> None:
    _live_through(data, partner, kills=30)


def _live_through(data: Path, partner: Callable[[], Any], *, kills: int) -> None:
    drawing = random.Random(kills)  # noqa: S311  (a script, not a secret)
    play, kind, config, keys = partner()
    dying = Dying()
    with Simulator(play, on_call=dying.on_call) as simulator, open_exchanges(load_settings(data=data)) as ours:
        said = {**config, "base_url": simulator.url + config.get("base_url", "")}
        ours.create(NAME, kind, said, actor="user:1")
        ours.set_credentials(NAME, keys, actor="user:1")
        _first(simulator, kind)
        killed = 0
        for _ in range(kills):
            status = dying.run(data, drawing.randint(1, 4), drawing.random() * MOST_DELAY_S)
            killed += status == -signal.SIGKILL
            _let_leases_end(data)
            _edit(simulator, kind, drawing)
        assert killed
        dying.left = 0
        ends = [ours.fetch_now(NAME) for _ in range(2)]
        assert [(each is not None and each.error) for each in ends] == [None, None]
        assert _live(data) == _expected(play, kind)


def _let_leases_end(data: Path) -> None:
    """Let the ten minutes be over after which another may go on."""
    database = open_database(data)
    with database.write() as connection:
        table = exchanges.c
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(exchanges).where(table.lease_until.is_not(None)).values(lease_until=past))
    database.close()


def _live(data: Path) -> set[tuple[str, bytes]]:
    database = open_database(data)
    with database.read() as connection:
        rows = connection.execute(select(entries.c.signal_type, entries.c.bits).where(entries.c.withdrawn_at.is_(None)))
        live = {(kind, bytes(bits)) for kind, bits in rows}
    database.close()
    return live
