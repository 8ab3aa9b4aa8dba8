"""A bank, and films to put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, create_bank
from hedgerow.hashing.frame_list import FrameList

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database

__all__: list[str] = []


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
