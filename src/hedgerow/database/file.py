"""The file of a database on SQLite, and how to look into it without SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BUSY_TIMEOUT_S", "FILE_NAME", "RESTORING_NAME", "connect_to_read", "database_exists", "glance"]

FILE_NAME = "hedgerow.db"
RESTORING_NAME = "restoring"
"""A file that lies in the data folder from the beginning of a restore to its end: meanwhile nothing is served."""

# How long to wait for a writer. An import is one transaction, and ten million lines take minutes.
BUSY_TIMEOUT_S = 300


def database_exists(data: Path, url: str | None = None) -> bool:
    """Tell whether there is a database to open. A server is taken to have one."""
    return url is not None or (data / FILE_NAME).is_file()


@contextmanager
def glance(data: Path) -> Iterator[sqlite3.Connection | None]:
    """Give the driver's own connection to the file of a data folder, to read from; None where there is none.

    A guess that lets work begin while the rest is loaded may be read here; what is said in the end is read through a
    `hedgerow.database.plain.FileReader` or a `hedgerow.database.Database`. Whoever asks here deals with
    `sqlite3.Error`: the schema may be of another revision, or a writer may hold the file.
    """
    if not database_exists(data):
        yield None
        return
    with closing(connect_to_read(data, wait_s=0)) as driver:
        yield driver


def connect_to_read(data: Path, *, wait_s: float) -> sqlite3.Connection:
    """Return the driver's own connection to the file of a data folder, through which nothing can be written.

    One thread at a time may use it. It begins no transaction by itself.

    Args:
        data: The data folder; the file is there.
        wait_s: How long to wait where the file is locked.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    address = f"{(data / FILE_NAME).absolute().as_uri()}?mode=rw"  # a reader, too, writes the file beside that says so
    driver = sqlite3.connect(address, timeout=wait_s, isolation_level=None, check_same_thread=False, uri=True)
    driver.execute("PRAGMA query_only = ON")
    return driver
