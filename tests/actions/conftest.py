from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import add_endpoint
from hedgerow.database.sealing import ServiceKeys

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.actions import Endpoint
    from hedgerow.database import Database

__all__: list[str] = []


@pytest.fixture
def keys() -> ServiceKeys:
    return ServiceKeys((bytes(range(32)),))


@pytest.fixture
def endpoint(database: Database, keys: ServiceKeys, now: datetime) -> Endpoint:
    with database.write() as connection:
        return add_endpoint(connection, "https://platform.example/hooks", keys=keys, actor="user:1", now=now)[0]
