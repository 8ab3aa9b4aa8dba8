"""A migrated database for each test, copied from one that is migrated once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, create_bank
from hedgerow.database import Database, open_database
from hedgerow.hashing.frame_list import FrameList
from hedgerow.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["NOW"]

NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(folder)
    upgrade(database)
    database.close()
    return folder


@pytest.fixture
def data(migrated: Path, tmp_path: Path) -> Path:
    return shutil.copytree(migrated, tmp_path / "data")


@pytest.fixture
def database(data: Path) -> Iterator[Database]:
    opened = open_database(data)
    yield opened
    opened.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def bank(database: Database, now: datetime) -> Bank:
    with database.write() as connection:
        return create_bank(connection, "known", now=now)


def _film(seed: int, seconds: float, per_s: float = 10, moved_bits: int = 6, quality: int = 100) -> FrameList:
    random = np.random.default_rng(seed)
    count = round(seconds * per_s)
    bits = np.empty((count, 256), np.uint8)
    bits[0] = random.integers(0, 2, 256)
    for at in range(1, count):
        bits[at] = bits[at - 1]
        bits[at, random.choice(256, moved_bits, replace=False)] ^= 1
    times = np.arange(count) / per_s
    return FrameList.of(np.packbits(bits, axis=1), [quality] * count, range(count), times, times, seconds)


@pytest.fixture(scope="session")
def film() -> Callable[..., FrameList]:
    """Make the frames of a scene in which each differs a little from the one before: seed, seconds, frames a second."""
    return _film
