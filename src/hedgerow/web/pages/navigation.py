"""Where somebody can go: the pages that their permissions open, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.accounts import Permission
from hedgerow.web.pages.language import marked

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["PLACES", "Place", "places_for"]


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the console.

    Attributes:
        path: Its first page; what lies under it belongs to it.
        label: What it is called.
        needs: Any one of these permissions opens it; none where it is open to everybody who is logged in.
    """

    path: str
    label: str
    needs: frozenset[Permission] = frozenset()


PLACES: Final = (
    Place("/", marked("Today")),
    Place("/cases", marked("Cases"), frozenset({Permission.CASES_READ})),
    Place("/reports", marked("Reports"), frozenset({Permission.REPORTS_READ})),
    Place("/evidence", marked("Evidence"), frozenset({Permission.EVIDENCE_READ})),
    Place("/banks", marked("Banks"), frozenset({Permission.BANKS_READ})),
    Place("/exchanges", marked("Exchanges"), frozenset({Permission.EXCHANGES_READ})),
    Place("/sharing", marked("Sharing"), frozenset({Permission.EXCHANGES_READ})),
    Place("/deliveries", marked("Deliveries"), frozenset({Permission.DELIVERIES_READ})),
    Place("/webhooks", marked("Webhooks"), frozenset({Permission.WEBHOOKS_MANAGE})),
    Place("/api-keys", marked("API keys"), frozenset({Permission.KEYS_MANAGE})),
    Place(
        "/team",
        marked("Team"),
        frozenset(
            {
                Permission.USERS_MANAGE,
                Permission.CASES_ASSIGN,
                Permission.QUALITY_SAMPLE,
                Permission.EXPOSURE_LIMITS,
            }
        ),
    ),
    Place("/insight", marked("Insight"), frozenset({Permission.INSIGHT_READ})),
    Place("/audit", marked("Audit"), frozenset({Permission.AUDIT_READ})),
    Place("/filing", marked("Filing"), frozenset({Permission.REPORTS_ARM})),
    Place("/vault", marked("Vault"), frozenset({Permission.VAULT_MANAGE})),
    Place("/account", marked("Account")),
)
"""In the order in which they are shown."""


def places_for(held: Collection[Permission]) -> list[Place]:
    """Return the parts of the console that these permissions open."""
    return [each for each in PLACES if not each.needs or not each.needs.isdisjoint(held)]
