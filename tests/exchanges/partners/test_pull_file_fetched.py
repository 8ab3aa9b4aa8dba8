"""A file on its whole way: fetched, looked at, held up, approved, and in the bank."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from tests.exchanges.partners.pull_world import csv_of, hashes

from hedgerow.banks.records import create_bank
from hedgerow.banks.tables import entries
from hedgerow.database.sealing import ServiceKeys
from hedgerow.exchanges.configuring import check_config
from hedgerow.exchanges.exchanging import create_exchange, open_page, skip_page
from hedgerow.exchanges.fetching import Fetcher
from hedgerow.exchanges.leases import claim_due
from hedgerow.exchanges.partners.pull_file import PullFile, PullFileDelta

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.exchanges.fetching import FetchEnd
    from hedgerow.exchanges.model import Partner

__all__: list[str] = []

MAPPING = {"format": "csv", "columns": {"id": "id", "md5": "md5", "deleted": "gone"}}


class House:
    """A house with one list of this machine; its clock goes on an hour between two fetches."""

    def __init__(self, database: Database, partner: Partner, folder: Path, now: datetime, **config: object) -> None:
        self.database, self.partner, self.folder, self.now = database, partner, folder, now
        said = check_config(partner, {"path": "/list.csv", "mapping": MAPPING, **config})
        with database.write() as connection:
            bank = create_bank(connection, "LIST", now=now)
            self.exchange = create_exchange(connection, bank, partner.name, said, actor="user:1", now=now)

    def fetch(self) -> FetchEnd:
        self.now += timedelta(hours=1)
        keys = ServiceKeys((bytes(32),))
        fetcher = Fetcher(
            self.database.write,
            lambda: keys,
            lambda _: self.partner,
            folder=self.folder,
            now=lambda: self.now,
        )
        with self.database.write() as connection:
            claimed = claim_due(connection, now=self.now, is_everything=True)
        assert claimed is not None
        return fetcher.fetch(claimed)

    def put(self, values: list[str], name: str = "list.csv", gone: str = "") -> None:
        (self.folder / name).write_bytes(csv_of(values, gone=gone))

    def matched(self) -> set[str]:
        with self.database.read() as connection:
            rows = connection.execute(select(entries.c.bits).where(entries.c.withdrawn_at.is_(None)))
            return {bytes(row.bits).hex() for row in rows}


@pytest.mark.sqlite_file
def test_half_a_list_withdraws_nothing_before_a_person_says_so(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    house = House(database, PullFile(), tmp_path, now)
    house.put(hashes(0, 40))
    assert house.fetch().applied.added == 40
    assert house.fetch().applied.pages == 0
    house.put(hashes(0, 20))
    assert house.fetch().error == "page_unreadable"
    assert house.matched() == set(hashes(0, 40))
    with database.write() as connection:
        page = open_page(connection, house.exchange)
        assert page is not None
        assert "20 live rows" in page.problem
        skip_page(connection, "LIST", actor="user:1", now=house.now)
    end = house.fetch()
    assert (end.error, end.is_current, end.applied.withdrawn) == (None, True, 20)
    assert house.matched() == set(hashes(0, 20))


@pytest.mark.sqlite_file
def test_changes_follow_the_whole_list(database: Database, tmp_path: Path, now: datetime) -> None:
    house = House(database, PullFileDelta(), tmp_path, now, path="/changes.csv", whole_path="/list.csv")
    house.put(hashes(0, 30))
    house.put(hashes(30, 35), "changes.csv")
    house.fetch()
    house.fetch()
    assert house.matched() == set(hashes(0, 35))
    house.put(hashes(3, 5), "changes.csv", gone="true")
    house.fetch()
    assert house.matched() == set(hashes(0, 35)) - set(hashes(3, 5))
