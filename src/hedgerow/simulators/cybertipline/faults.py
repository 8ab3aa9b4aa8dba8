"""The script of what goes wrong: which call, the how-manieth, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.simulators.cybertipline.model import Fault, fault_from_text
from hedgerow.simulators.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Faults"]


class Faults(Script[Fault]):
    """The faults that wait for their call. Each is played once, unless it is for each call.

    Args:
        faults: Those to begin with.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        super().__init__()
        for fault in faults:
            self._append(fault)

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
        self._append(fault)
        return fault

    def add_text(self, text: str) -> Fault:
        """Let something go wrong, said as ``CALL:N:KIND``.

        Raises:
            InvalidFault: It cannot be read.
        """
        fault = fault_from_text(text)
        self._append(fault)
        return fault
