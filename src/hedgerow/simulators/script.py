"""A script of what goes wrong, whatever a fault consists of: which call, and the how-manieth."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

__all__ = ["ANY", "Script"]

ANY: Final = "*"
"""Any call, as a fault says it."""


class _OfCall(Protocol):
    """What a script must know of a fault: the call, and the how-manieth such call, None for each."""

    @property
    def call(self) -> str: ...

    @property
    def n(self) -> int | None: ...


_Fault = TypeVar("_Fault", bound=_OfCall)


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Fault]):
    fault: _Fault
    seen: int = 0


class Script(Generic[_Fault]):
    """The faults that wait for their call. Each is played once, unless it is for each call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[_Fault]] = []

    def _append(self, fault: _Fault) -> None:
        with self._lock:
            self._waiting.append(_Waiting(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[_Fault]:
        """Return the faults that wait, in the order in which they were added."""
        with self._lock:
            return [each.fault for each in self._waiting]

    def due(self, call: str) -> _Fault | None:
        """Count a call, and return the fault that is due at it, the earliest added first; the others go on waiting."""
        with self._lock:
            chosen: _Waiting[_Fault] | None = None
            for each in self._waiting:
                if each.fault.call not in {call, ANY}:
                    continue
                each.seen += 1
                if chosen is None and (each.fault.n is None or each.seen >= each.fault.n):
                    chosen = each
            if chosen is None:
                return None
            if chosen.fault.n is not None:
                self._waiting.remove(chosen)
            return chosen.fault
