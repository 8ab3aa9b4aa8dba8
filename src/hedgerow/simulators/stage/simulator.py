"""A simulator as a whole: a play on the stage. Start it, stop it, change what it holds, ask who called."""

from __future__ import annotations

import json
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from hedgerow.errors import RealNameRefused, SimulatorUnusable
from hedgerow.simulators.clock import VirtualClock
from hedgerow.simulators.names import is_under
from hedgerow.simulators.stage.faults import Faults
from hedgerow.simulators.stage.model import Call, Fault, Play
from hedgerow.simulators.stage.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Self

__all__ = ["Simulator"]

# A walk through five million entries is 5,000 calls; a rehearsal of days may have more, and must not grow for ever.
_MOST_CALLS: Final = 100_000

PlayT = TypeVar("PlayT", bound=Play)


class Simulator(Generic[PlayT]):
    """A partner's service, played on this machine.

    Use it as a context manager, or call `start` and `stop`. Nothing that reaches it goes anywhere else.

    Args:
        play: Which service, and what it holds.
        port: Where it listens; 0 for any free port.
        host: The address that it listens on.
        stands_at: Where its clock stands still until it is put forward; None goes with the machine's.
        faults: What goes wrong from the beginning.
        on_call: Is told of each call, in their order, before it is answered.

    Raises:
        RealNameRefused: ``host`` is a name of the partner.
        InvalidFault: A fault cannot be played.
    """

    def __init__(
        self,
        play: PlayT,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        stands_at: datetime | None = None,
        faults: Iterable[Fault | str] = (),
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        if is_under(host, play.real_names):
            raise RealNameRefused(host)
        self.play = play
        self.clock = VirtualClock(stands_at)
        self.faults = Faults(play.calls, play.fault_kinds, faults)
        self.lock = threading.RLock()
        self.call_count = 0
        self._host, self._port = host, port
        self._on_call = on_call
        self._calls: deque[Call] = deque(maxlen=_MOST_CALLS)
        self._calls_lock = threading.RLock()
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
        """Listen, in a thread of its own. One that was stopped starts again at the same port.

        Raises:
            SimulatorUnusable: The port is taken.
        """
        try:
            self._server = Server((self._host, self._port), self)
        except OSError as error:
            raise SimulatorUnusable(f"port {self._port} of {self._host} cannot be had ({error.strerror})") from None
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=self.play.name)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and close every connection. What it holds stays."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join()
            self._server = None

    @property
    def pages(self) -> str:
        """The address of its page, and of the control paths under ``/simulator``."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    @property
    def url(self) -> str:
        """The address of the partner's interface."""
        return f"{self.pages}{getattr(self.play, 'base_path', '')}"

    def edit(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change what the partner holds, at the simulator's time.

        Raises:
            ValueError: It cannot be done; the sentence says why.
        """
        with self.lock:
            return self.play.edit(change, self.clock.now())

    # ── the transcript ──

    def note(self, call: str, method: str, path: str, status: int | None, fault: Fault | None, note: str) -> None:
        """Remember a call."""
        with self._calls_lock:
            self.call_count += 1
            kind = None if fault is None else fault.kind
            line = Call(self.call_count, self.clock.now(), call, method, path, status, kind, note)
            self._calls.append(line)
            if self._on_call is not None:
                self._on_call(line)

    def transcript(self) -> list[Call]:
        """Return the last 100,000 calls, the oldest first."""
        with self._calls_lock:
            return list(self._calls)

    def write_transcript(self, path: Path) -> None:
        """Write the calls as lines of JSON, the oldest first.

        Raises:
            SimulatorUnusable: The file cannot be written.
        """
        lines = "".join(f"{json.dumps(each.as_json(), ensure_ascii=False)}\n" for each in self.transcript())
        try:
            Path(path).write_text(lines, encoding="utf-8")
        except OSError as error:
            raise SimulatorUnusable(f"the transcript cannot be written ({error.strerror})") from None
