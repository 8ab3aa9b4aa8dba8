"""Fixtures of the matching tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.matching import compiled, hamming, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

ENGINES = ("numpy", "compiled")


@contextmanager
def _forced(engine: str, *, tables: bool = True) -> Iterator[None]:
    """Make every search use NumPy or the kernels, and tables even where a scan would be faster."""
    assert compiled.load() is not None, "Numba is a dependency: its kernels must load"
    before = compiled._outcome.kernels, hamming.TABLES_FROM, plan.SCAN_NS
    if engine == "numpy":
        compiled._outcome.kernels = None
    if tables:
        hamming.TABLES_FROM, plan.SCAN_NS = 1, 1e12
        plan.probes_for.cache_clear()
    try:
        yield
    finally:
        compiled._outcome.kernels, hamming.TABLES_FROM, plan.SCAN_NS = before
        plan.probes_for.cache_clear()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test once with NumPy and once with the kernels."""
    with _forced(request.param):
        yield request.param


def _flipped(row: bytes, *bits: int) -> bytes:
    """Return a copy of a signal with these bits flipped."""
    number = int.from_bytes(row, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(len(row), "big")


def _uniform(count: int, seed: int = 1) -> NDArray[np.uint8]:
    """Make signals whose bits are independent coin tosses."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def _crowded(count: int, seed: int = 1, per_film: int = 50, steps: int = 3) -> NDArray[np.uint8]:
    """Make signals like those of consecutive video frames: each a few flipped bits from the one before."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 256), np.uint8)
    flips = np.zeros((count, 256), np.uint8)
    for row in range(count):
        flips[row, rng.integers(0, 256, steps)] = 1
    starts = np.arange(count) // per_film * per_film
    running = np.cumsum(flips, axis=0, dtype=np.int64)
    within = (running - running[starts] + bits[starts]) % 2
    return np.packbits(within.astype(np.uint8), axis=1)


@pytest.fixture(scope="session")
def forced() -> Callable[..., AbstractContextManager[None]]:
    """Give the context manager, for tests that run many examples each."""
    return _forced


@pytest.fixture(scope="session")
def flipped() -> Callable[..., bytes]:
    """Give the function that flips bits."""
    return _flipped


@pytest.fixture(scope="session")
def uniform() -> Callable[..., NDArray[np.uint8]]:
    """Give the function that makes unrelated signals."""
    return _uniform


@pytest.fixture(scope="session")
def crowded() -> Callable[..., NDArray[np.uint8]]:
    """Give the function that makes signals like a film's."""
    return _crowded
