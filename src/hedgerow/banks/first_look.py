"""Guess what a search of the banks will want to know of media, so that hashing begins before SQLAlchemy is loaded."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from hedgerow.database.file import glance
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hedgerow.hashing.signal import Level

__all__ = ["Wanted", "likely_wanted"]


class Wanted(NamedTuple):
    """What `Matcher.signal_types` and `Matcher.level` will answer."""

    types: frozenset[str]
    level: Level


def likely_wanted(data: Path, only: Sequence[str] = ()) -> Wanted | None:
    """Guess what the enabled banks, or some of them by name, ask for; None where the file cannot be read like this.

    Args:
        data: The data folder.
        only: Names of banks; all of them where empty.
    """
    try:
        with glance(data) as driver:
            return None if driver is None else _wanted(driver, only)
    except (sqlite3.Error, ValueError):  # an older schema, a busy file: the matcher will say
        return None


def _wanted(driver: sqlite3.Connection, only: Sequence[str]) -> Wanted:
    banks = [
        (number, level)
        for number, name, level in driver.execute("SELECT id, name, level FROM banks WHERE is_enabled")
        if not only or name in only
    ]
    held = {name for name in SIGNAL_TYPES if any(_holds(driver, number, name) for number, _ in banks)}
    perceptual = {name for name, kind in SIGNAL_TYPES.items() if kind.is_perceptual}
    if held & perceptual:  # frames of videos can be known pictures, and the other way round
        held |= perceptual
    return Wanted(frozenset(held), LEVELS[max((LEVELS.index(level) for _, level in banks), default=0)])


def _holds(driver: sqlite3.Connection, bank: int, signal_type: str) -> bool:
    asked = "SELECT 1 FROM entries WHERE bank_id = ? AND signal_type = ? AND withdrawn_at IS NULL LIMIT 1"
    return driver.execute(asked, (bank, signal_type)).fetchone() is not None
