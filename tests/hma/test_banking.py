from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import list_entries
from hedgerow.banks import Bank, count_entries
from hedgerow.banks import change_bank as switch
from hedgerow.banks import find_bank as find_itself
from hedgerow.banks import list_banks as list_all
from hedgerow.errors import BankExists, BankNotFound, InvalidContent
from hedgerow.hma.banking import (
    change_bank,
    change_type_ratio,
    create_bank,
    delete_bank,
    find_bank,
    list_banks,
    type_ratios,
)
from hedgerow.hma.contents import add_content
from hedgerow.hma.model import BankRules

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal

__all__: list[str] = []


def _listed(database: Database) -> list[tuple[str, float]]:
    with database.read() as connection:
        return [(each.bank.name, each.enabled_ratio) for each in list_banks(connection)]


def test_banks_are_listed_in_the_order_of_their_making(database: Database, make_bank: Callable[..., Bank]) -> None:
    make_bank("ZEBRA", 0.5)
    make_bank("APE")
    assert _listed(database) == [("ZEBRA", 0.5), ("APE", 1.0)]


def test_a_bank_of_another_door_has_a_ratio_of_1_and_of_0_while_it_is_off(database: Database, now: datetime) -> None:
    from hedgerow.banks import create_bank as create_itself  # noqa: PLC0415  (the name is the door's here)

    with database.write() as connection:
        bank = create_itself(connection, "partner-2026", now=now)
    assert _listed(database) == [("partner-2026", 1.0)]
    with database.write() as connection:
        switch(connection, bank, is_enabled=False)
    assert _listed(database) == [("partner-2026", 0.0)]
    with database.write() as connection:
        changed = change_bank(connection, "partner-2026", enabled_ratio=0.5, actor="key:1", now=now)
    assert (changed.bank.is_enabled, changed.enabled_ratio) == (True, 0.5)


def test_a_bank_is_renamed(database: Database, bank: Bank, make_bank: Callable[..., Bank], now: datetime) -> None:
    make_bank("TAKEN")
    with database.write() as connection:
        assert change_bank(connection, bank.name, new_name="NEW", actor="key:1", now=now).bank.id == bank.id
        with pytest.raises(BankNotFound):
            find_bank(connection, "TEST_BANK")
        with pytest.raises(BankExists):
            change_bank(connection, "NEW", new_name="TAKEN", actor="key:1", now=now)
        with pytest.raises(InvalidContent):
            change_bank(connection, "NEW", new_name="bad name", actor="key:1", now=now)


def test_a_deleted_bank_stays_as_a_record_and_its_name_is_free(
    database: Database, bank: Bank, signal: Callable[..., Signal], make_bank: Callable[..., Bank], now: datetime
) -> None:
    with database.write() as connection:
        add_content(connection, bank, [signal(1)], actor="key:1", now=now)
        add_content(connection, bank, [signal(2)], actor="key:1", now=now)
        assert delete_bank(connection, bank.name, actor="key:1", now=now)
        assert not delete_bank(connection, bank.name, actor="key:1", now=now)
    assert _listed(database) == []
    with database.read() as connection:
        kept = find_itself(connection, f"TEST_BANK.deleted-{bank.id}")
        assert (kept.is_enabled, count_entries(connection, kept)) == (False, {})
        assert list_all(connection)[0].withdrawn == 2
        with pytest.raises(BankNotFound):
            find_bank(connection, kept.name)
        assert list_entries(connection, action="bank.deleted")[0].details == {"name": "TEST_BANK", "withdrawn": 2}
    make_bank("TEST_BANK")
    assert _listed(database) == [("TEST_BANK", 1.0)]


def test_the_longest_name_can_be_deleted(database: Database, make_bank: Callable[..., Bank], now: datetime) -> None:
    bank = make_bank("A" * 100)
    with database.write() as connection:
        assert delete_bank(connection, bank.name, actor="key:1", now=now)


def test_a_name_or_ratio_that_does_not_fit_makes_no_bank(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for name, ratio in (("lower", 1.0), ("1X", 1.0), ("", 1.0), ("_X", 1.0), ("A" * 101, 1.0), ("FINE", 1.5)):
            with pytest.raises(InvalidContent):
                create_bank(connection, name, enabled_ratio=ratio, rules=BankRules(), actor="key:1", now=now)
    assert _listed(database) == []


def test_a_signal_type_s_ratio_is_kept(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for ratio in (0.0, 0.5):
            change_type_ratio(connection, "pdq", ratio, actor="key:1", now=now)
        with pytest.raises(InvalidContent):
            change_type_ratio(connection, "pdq", 2.0, actor="key:1", now=now)
    with database.read() as connection:
        assert type_ratios(connection) == {"pdq": 0.5}
        assert len(list_entries(connection, action="signal_type.changed")) == 2
