from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _migrated_at_once(migrated_at_once: None) -> None:
    """Begin with a database that is migrated."""
