"""Read requests that carry media: never more than the limit, never slower, and never all of a long film in memory.

Media comes in one of three ways: as the file ``media`` of a form, as the whole body under its own content type, or not
at all, when JSON names signals or an address instead.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from hedgerow.app.service import Media
from hedgerow.errors import InvalidRequest, RequestTooLarge, RequestTooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
    from typing import TypeVar

    from pydantic import BaseModel
    from starlette.responses import Response
    from starlette.types import Message

    from hedgerow.settings import Settings

    Model = TypeVar("Model", bound=BaseModel)

__all__ = ["MEDIA_FIELD", "BoundedRoute", "Incoming", "incoming", "incoming_folder", "small_body", "whole_body"]

MEDIA_FIELD: Final = "media"

_IN_MEMORY_BYTES: Final = 8 * 1024**2  # most pictures; what is longer goes to disk while it arrives
_MOST_FIELDS: Final = 64
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Incoming:
    """What arrived.

    Attributes:
        fields: The parts of a form, the object of a JSON body, or the query of a body that is media.
        media: The media; None where none came.
    """

    fields: dict[str, Any]
    media: Media | None = field(default=None)

    def read(self, model: type[Model]) -> Model:
        """Return the fields as a model, or raise what tells the caller which of them do not fit."""
        from fastapi.exceptions import RequestValidationError  # noqa: PLC0415  (only needed when something is wrong)

        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


def incoming_folder(settings: Settings) -> Path:
    """Return where long media lies while it is looked at; what a crash left there goes when the service starts."""
    return settings.data / "incoming"


@asynccontextmanager
async def incoming(request: Request, json_fields: frozenset[str] = frozenset()) -> AsyncIterator[Incoming]:
    """Read a request; what of it lies on disk is gone at the end.

    Args:
        request: Not read yet.
        json_fields: Names of form fields that hold JSON.

    Raises:
        RequestTooLarge: It has more bytes than `server.body_bytes`, or `server.field_bytes` where it is no media.
        RequestTooSlow: It did not arrive within `server.body_s`.
        InvalidRequest: It cannot be read as what it says it is.
    """
    settings: Settings = request.app.state.service.settings
    made: list[Path] = []
    try:
        async with _in_time(settings.server.body_s):
            came = await _read(request, settings, json_fields, made.append)
        yield came
    finally:
        for path in made:
            await run_in_threadpool(path.unlink, missing_ok=True)


@asynccontextmanager
async def whole_body(request: Request) -> AsyncIterator[Media]:
    """Take a request's body as it is, whatever it says that it is; what of it lies on disk is gone at the end.

    Raises:
        RequestTooLarge: It has more bytes than `server.body_bytes`.
        RequestTooSlow: It did not arrive within `server.body_s`.
    """
    settings: Settings = request.app.state.service.settings
    made: list[Path] = []
    try:
        async with _in_time(settings.server.body_s):
            stream = _limited(request, settings.server.body_bytes)
            media = await _collect(stream, incoming_folder(settings), made.append)
        yield media
    finally:
        for path in made:
            await run_in_threadpool(path.unlink, missing_ok=True)


async def small_body(request: Request, limit_bytes: int) -> bytes:
    """Take a request's body into memory.

    Raises:
        RequestTooLarge: It has more bytes than the limit.
        RequestTooSlow: It did not arrive within `server.body_s`.
    """
    async with _in_time(request.app.state.service.settings.server.body_s):
        return await _all(request, limit_bytes)


@asynccontextmanager
async def _in_time(limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise RequestTooSlow(limit_s) from None


class BoundedRoute(APIRoute):
    """A route whose body FastAPI reads: no larger than `server.field_bytes`, and no slower than `server.body_s`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()
        if self.body_field is None:
            return answer

        async def bounded(request: Request) -> Response:
            body = await small_body(request, request.app.state.service.settings.server.field_bytes)
            is_given = False

            async def given() -> Message:
                nonlocal is_given
                if is_given:
                    return await request.receive()
                is_given = True
                return {"type": "http.request", "body": body, "more_body": False}

            return await answer(Request(request.scope, given))

        return bounded


async def _read(
    request: Request, settings: Settings, json_fields: frozenset[str], made: Callable[[Path], None]
) -> Incoming:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    limits = settings.server
    if kind == _FORM:
        return await _form(request, settings, json_fields, made)
    if kind == _JSON or not kind:
        data = await _all(request, limits.field_bytes)
        return Incoming(_object(data))
    if kind == "application/x-www-form-urlencoded":
        raise InvalidRequest("it is no form with files (multipart/form-data), no JSON and no media")
    stream = _limited(request, limits.body_bytes)
    return Incoming(dict(request.query_params), await _collect(stream, incoming_folder(settings), made))


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidRequest("it is no JSON") from None
    if not isinstance(value, dict):
        raise InvalidRequest("it is no JSON object")
    return value


async def _all(request: Request, limit_bytes: int) -> bytes:
    return b"".join([piece async for piece in _limited(request, limit_bytes)])


async def _limited(request: Request, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """Give what arrives, up to a limit; what says beforehand that it is more is not read at all."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdecimal() and int(said) > limit_bytes:
        raise RequestTooLarge(limit_bytes)
    came = 0
    async for piece in request.stream():
        came += len(piece)
        if came > limit_bytes:
            raise RequestTooLarge(limit_bytes)
        yield piece


async def _collect(stream: AsyncIterator[bytes], folder: Path, made: Callable[[Path], None]) -> Media:
    """Take media in: in memory, or in a file once it proves long."""
    pieces: list[bytes] = []
    size = 0
    async for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size > _IN_MEMORY_BYTES:
            break
    else:
        return Media(size, b"".join(pieces))
    path = await run_in_threadpool(_new_file, folder)
    made(path)
    with path.open("ab") as file:
        await run_in_threadpool(file.writelines, pieces)
        async for piece in stream:
            size += len(piece)
            await run_in_threadpool(file.write, piece)
    return Media(size, path=path)


async def _form(
    request: Request, settings: Settings, json_fields: frozenset[str], made: Callable[[Path], None]
) -> Incoming:
    limits = settings.server
    parser = MultiPartParser(
        request.headers,
        _limited(request, limits.body_bytes),
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=limits.field_bytes,
    )
    parser.spool_max_size = _IN_MEMORY_BYTES
    try:
        form = await parser.parse()
    except (MultiPartException, HTTPException, KeyError):  # a form without a boundary is a KeyError
        raise InvalidRequest("it is no form of at most one file and 64 fields, none of them too long") from None
    fields: dict[str, Any] = {}
    media: Media | None = None
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name != MEDIA_FIELD:
                    raise InvalidRequest(f"the file of a form is called {MEDIA_FIELD}")
                media = await _uploaded(value, settings, made)
            elif name in fields:
                raise InvalidRequest("a field came twice")
            else:
                fields[name] = _json_field(name, value) if name in json_fields else value
    finally:
        await form.close()
    return Incoming(fields, media)


def _json_field(name: str, text: str) -> Any:  # noqa: ANN401  (whatever it holds)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(f"the field {name} is no JSON") from None


async def _uploaded(upload: UploadFile, settings: Settings, made: Callable[[Path], None]) -> Media:
    size = upload.size or 0
    if size <= _IN_MEMORY_BYTES:
        return Media(size, await upload.read())
    path = await run_in_threadpool(_new_file, incoming_folder(settings))
    made(path)

    def copy() -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)

    await run_in_threadpool(copy)
    return Media(size, path=path)


def _new_file(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:  # readable by its owner only
        return Path(file.name)
