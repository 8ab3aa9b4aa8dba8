"""Make what reviewers are shown of media before they ask for it, so that no page waits for a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow import evidence
from hedgerow.app.serving.renditions import Renditions
from hedgerow.evidence.deriving import underived

if TYPE_CHECKING:
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["Renderer"]

_PER_TURN: Final = 10


class Renderer:
    """Makes renditions of what came into a case and has none. What cannot be seen is passed over until the next start.

    Args:
        wiring: What it works on.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._renditions: Renditions | None = None
        self._after = 0

    def __call__(self, turn: Turn) -> int:
        """Make some."""
        with self._wiring.database.read() as connection:
            found = underived(connection, "tile", after=self._after, limit=_PER_TURN)
        done = 0
        for number in found:
            if turn.is_stopping():
                break
            done += self._begun().make(number)
            self._after = number
        return done

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002  (as every job is closed)
        """Kill the processes that decode."""
        if self._renditions is not None:
            self._renditions.close()
        return True

    def _begun(self) -> Renditions:
        """Start with what takes a process of its own when there is something to do, and not before."""
        if self._renditions is None:
            settings, database = self._wiring.settings, self._wiring.database
            keeper = evidence.Keeper(database, evidence.open_vault(settings), evidence.load_review_keys(settings))
            self._renditions = Renditions(settings, database, keeper)
        return self._renditions
