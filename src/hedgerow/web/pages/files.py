"""The few files that pages load: style sheets, scripts and one picture, all our own."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from hedgerow.web.callers import public

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["address_of_file", "router"]

router = APIRouter(dependencies=[Depends(public)])

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_YEAR_S: Final = 31_536_000


@cache
def _contents() -> Mapping[str, bytes]:
    folder = resources.files("hedgerow.web.pages").joinpath("static")
    return {each.name: each.read_bytes() for each in folder.iterdir() if PurePosixPath(each.name).suffix in _TYPES}


@cache
def _edition() -> str:
    """Return a word that changes with any of the files: a script imports others by names that do not."""
    digest = hashlib.sha256()
    for name, content in sorted(_contents().items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def address_of_file(name: str) -> str:
    """Return the address of a file, which changes with what is in any of them, so that browsers may keep it."""
    if name not in _contents():
        raise KeyError(name)
    return f"/static/{_edition()}/{name}"


@router.get("/static/{edition}/{name}")
async def static(edition: str, name: str) -> Response:
    """Give one of the files; for good, unless a page of another version asks."""
    content = _contents().get(name)
    if content is None:
        raise HTTPException(404)
    kept = f"public, max-age={_YEAR_S}, immutable" if edition == _edition() else "no-store"
    return Response(content, media_type=_TYPES[PurePosixPath(name).suffix], headers={"cache-control": kept})
