"""The control paths under ``/simulator``: faults, clock, items and calls, as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import SimulatorError
from hedgerow.simulators.stage.model import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.simulators.stage.simulator import Simulator

__all__ = ["answer", "as_json"]

_MOST_ITEMS: Final = 1000


def as_json(value: object) -> bytes:
    """Write JSON; what it does not know, such as a time, as its text."""
    return json.dumps(value, default=str, indent=1, ensure_ascii=False).encode() + b"\n"


def answer(simulator: Simulator[Any], method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
    """Answer a control path.

    ``GET faults``, ``POST faults {"fault": "CALL:N:KIND"}``, ``DELETE faults``; ``GET clock``,
    ``POST clock {"hours": 1}`` (days, hours, minutes, seconds); ``GET items?first=N`` (1,000 from there),
    ``POST items {"do": …}`` (an edit); ``GET calls``.
    """
    try:
        said = json.loads(body) if body.strip() else {}
    except ValueError:
        return Answer(400, as_json({"error": "The body is no JSON."}))
    if not isinstance(said, dict):
        return Answer(400, as_json({"error": "The body must be an object."}))
    try:
        match method, path.removeprefix("/simulator/").strip("/"):
            case (("GET" | "POST" | "DELETE"), "faults"):
                return Answer(200, as_json(_faults(simulator, method, said)))
            case (("GET" | "POST"), "clock"):
                return Answer(200, as_json(_clock(simulator, said)))
            case "GET", "items":
                return Answer(200, as_json(_items(simulator, int(query.get("first", 0)))))
            case "POST", "items":
                return Answer(200, as_json(simulator.edit(said)))
            case "GET", "calls":
                return Answer(200, as_json([each.as_json() for each in simulator.transcript()]))
    except (SimulatorError, KeyError, TypeError, ValueError, OverflowError) as error:
        return Answer(400, as_json({"error": str(error)}))
    return Answer(404, as_json({"error": "There is no such path."}))


def _faults(simulator: Simulator[Any], method: str, said: dict[str, Any]) -> list[str]:
    if method == "DELETE":
        simulator.faults.clear()
    elif method == "POST":
        simulator.faults.add(str(said["fault"]))
    return [str(each) for each in simulator.faults.waiting()]


def _clock(simulator: Simulator[Any], said: dict[str, Any]) -> dict[str, Any]:
    if said:
        simulator.clock.advance(timedelta(**{name: float(value) for name, value in said.items()}))
    return {"now": simulator.clock.now().isoformat(), "stands": simulator.clock.stands_at is not None}


def _items(simulator: Simulator[Any], first: int) -> dict[str, Any]:
    first = max(first, 0)
    with simulator.lock:
        items = simulator.play.items()
        return {"count": len(items), "items": list(items[first : first + _MOST_ITEMS])}
