"""The few files that pages load: one style sheet and one picture, both our own."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from hedgerow.web.callers import public

__all__ = ["address_of_file", "router"]

router = APIRouter(dependencies=[Depends(public)])

_TYPES: Final = {"hedgerow.css": "text/css; charset=utf-8", "hedgerow.svg": "image/svg+xml"}
_YEAR_S: Final = 31_536_000


@cache
def _content(name: str) -> bytes:
    return resources.files("hedgerow.web.pages").joinpath("static", name).read_bytes()


@cache
def address_of_file(name: str) -> str:
    """Return the address of a file, which changes with what is in it, so that browsers may keep it."""
    return f"/static/{name}?{hashlib.sha256(_content(name)).hexdigest()[:12]}"


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Give one of the files."""
    if name not in _TYPES:
        raise HTTPException(404)
    return Response(
        _content(name), media_type=_TYPES[name], headers={"cache-control": f"public, max-age={_YEAR_S}, immutable"}
    )
