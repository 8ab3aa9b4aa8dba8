"""What is shared with other Hedgerows, as its pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow import accounts
from hedgerow.accounts import Permission
from hedgerow.app.clock import now
from hedgerow.app.serving.report_pages import names_of
from hedgerow.app.sharing import Sharings
from hedgerow.exchanges.sharing import banks_to_share, list_sharings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hedgerow.accounts import ApiKey
    from hedgerow.app.service import Service
    from hedgerow.app.sharing import SharingPage
    from hedgerow.exchanges.sharing import SharingStanding

__all__ = ["SharedList", "SharedOne", "shared_list", "shared_one", "sharings_of"]


@dataclass(frozen=True, slots=True)
class SharedList:
    """What the list of sharings shows.

    Attributes:
        sharings: By name; how much of its bank each is was not counted.
        banks: The names of the banks.
    """

    sharings: list[SharingStanding]
    banks: list[str]


@dataclass(frozen=True, slots=True)
class SharedOne:
    """What the page of a sharing shows.

    Attributes:
        page: The sharing, its readers, and the latest of what they said.
        keys: Keys that could be readers and are none yet.
        key_names: What people here call each reader.
        names: Who is who.
        at: When this was so.
    """

    page: SharingPage
    keys: list[ApiKey]
    key_names: Mapping[int, str]
    names: Mapping[str, str]
    at: datetime


def sharings_of(service: Service) -> Sharings:
    """Return what can be asked about sharings."""
    return Sharings(service.database)


def shared_list(service: Service) -> SharedList:
    """Read what the list of sharings shows."""
    with service.database.read() as connection:
        return SharedList(list_sharings(connection, is_counting=False), banks_to_share(connection))


def shared_one(service: Service, name: str) -> SharedOne:
    """Read what the page of a sharing shows, or raise ListNotFound."""
    at = now()
    page = Sharings(service.database).page(name)
    readers = {each.key_id for each in page.readers}
    with service.database.read() as connection:
        every = accounts.list_keys(connection)
        names = names_of(connection, [page.standing.sharing.created_by, *(each.added_by for each in page.readers)])
    keys = [
        each
        for each in every
        if Permission.SHARING_READ in each.scopes and each.revoked_at is None and each.id not in readers
    ]
    return SharedOne(page, keys, {each.id: each.name for each in every}, names, at)
