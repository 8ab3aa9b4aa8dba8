"""The script of what goes wrong: which call, the how-manieth, and how."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.simulators.cybertipline.model import ANY_CALL, Fault, fault_from_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Faults"]


@dataclass(slots=True, eq=False)
class _Waiting:
    fault: Fault
    seen: int = 0


class Faults:
    """The faults that wait for their call. Each is played once, unless it is for each call.

    Args:
        faults: Those to begin with.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        for fault in faults:
            self._add(fault)

    def add(
        self,
        call: str,
        n: int | None = 1,
        kind: str = "drop_after",
        *,
        wait_s: float = 2.0,
        element: str = "incidentDateTime",
    ) -> Fault:
        """Let something go wrong.

        Args:
            call: Which call, or ``*`` for any.
            n: The how-manieth such call from now, from 1; None for each.
            kind: One of `FAULT_KINDS`, or a code as text.
            wait_s: For how long ``slow`` waits.
            element: What ``validation`` names.

        Raises:
            InvalidFault: There is no such call or kind.
        """
        fault = Fault(call, n, kind, wait_s, element)
        self._add(fault)
        return fault

    def add_text(self, text: str) -> Fault:
        """Let something go wrong, said as ``CALL:N:KIND``.

        Raises:
            InvalidFault: It cannot be read.
        """
        fault = fault_from_text(text)
        self._add(fault)
        return fault

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(_Waiting(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults that wait, in the order in which they were added."""
        with self._lock:
            return [each.fault for each in self._waiting]

    def due(self, call: str) -> Fault | None:
        """Count a call, and return the fault that is due at it, the earliest added first; the others go on waiting."""
        with self._lock:
            chosen: _Waiting | None = None
            for each in self._waiting:
                if each.fault.call not in {call, ANY_CALL}:
                    continue
                each.seen += 1
                if chosen is None and (each.fault.n is None or each.seen >= each.fault.n):
                    chosen = each
            if chosen is None:
                return None
            if chosen.fault.n is not None:
                self._waiting.remove(chosen)
            return chosen.fault
