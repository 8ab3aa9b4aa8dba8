from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hedgerow.database import open_database
from hedgerow.database.file import glance

if TYPE_CHECKING:
    from pathlib import Path


def test_a_glance_at_a_folder_without_a_database_gives_none_and_makes_nothing(tmp_path: Path) -> None:
    with glance(tmp_path) as driver:
        assert driver is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_written_at_a_glance(tmp_path: Path) -> None:
    folder = tmp_path / "50 % of #1?"  # characters that mean something in an address
    database = open_database(folder)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE things (id INTEGER)")
    with glance(folder) as driver:
        assert driver is not None
        assert driver.execute("SELECT count(*) FROM things").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            driver.execute("INSERT INTO things VALUES (1)")
    database.close()


def test_a_scan_s_first_files_can_be_handed_out_without_sqlalchemy() -> None:
    code = (
        "import sys, hedgerow.app, hedgerow.banks.first_look, hedgerow.database.file, hedgerow.hashing.pool\n"
        "import hedgerow.scanning\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "from hedgerow.banks import Bank, Match, Matcher\n"
        "assert not [name for name in sys.modules if name.startswith('sqlalchemy.dialects.postgresql')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
