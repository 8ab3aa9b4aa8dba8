"""Where rehearsed reports go while no address for them is set: the authority's simulator, run here while it is wanted.

The rules:

1. Where the setting ``reports.test_url`` says where rehearsals go, they go there, and no simulator is run.
2. Somebody asks for it (`ask`). That leaves a wish in the data folder; a worker sees it, runs the simulator on a free
   port of this machine's own interface (`SimulatorHost`), and stops it with itself. While the wish is there and the
   rehearsal is not over, the next start runs it again, with all that it had received.
3. What is written down is a port, and never an address: what is made of it is ``http://127.0.0.1:PORT/ispws`` and can
   be nothing else.
4. It counts only on the machine that wrote it, and only while the process that runs the simulator holds its lock. A
   process that was killed holds none, so that nothing is sent to whoever has that port next.
5. Only reports of the environment ``test`` ask for it: real ones have one address, which is a constant elsewhere
   (`hedgerow.reports.cybertipline.client`).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hedgerow.errors import AuthorityNotReady, HedgerowError, InvalidReport, ReportRefused
from hedgerow.reports import credentials, finding, records
from hedgerow.reports.filing_model import ACTIVE, UNFINISHED, Environment, ReportState

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings
    from hedgerow.simulators import CyberTiplineSimulator

__all__ = ["FOLDER", "SimulatorHost", "SimulatorStanding", "ask", "end", "standing", "test_address"]

_log = logging.getLogger(__name__)

FOLDER: Final = "rehearsal"
"""Of the data folder."""
_WISH: Final = "wish.json"
_RUNNING: Final = "running.json"
_LOCK: Final = "lock"
_RECEIVED: Final = "received.db"
_BASE_PATH: Final = "/ispws"
_LARGEST_PORT: Final = 65_535
_AUTHORITY: Final = "cybertipline"
_USER: Final = "rehearsal"
_PASSWORD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class SimulatorStanding:
    """How it stands with the simulator.

    Attributes:
        is_needed: Whether nobody has said where rehearsals go.
        is_wanted: Whether somebody asked for it.
        pages: Where it shows what it received, on this machine; None while it does not run.
    """

    is_needed: bool
    is_wanted: bool
    pages: str | None


def test_address(settings: Settings) -> str | None:
    """Return where rehearsals go now; None where they go nowhere."""
    said = settings.reports.test_url
    if said is not None:
        return said
    pages = _pages(settings)
    return None if pages is None else f"{pages}{_BASE_PATH}"


def standing(settings: Settings) -> SimulatorStanding:
    """Say how it stands with the simulator."""
    is_needed = settings.reports.test_url is None
    return SimulatorStanding(is_needed, _wished_at(settings) is not None, _pages(settings) if is_needed else None)


def ask(settings: Settings, database: Database, keys: ServiceKeys, *, actor: str, now: datetime) -> None:
    """Ask for the simulator; a worker runs it within a second. Credentials that were entered before are left alone.

    Raises:
        InvalidReport: It is said elsewhere where rehearsals go, or this house sends real reports.
    """
    if settings.reports.test_url is not None:
        raise InvalidReport("the setting reports.test_url says where rehearsals go, and no simulator is needed")
    if settings.reports.environment != str(Environment.TEST):
        raise InvalidReport("this house sends real reports, and rehearses elsewhere")
    with database.write() as connection:
        if credentials.standing_of(connection, _AUTHORITY, Environment.TEST).set_at is None:
            credentials.set_credentials(
                connection,
                _AUTHORITY,
                Environment.TEST,
                _USER,
                secrets.token_hex(_PASSWORD_BYTES),
                keys=keys,
                actor=actor,
                now=now,
            )
        _record(connection, "simulator_asked", actor=actor, now=now)
    _write(_folder(settings) / _WISH, {"by": actor, "at": now.isoformat()})


def end(settings: Settings, database: Database, *, actor: str, now: datetime) -> None:
    """Want the simulator no more; the worker that runs it stops it within a second. What was filed stays on record."""
    if _wished_at(settings) is None:
        return
    with database.write() as connection:
        _record(connection, "simulator_ended", actor=actor, now=now)
    _forget_wish(settings)


class SimulatorHost:
    """Runs the simulator while it is wanted. Every worker has one; on one machine one of them runs it.

    Args:
        settings: Where the data folder is, and whether a simulator is needed at all.
        database: The record.
        keys: What opens the credentials that the simulator accepts.
    """

    def __init__(self, settings: Settings, database: Database, keys: ServiceKeys) -> None:
        self._settings = settings
        self._database = database
        self._keys = keys
        self._guard = threading.Lock()
        self._simulator: CyberTiplineSimulator | None = None
        self._locked: int | None = None
        self._entered_at: datetime | None = None
        self._is_first = True
        self._told: str | None = None

    def look(self, *, now: datetime) -> bool:
        """Start or stop the simulator where that is due, and return whether it was."""
        with self._guard:
            wished_at = _wished_at(self._settings) if self._settings.reports.test_url is None else None
            if wished_at is not None and self._is_first and self._is_over(wished_at):
                _forget_wish(self._settings)
                wished_at = None
            self._is_first = False
            if self._simulator is None:
                return wished_at is not None and self._start(now)
            if wished_at is None or self._are_others():
                self._stop()
                return True
            return False

    def close(self) -> None:
        """Stop it."""
        with self._guard:
            self._stop()

    def _is_over(self, since: datetime) -> bool:
        """Tell whether what it was asked for is done: something was filed, and nothing is on its way."""
        with self._database.read() as connection:
            filed = finding.list_reports(connection, states=[ReportState.FILED], environment=Environment.TEST, limit=1)
            open_ = finding.list_reports(connection, states=UNFINISHED, environment=Environment.TEST, limit=1)
        return not open_ and any(each.created_at >= since for each in filed)

    def _are_others(self) -> bool:
        """Tell whether somebody entered other credentials since it was started: it accepts the old ones alone."""
        with self._database.read() as connection:
            return credentials.standing_of(connection, _AUTHORITY, Environment.TEST).set_at != self._entered_at

    def _start(self, now: datetime) -> bool:
        from hedgerow.simulators import CyberTiplineSimulator

        folder = _folder(self._settings)
        try:
            with self._database.read() as connection:
                entered_at = credentials.standing_of(connection, _AUTHORITY, Environment.TEST).set_at
                pair = credentials.open_credentials(connection, _AUTHORITY, Environment.TEST, keys=self._keys)
        except AuthorityNotReady as error:
            self._tell(error)
            return False
        self._locked = _lock(folder / _LOCK)
        if self._locked is None:  # another process of this machine runs it
            return False
        try:
            simulator = CyberTiplineSimulator(0, pair.username, pair.password, folder / _RECEIVED)
            simulator.start()
        except HedgerowError as error:
            self._tell(error)
            self._unlock()
            return False
        self._simulator, self._entered_at, self._told = simulator, entered_at, None
        port = int(simulator.pages.rpartition(":")[2])
        _write(folder / _RUNNING, {"machine": platform.node(), "port": port})
        _log.info("The authority's simulator runs on port %d of this machine.", port)
        self._hurry(now)
        return True

    def _hurry(self, now: datetime) -> None:
        """Let what was approved before there was anywhere to send it go at once."""
        with self._database.read() as connection:
            waiting = finding.list_reports(connection, states=ACTIVE, environment=Environment.TEST)
        if waiting:
            with self._database.write() as connection:
                for each in waiting:
                    with suppress(ReportRefused):  # it is over meanwhile
                        records.hurry(connection, each.id, actor="system", now=now)

    def _tell(self, error: HedgerowError) -> None:
        """Say in the log why it does not run, once."""
        if self._told != error.reason:
            self._told = error.reason
            _log.warning("The authority's simulator does not run: %s", error)

    def _stop(self) -> None:
        if self._simulator is None:
            return
        (_folder(self._settings) / _RUNNING).unlink(missing_ok=True)
        self._simulator.stop()
        self._simulator = None
        self._unlock()

    def _unlock(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None


# ── the folder ───────────────────────────────────────────────────────────────────────────────────────────────────


def _folder(settings: Settings) -> Path:
    folder = settings.data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _wished_at(settings: Settings) -> datetime | None:
    found = _read(settings.data / FOLDER / _WISH)
    try:
        return datetime.fromisoformat(str(found.get("at")))
    except ValueError:
        return None


def _forget_wish(settings: Settings) -> None:
    (settings.data / FOLDER / _WISH).unlink(missing_ok=True)


def _pages(settings: Settings) -> str | None:
    """Return the simulator's address, if one of this machine's processes runs it now."""
    folder = settings.data / FOLDER
    found = _read(folder / _RUNNING)
    port = found.get("port")
    if found.get("machine") != platform.node() or type(port) is not int or not 0 < port <= _LARGEST_PORT:
        return None
    return f"http://127.0.0.1:{port}" if _is_locked(folder / _LOCK) else None


def _read(path: Path) -> dict[str, object]:
    """Read one of our small files; what is not there, or none of ours, says nothing."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _write(path: Path, said: dict[str, object]) -> None:
    """Write one of our small files so that nobody reads half of it."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(said, file)
    beside.replace(path)


def _lock(path: Path) -> int | None:
    """Take the lock of who runs the simulator; the system gives it back when the process ends, however it does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _record(connection: Connection, what: str, *, actor: str, now: datetime) -> None:
    from hedgerow.audit import append

    append(
        connection,
        actor=actor,
        action=f"report.{what}",
        subject_type="authority",
        subject_id=_AUTHORITY,
        details={"environment": str(Environment.TEST)},
        now=now,
    )
