"""Banks as HMA's clients know them. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from hedgerow.audit import append
from hedgerow.banks.held import bank_states
from hedgerow.banks.records import change_bank as change_bank_itself
from hedgerow.banks.records import create_bank as create_bank_itself
from hedgerow.banks.records import find_bank as find_bank_itself
from hedgerow.banks.tables import bank_changes, banks, entries
from hedgerow.errors import BankExists, BankNotFound
from hedgerow.exchanges.exchanging import forget_exchange
from hedgerow.hma.model import BankRules, RatedBank
from hedgerow.hma.rules import check_name, check_ratio
from hedgerow.hma.tables import (
    hma_banks,
    hma_content_entries,
    hma_contents,
    hma_set_aside,
    hma_signal_types,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks import Bank

__all__ = [
    "bank_ids",
    "change_bank",
    "change_type_ratio",
    "create_bank",
    "delete_bank",
    "find_bank",
    "list_banks",
    "set_ratio",
    "type_ratios",
]

_LONGEST_NAME: Final = 100


def list_banks(connection: Connection) -> list[RatedBank]:
    """List the banks in the order in which they were made; those deleted through this door are not among them."""
    rows = connection.execute(
        select(banks.c.id, hma_banks.c.enabled_ratio)
        .outerjoin(hma_banks, hma_banks.c.bank_id == banks.c.id)
        .where(hma_banks.c.deleted_at.is_(None))
        .order_by(banks.c.id)
    ).all()
    of_id = {state.bank.id: state.bank for state in bank_states(connection)}
    return [_rated(of_id[row.id], row.enabled_ratio) for row in rows]


def find_bank(connection: Connection, name: str, *, is_locking: bool = False) -> RatedBank:
    """Find a bank by name.

    Args:
        connection: An open connection.
        name: The bank's name.
        is_locking: Keep others from changing it or its contents until the transaction ends.

    Raises:
        BankNotFound: There is none of that name.
    """
    bank = find_bank_itself(connection, name, is_locking=is_locking)
    row = connection.execute(select(hma_banks).where(hma_banks.c.bank_id == bank.id)).first()
    if row is not None and row.deleted_at is not None:
        raise BankNotFound(name)
    return _rated(bank, None if row is None else row.enabled_ratio)


def bank_ids(connection: Connection, names: list[str]) -> set[int]:
    """Return the ids of those of the names that are banks."""
    return set(connection.execute(select(banks.c.id).where(banks.c.name.in_(names))).scalars())


def _rated(bank: Bank, ratio: float | None) -> RatedBank:
    return RatedBank(bank, 0.0 if not bank.is_enabled else 1.0 if ratio is None else float(ratio))


def create_bank(
    connection: Connection,
    name: str,
    *,
    enabled_ratio: float = 1.0,
    rules: BankRules,
    actor: str,
    now: datetime,
) -> RatedBank:
    """Create a bank with a ratio.

    Raises:
        InvalidContent: The name or the ratio does not fit.
        BankExists: There is one of that name.
    """
    check_name(name)
    check_ratio(enabled_ratio)
    bank = create_bank_itself(
        connection,
        name,
        now=now,
        threshold=rules.threshold,
        minimum_quality=rules.minimum_quality,
        level=rules.level,
    )
    set_ratio(connection, bank.id, enabled_ratio)
    details = {"name": name, **asdict(rules), "enabled_ratio": enabled_ratio}
    _append(connection, bank, "bank.created", details, actor, now)
    return RatedBank(bank, enabled_ratio)


def set_ratio(connection: Connection, bank_id: int, ratio: float) -> None:
    """Keep the ratio of a bank whose row is locked, or was just made."""
    changed = connection.execute(
        update(hma_banks).where(hma_banks.c.bank_id == bank_id).values(enabled_ratio=ratio)
    ).rowcount
    if not changed:
        connection.execute(insert(hma_banks).values(bank_id=bank_id, enabled_ratio=ratio))


def change_bank(
    connection: Connection,
    name: str,
    *,
    new_name: str | None = None,
    enabled_ratio: float | None = None,
    actor: str,
    now: datetime,
) -> RatedBank:
    """Change a bank's name, its ratio, or both.

    A ratio above 0 also switches a bank on that was off for every door.

    Raises:
        BankNotFound: There is none of that name.
        BankExists: Another bank has the new name.
        InvalidContent: The new name or the ratio does not fit.
    """
    rated = find_bank(connection, name, is_locking=True)
    bank = rated.bank
    changed: dict[str, Any] = {}
    if enabled_ratio is not None and check_ratio(enabled_ratio) != rated.enabled_ratio:
        set_ratio(connection, bank.id, enabled_ratio)
        changed["enabled_ratio"] = [rated.enabled_ratio, enabled_ratio]
        if enabled_ratio > 0 and not bank.is_enabled:
            change_bank_itself(connection, bank, is_enabled=True)
            changed["is_enabled"] = [False, True]
    if new_name is not None and new_name != bank.name:
        _rename(connection, bank, check_name(new_name))
        changed["name"] = [bank.name, new_name]
    if changed:
        _append(connection, bank, "bank.changed", changed, actor, now)
    return find_bank(connection, new_name or name)


def _rename(connection: Connection, bank: Bank, name: str) -> None:
    change_bank_itself(connection, bank, is_enabled=bank.is_enabled)  # takes a number: indexes follow, names wait
    if connection.execute(select(banks.c.id).where(banks.c.name == name, banks.c.id != bank.id)).first() is not None:
        raise BankExists(name)
    connection.execute(update(banks).where(banks.c.id == bank.id).values(name=name))


def delete_bank(connection: Connection, name: str, *, actor: str, now: datetime) -> bool:
    """Delete a bank as HMA means it, and tell whether there was one.

    Its contents and its exchange go; its entries are withdrawn; the bank itself stays, off and under another name, as
    the record of what they were.
    """
    try:
        bank = find_bank(connection, name, is_locking=True).bank
    except BankNotFound:
        return False
    contents = select(hma_contents.c.id).where(hma_contents.c.bank_id == bank.id)
    for table in (hma_content_entries, hma_set_aside):
        connection.execute(delete(table).where(table.c.content_id.in_(contents)))
    connection.execute(delete(hma_contents).where(hma_contents.c.bank_id == bank.id))
    forget_exchange(connection, bank.name, actor=actor, now=now)
    suffix = f".deleted-{bank.id}"
    _rename(connection, bank, f"{bank.name[: _LONGEST_NAME - len(suffix)]}{suffix}")
    change_bank_itself(connection, bank, is_enabled=False)
    withdrawn = connection.execute(
        update(entries)
        .where(entries.c.bank_id == bank.id, entries.c.withdrawn_at.is_(None))
        .values(
            withdrawn_at=now,
            withdrawn_reason="its bank was deleted",
            # The number that was just taken: one for all of them, since they go together.
            sequence=select(bank_changes.c.sequence).scalar_subquery(),
        )
    ).rowcount
    set_ratio(connection, bank.id, 0.0)
    connection.execute(update(hma_banks).where(hma_banks.c.bank_id == bank.id).values(deleted_at=now))
    _append(connection, bank, "bank.deleted", {"name": bank.name, "withdrawn": withdrawn}, actor, now)
    return True


# ── signal types ─────────────────────────────────────────────────────────────────────────────────────────────────


def type_ratios(connection: Connection) -> dict[str, float]:
    """Return the ratio of those signal types that somebody set one for."""
    return {row.name: float(row.enabled_ratio) for row in connection.execute(select(hma_signal_types))}


def change_type_ratio(connection: Connection, name: str, ratio: float, *, actor: str, now: datetime) -> None:
    """Set for which share of media signals of a type are made and looked up: not at all at 0, else always.

    Raises:
        InvalidContent: The ratio does not fit.
    """
    check_ratio(ratio)
    changed = connection.execute(
        update(hma_signal_types).where(hma_signal_types.c.name == name).values(enabled_ratio=ratio)
    ).rowcount
    if not changed:
        connection.execute(insert(hma_signal_types).values(name=name, enabled_ratio=ratio))
    append(
        connection,
        actor=actor,
        action="signal_type.changed",
        subject_type="signal_type",
        subject_id=name,
        details={"enabled_ratio": ratio},
        now=now,
    )


def _append(
    connection: Connection, bank: Bank, action: str, details: Mapping[str, Any], actor: str, now: datetime
) -> None:
    append(connection, actor=actor, action=action, subject_type="bank", subject_id=bank.id, details=details, now=now)
