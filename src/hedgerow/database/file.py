"""The file of a database on SQLite, and a look into it that does not wait for SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FILE_NAME", "RESTORING_NAME", "database_exists", "glance"]

FILE_NAME = "hedgerow.db"
RESTORING_NAME = "restoring"
"""A file that lies in the data folder from the beginning of a restore to its end: meanwhile nothing is served."""


def database_exists(data: Path, url: str | None = None) -> bool:
    """Tell whether there is a database to open. A server is taken to have one."""
    return url is not None or (data / FILE_NAME).is_file()


@contextmanager
def glance(data: Path) -> Iterator[sqlite3.Connection | None]:
    """Give the driver's own connection to the file of a data folder, to read from; None where there is none.

    To load SQLAlchemy takes 0.35 s of CPU time. A guess that lets work begin meanwhile may be read here; what is said
    in the end is read through a `hedgerow.database.Database`. Whoever asks here deals with `sqlite3.Error`: the schema
    may be of another revision, or a writer may hold the file.
    """
    if not database_exists(data):
        yield None
        return
    with closing(sqlite3.connect(f"{(data / FILE_NAME).absolute().as_uri()}?mode=rw", timeout=0, uri=True)) as driver:
        driver.execute("PRAGMA query_only = ON")
        yield driver
