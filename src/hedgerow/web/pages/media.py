"""Media for people: what is filtered, and what is shown after a look was put on record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from hedgerow.accounts import Permission
from hedgerow.app.serving.media import Original, is_signed, signature_of
from hedgerow.errors import RevealNeeded
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hedgerow.app.serving.media import Showing

__all__ = ["router"]

router = APIRouter(route_class=BoundedRoute)

_LARGEST_NUMBER: Final = 2**63 - 1
_KEPT_S: Final = 300
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_NO_KEEPING: Final = {
    "cache-control": "no-store",
    "content-disposition": "inline",
    # Opened by itself in a tab it is shown in a frame without rights; it is a picture or a video of ours anyway.
    "content-security-policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
}
_Tiles = Annotated[Caller, Depends(allowed(Permission.MEDIA_TILE))]
_Viewer = Annotated[Caller, Depends(allowed(Permission.MEDIA_VIEW))]


class RevealAsked(BaseModel):
    """What is to be shown."""

    submission: int = Field(gt=0, le=_LARGEST_NUMBER)


class HiddenSaid(BaseModel):
    """What a browser says of a look that is over; our own clock has the last word."""

    seconds: float | None = Field(default=None, ge=0, le=86_400)
    intervals: list[tuple[float, float]] = Field(default_factory=list, max_length=1_000)


# ── what may be shown unasked ────────────────────────────────────────────────────────────────────────────────────


@router.get("/media/{evidence}/tile")
def tile(request: Request, evidence: int, _caller: _Tiles) -> Response:
    """Give the tile: small, grey, blurred."""
    return _filtered(request, evidence, "tile")


@router.get("/media/{evidence}/blurred")
def blurred(request: Request, evidence: int, _caller: _Tiles) -> Response:
    """Give the blurred picture: as large as a page, and with no more in it than the tile."""
    return _filtered(request, evidence, "blurred")


@router.get("/media/{evidence}/strip")
def strip(request: Request, evidence: int, _caller: _Tiles) -> Response:
    """Give a video's frames, blurred."""
    return _filtered(request, evidence, "strip")


def _filtered(request: Request, evidence: int, form: str) -> Response:
    shown = _showing(request).filtered(_number(evidence), form)
    return Response(shown.data, media_type=shown.media_type, headers={"cache-control": f"private, max-age={_KEPT_S}"})


# ── what takes a look ────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/cases/{number}/reveals", status_code=201)
def reveal(request: Request, number: str, asked: RevealAsked, caller: _Viewer) -> Response:
    """Put a look on record, and say where it can be had."""
    found = _showing(request).reveal(number, asked.submission, user_id=_user(caller))
    until = int(found.until.timestamp())
    signature = signature_of(caller.token, found.evidence, found.reveal, until)
    address = f"/media/{found.evidence}/full?reveal={found.reveal}&until={until}&signature={signature}"
    said: dict[str, Any] = {
        "reveal": found.reveal,
        "evidence": found.evidence,
        "kind": found.kind,
        "seconds": found.seconds,
        "address": address,
    }
    return JSONResponse(said, 201)


@router.get("/media/{evidence}/full")
def full(  # the address has three parts that belong together
    request: Request, evidence: int, caller: _Viewer, reveal: str = "", until: int = 0, signature: str = ""
) -> Response:
    """Give what is looked at, to the session for which the address was made, while the look goes on."""
    if not is_signed(caller.token, evidence, reveal, until, signature):
        raise RevealNeeded
    showing = _showing(request)
    found = showing.full(_number(evidence), reveal, user_id=_user(caller))
    if isinstance(found, Original):
        return _video(request, found, showing, reveal)
    headers = {**_NO_KEEPING, "content-length": str(len(found.data))}
    chunks = _told(iter([found.data]), showing, reveal, at_first=False)
    return StreamingResponse(chunks, media_type=found.media_type, headers=headers)


@router.post("/cases/{number}/reveals/{reveal}/hidden", status_code=204)
def hidden(request: Request, number: str, reveal: str, said: HiddenSaid, caller: _Viewer) -> Response:
    """Put on record that it is hidden again."""
    _showing(request).hidden(number, reveal, seconds=said.seconds, intervals=said.intervals, user_id=_user(caller))
    return Response(status_code=204)


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _showing(request: Request) -> Showing:
    showing: Showing = service_of(request).showing
    return showing


def _number(number: int) -> int:
    return number if 0 < number <= _LARGEST_NUMBER else 0


def _user(caller: Caller) -> int:
    if caller.user_id is None:  # a program sees nothing, whatever its key may
        raise RevealNeeded
    return caller.user_id


def _told(chunks: Iterable[bytes], showing: Showing, reveal: str, *, at_first: bool) -> Iterator[bytes]:
    """Give the bytes, and note when the first or the last of them has left us."""
    is_told = False
    for each in chunks:
        yield each
        if at_first and not is_told:
            showing.handed_over(reveal)
            is_told = True
    if not is_told:
        showing.handed_over(reveal)


def _video(request: Request, found: Original, showing: Showing, reveal: str) -> Response:
    """Give a video, or the piece of it that a browser asks for."""
    size = found.size_bytes
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    start, stop = 0, size
    if asked is not None:
        start = int(asked[1])
        stop = min(int(asked[2]) + 1, size) if asked[2] else size
        if start >= stop:
            return Response(status_code=416, headers={**_NO_KEEPING, "content-range": f"bytes */{size}"})
    headers = {**_NO_KEEPING, "accept-ranges": "bytes", "content-length": str(stop - start)}
    if asked is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    chunks = _told(_cut(found.chunks, start, stop), showing, reveal, at_first=True)
    return StreamingResponse(chunks, 200 if asked is None else 206, media_type=found.media_type, headers=headers)


def _cut(chunks: Iterable[bytes], start: int, stop: int) -> Iterator[bytes]:
    """Give the bytes from `start` up to `stop`; what lies before is opened and passed over.

    >>> b"".join(_cut([b"abc", b"def", b"ghi"], 2, 7))
    b'cdefg'
    """
    at = 0
    for each in chunks:
        if at + len(each) > start:
            yield each[max(0, start - at) : stop - at]
        at += len(each)
        if at >= stop:
            return
