"""A simulator that runs in another process, asked through its control paths."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from hedgerow.errors import SimulatorUnusable
from hedgerow.simulators.stage.faults import fault_from_text
from hedgerow.simulators.stage.model import Call, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RemoteSimulator"]

_TIMEOUT_S: Final = 30.0


class RemoteSimulator:
    """A simulator of another process, with the same names as one in ours.

    Args:
        pages: Its address without a path, such as ``http://127.0.0.1:8101``.
    """

    def __init__(self, pages: str) -> None:
        self.pages = pages.rstrip("/")
        self.faults = _RemoteFaults(self)
        self.clock = _RemoteClock(self)

    def edit(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change what the partner holds.

        Raises:
            SimulatorUnusable: It cannot be done, or the simulator does not answer.
        """
        done: dict[str, Any] = self.ask("POST", "items", change)
        return done

    def items(self, first: int = 0) -> list[dict[str, Any]]:
        """Return 1,000 of what the partner holds, values shortened."""
        shown: list[dict[str, Any]] = self.ask("GET", f"items?first={first}")["items"]
        return shown

    def transcript(self) -> list[Call]:
        """Return the calls, the oldest first."""
        return [Call(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in self.ask("GET", "calls")]

    def ask(self, method: str, path: str, said: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  (JSON)
        """Call a control path.

        Raises:
            SimulatorUnusable: It refuses, or does not answer.
        """
        request = Request(  # noqa: S310  (an address that our own tests and rehearsals state)
            f"{self.pages}/simulator/{path}",
            method=method,
            data=None if said is None else json.dumps(said).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310  (as above)
                return json.load(reply)
        except HTTPError as error:
            with error:
                raise SimulatorUnusable(f"it refuses: {error.read().decode('utf-8', 'replace').strip()}") from None
        except OSError as error:
            raise SimulatorUnusable(f"it does not answer ({error})") from None


class _RemoteFaults:
    def __init__(self, remote: RemoteSimulator) -> None:
        self._remote = remote

    def add(self, fault: Fault | str) -> Fault:
        """Let something go wrong."""
        read = fault_from_text(fault) if isinstance(fault, str) else fault
        self._remote.ask("POST", "faults", {"fault": str(read)})
        return read

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._remote.ask("DELETE", "faults")

    def waiting(self) -> list[Fault]:
        """Return the faults that wait."""
        return [fault_from_text(each) for each in self._remote.ask("GET", "faults")]


class _RemoteClock:
    def __init__(self, remote: RemoteSimulator) -> None:
        self._remote = remote

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromisoformat(self._remote.ask("GET", "clock")["now"])

    def advance(
        self,
        step: timedelta = timedelta(),
        /,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Put the clock forward."""
        step += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return datetime.fromisoformat(self._remote.ask("POST", "clock", {"seconds": step.total_seconds()})["now"])
