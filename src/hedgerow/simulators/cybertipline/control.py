"""The control paths under ``/simulator``: faults, clock, settings, and what was received, as JSON; and their caller."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from hedgerow.errors import InvalidFault, SimulatorError, SimulatorUnusable
from hedgerow.simulators.cybertipline.model import Fault, SimulatedCall, SimulatedFile, SimulatedReport

if TYPE_CHECKING:
    from hedgerow.simulators.cybertipline.simulator import CyberTiplineSimulator

__all__ = ["RemoteSimulator", "answer", "as_json"]

_STYLES: Final = ("200", "400")
_SECOND: Final = (4000, 1300)
_TIMEOUT_S: Final = 30.0


def as_json(value: object) -> bytes:
    """Write JSON; bytes as base64, times as ISO 8601."""

    def other(each: object) -> str:
        return each.isoformat() if isinstance(each, datetime) else base64.b64encode(each).decode()  # type: ignore[arg-type]  # bytes are all that is left

    return json.dumps(value, default=other, indent=1).encode() + b"\n"


def answer(simulator: CyberTiplineSimulator, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Answer a control path.

    Returns:
        The HTTP status, and JSON.
    """
    try:
        said = json.loads(body) if body.strip() else {}
    except ValueError:
        return 400, as_json({"error": "The body is no JSON."})
    if not isinstance(said, dict):
        return 400, as_json({"error": "The body must be an object."})
    name, _, rest = path.removeprefix("/simulator/").strip("/").partition("/")
    try:
        match method, name, rest:
            case "GET", "reports", "":
                return 200, as_json([asdict(each) for each in simulator.reports()])
            case "GET", "reports", number if number.isdecimal():
                report = simulator.report(int(number))
                return (
                    (404, as_json({"error": "No such report."})) if report is None else (200, as_json(asdict(report)))
                )
            case "GET", "calls", "":
                return 200, as_json([asdict(each) for each in simulator.calls()])
            case (("GET" | "POST" | "DELETE"), "faults", ""):
                return 200, as_json(_faults(simulator, method, said))
            case (("GET" | "POST"), "clock", ""):
                return 200, as_json(_clock(simulator, said))
            case (("GET" | "POST"), "settings", ""):
                return 200, as_json(_settings(simulator, said))
    except (SimulatorError, TypeError, ValueError, OverflowError) as error:
        return 400, as_json({"error": str(error)})
    return 404, as_json({"error": "There is no such path."})


def _faults(simulator: CyberTiplineSimulator, method: str, said: dict[str, Any]) -> list[dict[str, Any]]:
    if method == "DELETE":
        simulator.faults.clear()
    elif method == "POST":
        if "fault" in said:
            simulator.faults.add_text(str(said["fault"]))
        else:
            if not {"call", "kind"} <= said.keys():
                raise InvalidFault("it needs a call and a kind")
            simulator.faults.add(**said)
    return [asdict(each) for each in simulator.faults.waiting()]


def _clock(simulator: CyberTiplineSimulator, said: dict[str, Any]) -> dict[str, Any]:
    if said:
        simulator.advance(**{name: float(value) for name, value in said.items()})
    return {"now": simulator.clock.now(), "stands": simulator.clock.stands_at is not None}


def _settings(simulator: CyberTiplineSimulator, said: dict[str, Any]) -> dict[str, Any]:
    authority = simulator.authority
    style, second = (
        said.get("error_style", authority.error_style),
        said.get("second_fileinfo", authority.second_fileinfo),
    )
    if style not in _STYLES or second not in _SECOND or said.keys() - {"error_style", "second_fileinfo"}:
        raise ValueError(f"error_style is one of {_STYLES}, second_fileinfo one of {_SECOND}")
    authority.error_style, authority.second_fileinfo = style, second
    return {"error_style": style, "second_fileinfo": second}


class RemoteSimulator:
    """A simulator that runs in another process, with the same names as one in ours.

    Args:
        pages: Its address without a path, such as ``http://127.0.0.1:8099``.
    """

    def __init__(self, pages: str) -> None:
        self.pages = pages.rstrip("/")
        self.url = f"{self.pages}/ispws"
        self.faults = _RemoteFaults(self)
        self.clock = _RemoteClock(self)

    def reports(self) -> list[SimulatedReport]:
        """Return all reports, in the order of their opening."""
        return [_report(each) for each in self.ask("GET", "reports")]

    def report(self, number: int) -> SimulatedReport | None:
        """Return a report, or None."""
        return next((each for each in self.reports() if each.id == number), None)

    def calls(self) -> list[SimulatedCall]:
        """Return the calls, the oldest first."""
        return [SimulatedCall(**{**each, "at": _time(each["at"])}) for each in self.ask("GET", "calls")]

    def ask(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  (JSON)
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

    def add(
        self,
        call: str,
        n: int | None = 1,
        kind: str = "drop_after",
        *,
        wait_s: float = 2.0,
        element: str = "incidentDateTime",
    ) -> Fault:
        """Let something go wrong."""
        fault = Fault(call, n, kind, wait_s, element)
        self._remote.ask("POST", "faults", asdict(fault))
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._remote.ask("DELETE", "faults")

    def waiting(self) -> list[Fault]:
        """Return the faults that wait."""
        return [Fault(**each) for each in self._remote.ask("GET", "faults")]


class _RemoteClock:
    def __init__(self, remote: RemoteSimulator) -> None:
        self._remote = remote

    def now(self) -> datetime:
        """Return the time."""
        return _time(self._remote.ask("GET", "clock")["now"])

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Put the clock forward."""
        said = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        return _time(self._remote.ask("POST", "clock", said)["now"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _report(said: dict[str, Any]) -> SimulatedReport:
    times = {
        name: None if said[name] is None else _time(said[name])
        for name in ("opened_at", "modified_at", "expires_at", "ended_at")
    }
    files = tuple(
        SimulatedFile(
            **{
                **each,
                "uploaded_at": _time(each["uploaded_at"]),
                "details": None if each["details"] is None else base64.b64decode(each["details"]),
            }
        )
        for each in said["files"]
    )
    return SimulatedReport(**{**said, **times, "document": base64.b64decode(said["document"]), "files": files})
