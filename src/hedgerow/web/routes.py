"""Walk over the routes of an application: for the documentation, and for the test that none is open by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.routing import iter_route_contexts

from hedgerow.web import callers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hedgerow.accounts import Permission

__all__ = ["WalkedRoute", "walk"]


@dataclass(frozen=True, slots=True)
class WalkedRoute:
    """A route, and whom it lets pass.

    Attributes:
        path: As it is written.
        method: One of its methods; a route with two comes twice.
        permissions: The permissions that it asks for; there is one, or none where it is public or personal.
        is_public: Whether it asks nobody's name.
        is_personal: Whether it serves whoever is logged in, with what is their own.
        summary: What it does, in some words.
    """

    path: str
    method: str
    permissions: tuple[Permission, ...]
    is_public: bool
    is_personal: bool
    summary: str


def walk(app: FastAPI) -> Iterator[WalkedRoute]:
    """Go through every route of an application that a door of ours made."""
    for route in iter_route_contexts(app.routes):
        described: Any = route
        dependant = getattr(described, "dependant", None)
        calls = [] if dependant is None else [each.call for each in dependant.dependencies]
        permissions = tuple(each.permission for each in calls if hasattr(each, "permission"))
        for method in sorted(described.methods or ()):
            yield WalkedRoute(
                str(described.path),
                method,
                permissions,
                callers.public in calls,
                callers.person in calls,
                getattr(described, "summary", None) or "",
            )
