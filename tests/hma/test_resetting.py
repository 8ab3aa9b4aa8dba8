from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

import hedgerow.ledger.tables  # noqa: F401  (refers to banks)
from hedgerow.audit import read_head
from hedgerow.banks import Bank, NewEntry, add_entries, create_bank, list_banks
from hedgerow.banks.held import latest_change
from hedgerow.banks.index import Matcher
from hedgerow.cases import NewSubmission, record_submission
from hedgerow.errors import ResetRefused
from hedgerow.exchanges.exchanging import create_exchange
from hedgerow.hma.contents import add_content, find_content
from hedgerow.hma.resetting import factory_reset
from hedgerow.hma.tables import hma_contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal

__all__: list[str] = []


def test_a_reset_empties_the_banks_and_begins_the_numbers_at_1_again(
    database: Database, make_bank: Callable[..., Bank], signal: Callable[..., Signal], now: datetime
) -> None:
    for _ in range(2):
        bank = make_bank()
        with database.write() as connection:
            filled = create_bank(connection, "EX_A", now=now)
            create_exchange(connection, filled, "sample", {}, actor="key:1", now=now)
            assert add_content(connection, bank, [signal()], actor="key:1", now=now)[0] == 1
            assert bank.id == 1
            assert find_content(connection, bank, 1).id == 1
            before = read_head(connection).sequence
            factory_reset(connection, actor="anonymous", now=now)
            assert list_banks(connection) == []
            assert connection.execute(select(hma_contents)).first() is None
            assert read_head(connection).sequence == before + 1


def test_the_indexes_of_every_process_begin_anew(
    database: Database, make_bank: Callable[..., Bank], signal: Callable[..., Signal], now: datetime, tmp_path: Path
) -> None:
    bank = make_bank()
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal(1))], now=now)
        epoch = latest_change(connection)[0]
    elsewhere = Matcher(database, tmp_path)
    assert len(elsewhere.search([signal(1)])) == 1
    with database.write() as connection:
        factory_reset(connection, actor="anonymous", now=now)
        assert latest_change(connection)[0] != epoch
    again = make_bank()
    with database.write() as connection:
        add_entries(connection, again, [NewEntry(signal(2))], now=now)
    elsewhere.refresh()
    assert elsewhere.search([signal(1)]) == []
    assert len(elsewhere.search([signal(2)])) == 1


def test_a_reset_is_refused_where_something_was_submitted(
    database: Database, make_bank: Callable[..., Bank], now: datetime
) -> None:
    make_bank()
    with database.write() as connection:
        record_submission(connection, NewSubmission(content_id="one", door="api", policy_version=None), now=now)
    with database.write() as connection, pytest.raises(ResetRefused):
        factory_reset(connection, actor="anonymous", now=now)
    with database.read() as connection:
        assert len(list_banks(connection)) == 1
