"""Banks as HMA's clients make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.hashing.signal import Signal
from hedgerow.hma.banking import create_bank
from hedgerow.hma.model import BankRules

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.banks import Bank
    from hedgerow.database import Database

__all__: list[str] = []


@pytest.fixture
def make_bank(database: Database, now: datetime) -> Callable[..., Bank]:
    """Make a bank: its name, its ratio."""

    def make(name: str = "TEST_BANK", ratio: float = 1.0) -> Bank:
        with database.write() as connection:
            return create_bank(connection, name, enabled_ratio=ratio, rules=BankRules(), actor="key:1", now=now).bank

    return make


@pytest.fixture
def bank(make_bank: Callable[..., Bank]) -> Bank:
    return make_bank()


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """Make a signal: a number that tells it from others, its type."""

    def make(number: int = 1, kind: str = "pdq") -> Signal:
        size = 16 if kind == "md5" else 32
        return Signal(kind, bytes([number]) * (size - 1) + b"\x0f")

    return make
