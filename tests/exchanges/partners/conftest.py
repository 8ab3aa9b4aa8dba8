"""What every test of a partner's adapter shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__: list[str] = []


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Give a client for this machine: to read the machine's certificates takes longer than the calls."""
    with httpx.Client(timeout=20, follow_redirects=False, trust_env=False, verify=False) as opened:  # noqa: S501  (plain HTTP)
        yield opened
