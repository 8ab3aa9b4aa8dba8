"""Run the authority's simulator while somebody rehearses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.app.rehearsal import SimulatorHost

if TYPE_CHECKING:
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["Rehearser"]


class Rehearser:
    """Starts the simulator when it is wanted, and stops it when it is not; see `hedgerow.app.rehearsal`.

    It is a worker's, since that is who files: the address of this machine is then right for both, and where no worker
    runs there is no simulator that would say otherwise.

    Args:
        wiring: The settings, the database, the keys.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._host = SimulatorHost(wiring.settings, wiring.database, wiring.keys)

    def __call__(self, turn: Turn) -> int:
        """Look once; the answer to a wish is a look at one small file."""
        return 0 if turn.is_stopping() else int(self._host.look(now=turn.now()))

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002  (as every job is closed)
        """Stop the simulator."""
        self._host.close()
        return True
