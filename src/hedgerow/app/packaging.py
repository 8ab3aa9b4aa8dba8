"""Give an approved report out as a sealed package, for a command."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hedgerow.app.reports import ReportRoom

__all__ = ["package"]


def package(room: ReportRoom, number: int, path: Path, *, recipients: Sequence[str], actor: str) -> dict[str, Any]:
    """Write the sealed package of a report to a file, whole or not at all, and return its manifest.

    Args:
        room: What it is run on.
        number: Which report.
        path: A file that is not there yet.
        recipients: Who can open it: age recipients.
        actor: Who takes it.

    Raises:
        FileExistsError: The file is there already.
        ReportNotFound: There is none of that number.
        ReportRefused: It is not to be carried, not approved, or not any more what was approved.
        InvalidReport: There is no recipient, or one that is none.
        EvidenceError: A file cannot be read.
    """
    from hedgerow.app.clock import now
    from hedgerow.evidence import find_evidence, load_review_keys, open_evidence, open_vault
    from hedgerow.reports.nca import package_report

    vault, keys = open_vault(room.settings), load_review_keys(room.settings)

    def source(evidence: int) -> Iterator[bytes]:
        with room.database.read() as connection:
            found = find_evidence(connection, evidence)
        return open_evidence(found, vault, keys)

    part = path.with_name(f"{path.name}.part")
    # Whoever asks twice is told, instead of losing the first one.
    with contextlib.ExitStack() as stack:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        stack.callback(path.unlink, missing_ok=True)
        stack.callback(part.unlink, missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            manifest = package_report(
                room.database, number, file, source=source, recipients=recipients, actor=actor, now=now()
            )
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        stack.pop_all()
    return manifest
