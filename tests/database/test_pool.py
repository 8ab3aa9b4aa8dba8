from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hedgerow.database import Database, large_cache, open_database
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from pathlib import Path


def test_as_many_may_read_at_once_as_a_service_has_threads(database: Database) -> None:
    ready = threading.Barrier(60)
    seen: list[int] = []

    def read() -> None:
        with database.read() as connection:
            ready.wait(30)
            seen.append(int(connection.execute(text("SELECT 1")).scalar_one()))

    threads = [threading.Thread(target=read) for _ in range(60)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen == [1] * 60


def test_one_more_than_there_may_be_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.database.connection._POOL_WAIT_S", 0.05)
    opened = open_database(tmp_path / "data")
    with ExitStack() as held:
        for _ in range(80):
            held.enter_context(opened.read())
        with pytest.raises(DatabaseUnavailable, match="too many connections"):
            held.enter_context(opened.read())
    opened.close()


@pytest.mark.sqlite_file
def test_a_large_cache_lasts_as_long_as_it_is_asked_for(database: Database) -> None:
    def pages(connection: object) -> int:
        return int(connection.exec_driver_sql("PRAGMA cache_size").scalar_one())  # type: ignore[attr-defined]  # a Connection

    with database.write() as connection:
        before = pages(connection)
        with large_cache(connection):
            within = pages(connection)
        assert before == pages(connection) == -8 * 1024
    assert within == -64 * 1024
