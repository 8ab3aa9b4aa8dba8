"""Routes that are asked many times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request
    from starlette.responses import Response

__all__ = ["DirectRoute"]


class DirectRoute(APIRoute):
    """A route whose function takes the request and the caller, reads the rest itself, and returns a response.

    FastAPI describes it like any other, and is not asked to solve what it depends on at each request: that takes longer
    than to look a signal up among a million (0.3 ms against 0.1 ms). To override the handler is FastAPI's own way to
    do so ("Custom Request and APIRoute class").
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers."""
        [check] = [each.call for each in self.dependant.dependencies]
        endpoint = self.endpoint
        assert check is not None  # noqa: S101  (a dependency has a function)

        async def handle(request: Request) -> Response:
            answer: Response = await endpoint(request, await check(request))
            return answer

        return handle
