"""Forms that bring a file along, from a browser without scripts.

The proof that a page of ours made a form stands in a field of it (`hedgerow.web.sessions`). Of a form with a file that
is only known once the form was read, so that it is read before the route is entered; not, however, of anybody who is
not logged in, or who may not do what the route does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from hedgerow.app import now
from hedgerow.app.logins import find_own_session
from hedgerow.errors import AccountError, InvalidRequest
from hedgerow.web.bodies import Incoming, incoming
from hedgerow.web.callers import permission_of, service_of
from hedgerow.web.sessions import CSRF_FIELD, CSRF_HEADER, session_token

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response

__all__ = ["Upload", "UploadRoute", "upload_of"]

_FORM: Final = "multipart/form-data"


class UploadRoute(APIRoute):
    """A route that takes a form with the file ``media``; `upload_of` gives what came."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if request.method != "POST" or kind != _FORM or not await self._may_be_read(request):
                return await answer(request)
            request.scope.setdefault("state", {})
            async with incoming(request) as came:
                proof = str(came.fields.pop(CSRF_FIELD, ""))
                headers = [each for each in request.scope["headers"] if each[0] != CSRF_HEADER.encode()]
                proven = (CSRF_HEADER.encode(), proof.encode("ascii", "replace"))
                told = Request({**request.scope, "headers": [*headers, proven]}, request.receive)
                told.state.upload = came
                return await answer(told)

        return handle

    async def _may_be_read(self, request: Request) -> bool:
        """Tell whether somebody asks who may do this; whom it is not, the route refuses without reading on."""
        token = session_token(request)
        if token is None:
            return False
        service = service_of(request)
        try:
            session = await run_in_threadpool(find_own_session, service.settings, service.database, token, at=now())
        except AccountError:
            return False
        return permission_of(self) in session.permissions


def upload_of(request: Request) -> Incoming:
    """Return the form and the file that came.

    Raises:
        InvalidRequest: It is no form with a file.
    """
    came: Incoming | None = getattr(request.state, "upload", None)
    if came is None:
        raise InvalidRequest("it is no form with a file")
    return came


Upload = Annotated[Incoming, Depends(upload_of)]
"""What came, as an argument of a route."""
