"""The routes of ``/api/v1``, one module for each noun."""

from hedgerow.web.api import (
    accounts,
    audit,
    banks,
    cases,
    evidence,
    exchanges,
    lookbacks,
    lookups,
    policies,
    queues,
    reports,
    sharing,
    shield,
    submissions,
    webhooks,
)
from hedgerow.web.direct import DirectRoute

__all__ = ["direct_routes", "routers"]

# What is asked most comes first: routes are tried one after the other.
routers = (
    lookups.router,
    submissions.direct,
    submissions.router,
    banks.router,
    lookbacks.router,
    queues.router,
    cases.router,
    evidence.router,
    reports.router,
    policies.router,
    exchanges.router,
    webhooks.router,
    sharing.router,
    shield.router,
    audit.router,
    accounts.router,
)

direct_routes = tuple(
    route
    for router in (lookups.router, submissions.direct)
    for route in router.routes
    if isinstance(route, DirectRoute)
)
