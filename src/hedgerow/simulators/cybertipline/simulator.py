"""The simulator as a whole: start it, stop it, ask it what it received."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hedgerow.errors import RealNameRefused, SimulatorUnusable
from hedgerow.simulators.clock import VirtualClock
from hedgerow.simulators.cybertipline.authority import Authority, ErrorStyle
from hedgerow.simulators.cybertipline.faults import Faults
from hedgerow.simulators.cybertipline.schema import parse_document, schema_problem
from hedgerow.simulators.cybertipline.server import BASE_PATH, Server, is_real_name
from hedgerow.simulators.cybertipline.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from hedgerow.simulators.cybertipline.model import Fault, SimulatedCall, SimulatedReport

__all__ = ["DEFAULT_PASSWORD", "DEFAULT_USER", "CyberTiplineSimulator"]

DEFAULT_USER: Final = "simulator"
DEFAULT_PASSWORD: Final = "simulator"  # noqa: S105  (of a simulator on this machine; it guards nothing)


class CyberTiplineSimulator:
    """The CyberTipline's reporting interface, played on this machine.

    Use it as a context manager, or call `start` and `stop`. Nothing that reaches it goes anywhere else.

    Args:
        port: Where it listens; 0 for any free port.
        user: Who may call.
        password: With which password.
        state: A file that outlives it; None keeps everything in memory.
        host: The address that it listens on.
        stands_at: Where its clock stands still until it is put forward; None goes with the machine's. A clock that
            ``state`` remembers wins.
        error_style: Whether errors come with HTTP 200 or with 400 and 500; both have been seen.
        second_fileinfo: What a second description of a file is answered: 4000 or 1300.
        faults: What goes wrong from the beginning.
        keep_files: A folder for the bytes of files, named by their ids; None only digests them.
        on_call: Is told of each call.

    Raises:
        RealNameRefused: ``host`` is a name of the authority.
        SimulatorUnusable: The state cannot be opened.
        SimulatorSupportMissing: A package that it needs is not installed.
    """

    def __init__(  # noqa: PLR0913  (a simulator has as many ways as the real service is unsure of)
        self,
        port: int = 0,
        user: str = DEFAULT_USER,
        password: str = DEFAULT_PASSWORD,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        stands_at: datetime | None = None,
        error_style: ErrorStyle = "200",
        second_fileinfo: int = 4000,
        faults: Iterable[Fault] = (),
        keep_files: Path | None = None,
        on_call: Callable[[SimulatedCall], None] | None = None,
    ) -> None:
        if is_real_name(host):
            raise RealNameRefused(host)
        schema_problem(parse_document(b"<report/>"))  # what is missing shows now, and the schema is read once
        self._host, self._port = host, port
        self._store = Store(None if state is None else Path(state))
        self.clock = self._store.clock() or VirtualClock(stands_at)
        self.authority = Authority(
            self._store, self.clock, user, error_style=error_style, second_fileinfo=second_fileinfo
        )
        self.faults = Faults(faults)
        self.user = user
        self.credentials = f"{user}:{password}".encode()
        self.keep_files = None if keep_files is None else Path(keep_files)
        if self.keep_files is not None:
            self.keep_files.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._on_call = on_call
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, in a thread of its own.

        Raises:
            SimulatorUnusable: The port is taken.
        """
        try:
            self._server = Server((self._host, self._port), self)
        except OSError as error:
            self._store.close()
            raise SimulatorUnusable(f"port {self._port} of {self._host} cannot be had ({error.strerror})") from None
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulator")
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, close every connection, and close the state."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join()
            self._server = None
        with self.authority.lock:
            self._store.keep_clock(self.clock)
            self._store.close()

    @property
    def pages(self) -> str:
        """The address of its pages, and of the control paths under ``/simulator``."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    @property
    def url(self) -> str:
        """The address of the interface, as ``https://…/ispws`` is the authority's."""
        return f"{self.pages}{BASE_PATH}"

    # ── what was received ──

    def reports(self) -> list[SimulatedReport]:
        """Return all reports, in the order of their opening; those left unfinished for too long have expired."""
        with self.authority.lock:
            self.authority.expire()
            return self._store.reports()

    def report(self, number: int) -> SimulatedReport | None:
        """Return a report, or None."""
        with self.authority.lock:
            self.authority.expire()
            return self._store.report(number)

    def calls(self, report: int | None = None) -> list[SimulatedCall]:
        """Return the calls, the oldest first; those about one report, where it is named."""
        with self.authority.lock:
            return self._store.calls(report)

    # ── what the server needs ──

    def advance(self, **step: float) -> datetime:
        """Put the clock forward, and remember it in the state."""
        at = self.clock.advance(**step)
        with self.authority.lock, contextlib.suppress(OSError):
            self._store.keep_clock(self.clock)
        return at

    def note(self, call: SimulatedCall) -> None:
        """Remember a call."""
        with self.authority.lock:
            self._store.add_call(call)
        if self._on_call is not None:
            self._on_call(call)
