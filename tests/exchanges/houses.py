"""Two Hedgerows with folders of their own: one shares over HTTP, the other follows in processes that are killed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import uvicorn
from sqlalchemy import select, update

from hedgerow import app
from hedgerow.app import now
from hedgerow.app.backup import back_up, restore
from hedgerow.app.exchanges import open_exchanges
from hedgerow.app.service import Service
from hedgerow.app.sharing import Sharings
from hedgerow.banks import Attributes, Matcher, NewEntry, add_entries, find_bank
from hedgerow.banks.held import find_frames
from hedgerow.banks.tables import entries
from hedgerow.banks.upkeep import change_attributes, withdraw_entries
from hedgerow.banks.vpdq import vpdq_signal
from hedgerow.database import open_database
from hedgerow.database.sealing import load_service_keys
from hedgerow.exchanges.tables import exchange_records
from hedgerow.exchanges.tables import exchanges as exchanges_table
from hedgerow.hashing import Signal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings
from hedgerow.web import create_app

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Followers", "Gate", "Held", "Sharers", "held"]

_WAIT_S = 60

Held = dict[tuple[str, bytes], tuple[str | None, str | None, bytes | None]]
"""What a bank says: by type and value, the category, the contributor, and the frames of a video."""


def held(database: Any, bank: str, *, only_given: bool) -> Held:
    """Return the live entries of a bank."""
    with database.read() as connection:
        condition = (entries.c.bank_id == find_bank(connection, bank).id) & entries.c.withdrawn_at.is_(None)
        if only_given:
            condition &= entries.c.may_be_redistributed
        rows = connection.execute(select(entries).where(condition)).all()
        frames = find_frames(connection, [row.id for row in rows])
    return {
        (row.signal_type, bytes(row.bits)): (
            row.category,
            row.contributor,
            frames[row.id].packed() if row.id in frames else None,
        )
        for row in rows
    }


class Gate:
    """Stands before the application: it stops at a page, so that whoever asked for it can be killed there.

    Attributes:
        pages: How many pages of lists were asked for.
    """

    def __init__(self) -> None:
        self.inside: ASGIApp | None = None
        self.pages = 0
        self.reached = threading.Event()
        self._released = threading.Event()
        self._at: int | None = None
        self._is_before = False

    def stop_at(self, more: int, *, is_before: bool) -> None:
        """Stop at a page: before it is made, or when it has left."""
        self.reached.clear()
        self._released.clear()
        self._at, self._is_before = self.pages + more, is_before

    def open(self) -> None:
        """Let everything pass."""
        self._at = None
        self._released.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        assert self.inside is not None
        is_page = scope["type"] == "http" and scope["path"].startswith("/api/v1/sharing/")
        self.pages += is_page
        is_stop = is_page and self._at is not None and self.pages >= self._at
        if is_stop and self._is_before:
            self.reached.set()
            await _wait(self._released)
        await self.inside(scope, receive, send)
        if is_stop:
            self.reached.set()


async def _wait(event: threading.Event) -> None:
    await asyncio.to_thread(event.wait, _WAIT_S)


class Sharers:
    """The house that shares its bank `own` as `ours`."""

    def __init__(self, data: Path) -> None:
        self.settings = load_settings(data=data, jobs=1)
        self.gate = Gate()
        self._port = 0
        self._count = 0
        app.create_bank(self.settings, "own")
        key = app.add_key(self.settings, "friend", scopes=["sharing.read"], requests_per_minute=100_000)
        self.key = key.text
        self.open()
        self.sharings.create("ours", "own", actor="cli")
        self.sharings.add_reader("ours", key.key.id, may_state_opinions=True, actor="cli")

    # ── the service ──

    def open(self) -> None:
        """Serve, at the same place as before."""
        self.database = open_migrated(self.settings)
        self.sharings = Sharings(self.database)
        self._service = Service(self.settings, self.database, load_service_keys(self.settings.data))
        self._service.keyring.refresh()
        self.gate.inside = create_app(self._service)
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", self._port))
        self._port = taken.getsockname()[1]
        config = uvicorn.Config(
            self.gate, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=5
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [taken]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self.gate.open()
        self._server.should_exit = True
        self._thread.join(_WAIT_S)
        assert not self._thread.is_alive()
        self._service.stop()
        self.database.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    def back_up(self, path: Path) -> None:
        """Write down everything."""
        path.unlink(missing_ok=True)
        back_up(self.settings, path)

    def restore(self, path: Path) -> None:
        """Be again what was written down."""
        self.close()
        restore(self.settings, path, may_replace=True)
        self.open()

    # ── what is done to the bank ──

    def edit(self, drawing: random.Random) -> None:
        """Do something to the bank."""
        with self.database.write() as connection:
            bank = find_bank(connection, "own")
            rows = connection.execute(
                select(entries.c.id, entries.c.may_be_redistributed).where(entries.c.withdrawn_at.is_(None))
            ).all()
            deed = drawing.choice(("add", "add", "add", "again", "withdraw", "withdraw", "keep", "give", "say"))
            if deed in {"add", "again"} or not rows:
                signal = self._signal(drawing.randrange(self._count + 1) if deed == "again" else None)
                new = NewEntry(signal, _attributes(drawing, may=drawing.random() < 0.8))
                add_entries(connection, bank, [new], now=now())
                return
            chosen = drawing.choice(rows)
            if deed == "withdraw":
                withdraw_entries(connection, [chosen.id], now=now(), reason="a mistake")
            else:
                may = {"keep": False, "give": True}.get(deed, bool(chosen.may_be_redistributed))
                change_attributes(connection, {chosen.id: _attributes(drawing, may=may)})

    def _signal(self, number: int | None) -> Signal:
        if number is None:
            self._count += 1
            number = self._count
        bits = hashlib.sha256(b"entry %d" % number).digest()
        if number % 5 == 0:
            return vpdq_signal(FrameList.of(list(bits), [90], [0], [0.0], [0.0], 1.0))
        return Signal("md5", bits[:16]) if number % 3 == 0 else Signal("pdq", bits, 90)


def _attributes(drawing: random.Random, *, may: bool) -> Attributes:
    category, contributor = drawing.choice(("A1", "B2", None)), drawing.choice(("ada", "grace", None))
    return Attributes("person", category=category, contributor=contributor, may_be_redistributed=may)


class Followers:
    """The house that follows, by the exchange `friend`."""

    def __init__(self, data: Path, sharers: Sharers) -> None:
        self.settings = load_settings(data=data, jobs=1)
        self.checkpoints: list[str] = []
        with open_exchanges(self.settings) as exchanges:
            exchanges.create("friend", "hedgerow", {"base_url": sharers.url, "list": "ours"}, actor="cli")
            exchanges.set_credentials("friend", {"key": sharers.key}, actor="cli")
        self.database = open_database(data)
        self._matcher = Matcher(self.database, data)  # one for the whole test: it has to follow, too

    def close(self) -> None:
        """End."""
        self.database.close()

    def begin_to_fetch(self) -> subprocess.Popen[bytes]:
        """Fetch in a process of its own."""
        program = [sys.executable, "-c", "from hedgerow.cli import main; main()"]
        return subprocess.Popen(
            [*program, "--data", str(self.settings.data), "exchange", "fetch", "friend"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def fetch(self) -> bool:
        """Fetch in this process some minutes later, and tell whether it is done: nothing is left to be withdrawn."""
        self.let_time_pass()
        with open_exchanges(self.settings) as exchanges:
            end = exchanges.fetch_now("friend")
        assert end is not None
        assert end.error is None
        self.note_checkpoint()
        with self.database.read() as connection:
            waits = connection.execute(select(exchanges_table.c.walk_ended_at)).scalar_one()
        return end.is_current and waits is None

    def note_checkpoint(self) -> None:
        """Keep where updates would go on."""
        with self.database.read() as connection:
            found = connection.execute(select(exchanges_table.c.checkpoint)).scalar_one()
        if found is not None:
            self.checkpoints.append(found)

    def let_time_pass(self) -> None:
        """Let minutes pass: a dead process keeps nobody away any more, and what a walk did not see may be withdrawn."""
        with self.database.write() as connection:
            ended = connection.execute(select(exchanges_table.c.walk_ended_at)).scalar_one()
            earlier = None if ended is None else ended - timedelta(minutes=10)
            connection.execute(
                update(exchanges_table).values(lease_until=None, lease_token=None, walk_ended_at=earlier)
            )

    def go_back(self, drawing: random.Random) -> None:
        """Go on from any checkpoint that there ever was."""
        with self.database.write() as connection:
            is_there = connection.execute(select(exchanges_table.c.checkpoint)).scalar_one() is not None
            if is_there and self.checkpoints:
                connection.execute(update(exchanges_table).values(checkpoint=drawing.choice(self.checkpoints)))

    def an_entry_of_theirs(self) -> int:
        """Return the other house's number of something that was read."""
        with self.database.read() as connection:
            return int(connection.execute(select(exchange_records.c.key)).scalars().first() or 0)

    def matched(self, wanted: Held) -> Iterator[tuple[str, bytes]]:
        """Give those of these values that a search finds exactly."""
        self._matcher.refresh()
        for kind, bits in wanted:
            packed = wanted[kind, bits][2]
            signal = Signal(kind, bits) if packed is None else vpdq_signal(FrameList.unpack(packed))
            if any(each.distance == 0 and each.type == kind for each in self._matcher.search([signal])):
                yield kind, bits
