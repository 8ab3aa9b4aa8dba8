"""What is done to banks, as entries of the audit: one for each transaction, never a signal's value or free text.

Each function is called last in the transaction of what it records (`hedgerow.audit.append`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.audit import append

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.audit.rules import Details
    from hedgerow.banks import Added, Bank, ImportReport

__all__ = [
    "record_added",
    "record_changed",
    "record_created",
    "record_exported",
    "record_imported",
    "record_withdrawn",
]

_CHANGEABLE = ("threshold", "minimum_quality", "is_enabled", "level")


def record_created(connection: Connection, bank: Bank, *, actor: str, now: datetime) -> None:
    """Record that a bank was created; its name is an identifier that its creator chose."""
    rules = {"threshold": bank.threshold, "minimum_quality": bank.minimum_quality, "level": bank.level}
    _append(connection, bank, "bank.created", {"name": bank.name, **rules}, actor=actor, now=now)


def record_changed(connection: Connection, before: Bank, after: Bank, *, actor: str, now: datetime) -> None:
    """Record what was changed about a bank, each with what it was and what it is; nothing where nothing was.

    Args:
        connection: Of `Database.write`.
        before: The bank as it was in this transaction, read with its row locked.
        after: As it is now.
        actor: Who.
        now: When.
    """
    pairs = {name: [getattr(before, name), getattr(after, name)] for name in _CHANGEABLE}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if before.note != after.note:
        changed["note"] = []  # that it was changed, not to what
    if changed:
        _append(connection, after, "bank.changed", changed, actor=actor, now=now)


def record_added(connection: Connection, bank: Bank, added: Added, *, actor: str, now: datetime) -> None:
    """Record how many entries a bank took; nothing where it took none."""
    if added.added:
        counts = {"added": added.added, "already_there": added.already_there, "refused": len(added.refused)}
        _append(connection, bank, "entries.added", counts, actor=actor, now=now)


def record_imported(
    connection: Connection, bank: Bank, report: ImportReport, *, sha256: str, actor: str, now: datetime
) -> None:
    """Record an import, of a list that brought nothing new too.

    Args:
        connection: Of `Database.write`.
        bank: Where to.
        report: What came of it.
        sha256: Of the list's bytes, in hexadecimal: so that it can be told later which list it was.
        actor: Who.
        now: When.
    """
    details: dict[str, str | int] = {
        "format": report.format,
        "added": report.added,
        "already_there": report.already_there,
        "rejected": report.rejected,
        "sha256": sha256,
    }
    if report.passed_over:
        details["passed_over"] = sum(report.passed_over.values())
    _append(connection, bank, "entries.imported", details, actor=actor, now=now)


def record_withdrawn(
    connection: Connection, bank: Bank, entries: Sequence[int], *, has_reason: bool, actor: str, now: datetime
) -> None:
    """Record which entries were withdrawn; the reason itself stands with them."""
    details: Details = {"entries": list(entries), "has_reason": has_reason}
    _append(connection, bank, "entry.withdrawn", details, actor=actor, now=now)


def record_exported(
    connection: Connection,
    bank: Bank,
    *,
    entries: int,
    form: str,
    only_redistributable: bool,
    is_own_backup: bool = False,
    actor: str,
    now: datetime,
) -> None:
    """Record that a bank is written out. Commit this before the first value leaves.

    Args:
        connection: Of `Database.write`.
        bank: Which bank.
        entries: How many.
        form: As what.
        only_redistributable: Whether it holds only what may be passed on.
        is_own_backup: Whether somebody said that it does not leave the house.
        actor: Who.
        now: When.
    """
    details: dict[str, str | int] = {"entries": entries, "form": form, "only_redistributable": only_redistributable}
    if is_own_backup:
        details["is_own_backup"] = True
    _append(connection, bank, "bank.exported", details, actor=actor, now=now)


def _append(connection: Connection, bank: Bank, action: str, details: Details, *, actor: str, now: datetime) -> None:
    append(connection, actor=actor, action=action, subject_type="bank", subject_id=bank.id, details=details, now=now)
