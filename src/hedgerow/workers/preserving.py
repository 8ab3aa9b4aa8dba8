"""Look after evidence: destroy what is to go, seal what was filed, sweep what a kill has left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hedgerow import evidence
from hedgerow.audit.keys import FOLDER

if TYPE_CHECKING:
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["destroy_evidence", "expire_evidence", "fill_gaps", "seal_evidence", "sweep_vault"]


def expire_evidence(wiring: Wiring, turn: Turn) -> int:
    """Begin to destroy what need not be kept any more."""
    after = timedelta(days=wiring.settings.evidence.unreported_days)
    return evidence.expire(wiring.database, after=after, now=turn.now())


def destroy_evidence(wiring: Wiring, turn: Turn) -> int:
    """Delete the ciphertext of what is being destroyed, and certify it."""
    with wiring.database.read() as connection:
        if not evidence.needs_person(connection, now=turn.now()).destroying:
            return 0
    vault = evidence.open_vault(wiring.settings)
    return evidence.destroy_begun(wiring.database, vault, key_folder=wiring.settings.data / FOLDER, now=turn.now())


def seal_evidence(wiring: Wiring, turn: Turn) -> int:
    """Seal what was filed while that could not be done."""
    with wiring.database.read() as connection:
        if not evidence.needs_person(connection, now=turn.now()).unsealed:
            return 0
    return evidence.seal_what_waits(wiring.database, evidence.load_review_keys(wiring.settings), now=turn.now())


def sweep_vault(wiring: Wiring, turn: Turn) -> int:
    """Delete what was begun to be put into the vault and never named."""
    before = turn.now() - timedelta(hours=wiring.settings.evidence.orphan_hours)
    return evidence.sweep(wiring.database, evidence.open_vault(wiring.settings), before=before)


def fill_gaps(wiring: Wiring, turn: Turn) -> int:
    """Say of submissions in cases that were opened later why there are no bytes of them."""
    with wiring.database.read() as connection:
        if not evidence.has_gaps(connection):
            return 0
    with wiring.database.write() as connection:
        return evidence.record_gaps(connection, now=turn.now())
